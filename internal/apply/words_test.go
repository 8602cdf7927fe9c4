package apply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/guard"
)

var (
	denied = &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "kms:EnableKeyRotation", Code: "AccessDeniedException", Message: "no", RequestID: "r1"}, Stop: true}
	later  = &keyrotor.NotYet{Again: noon.Add(20 * time.Minute), Reason: "an automatic rotation was just made"}
	doubt  = &keyrotor.InDoubt{Err: errors.New("connection reset by peer")}
)

func TestAnOutcomeSaysOnlyWhatWasSeen(t *testing.T) {
	t.Parallel()
	one := change("k1", "111111111111", keyrotor.EnableRotation)
	two := change("k1", "111111111111", keyrotor.EnableRotation, keyrotor.TagKey)
	rotate := change("k1", "111111111111", keyrotor.RotateNow)
	refuse := func(v guard.Verdict, verb keyrotor.Verb) func(keyrotor.Step, keyrotor.Asset) guard.Verdict {
		return func(s keyrotor.Step, _ keyrotor.Asset) guard.Verdict {
			if s.Verb == verb {
				return v
			}
			return guard.Verdict{}
		}
	}
	doFails := func(err error) func(*switches, *apply.Executor) {
		return func(w *switches, _ *apply.Executor) { w.do = func(keyrotor.Step) error { return err } }
	}
	for sentence, tt := range map[string]struct {
		change keyrotor.Change
		world  func(*switches, *apply.Executor)
		want   keyrotor.OutcomeState
		reason string
	}{
		"a change that takes effect succeeded":          {one, nil, keyrotor.Succeeded, ""},
		"what was so already is unchanged":              {one, func(w *switches, _ *apply.Executor) { w.set("k1/enable-rotation") }, keyrotor.Unchanged, "not by this run"},
		"half there already, half done by us succeeded": {two, func(w *switches, _ *apply.Executor) { w.set("k1/enable-rotation") }, keyrotor.Succeeded, ""},
		"what the guard refuses is skipped": {one, func(_ *switches, e *apply.Executor) {
			e.Guard = refuse(guard.Verdict{State: keyrotor.Skipped, Reason: "pending deletion"}, keyrotor.EnableRotation)
		}, keyrotor.Skipped, "pending deletion"},
		"what the guard finds done is unchanged": {one, func(_ *switches, e *apply.Executor) {
			e.Guard = refuse(guard.Verdict{State: keyrotor.Unchanged, Reason: "on"}, keyrotor.EnableRotation)
		}, keyrotor.Unchanged, "on"},
		"refused after an earlier step took effect is failed": {two, func(_ *switches, e *apply.Executor) {
			e.Guard = refuse(guard.Verdict{State: keyrotor.Skipped, Reason: "pending deletion"}, keyrotor.TagKey)
		}, keyrotor.Failed, "earlier steps took effect, then: pending deletion"},
		"the guard is not asked of what is done": {one, func(w *switches, e *apply.Executor) {
			w.set("k1/enable-rotation")
			e.Guard = refuse(guard.Verdict{State: keyrotor.Skipped, Reason: "already on"}, keyrotor.EnableRotation)
		}, keyrotor.Unchanged, "not by this run"},
		"a key that is gone is skipped":                         {one, func(_ *switches, e *apply.Executor) { e.Look = lookFails(fmt.Errorf("key: %w", keyrotor.ErrNotFound)) }, keyrotor.Skipped, "does not exist"},
		"a key that nobody may look at failed":                  {one, func(_ *switches, e *apply.Executor) { e.Look = lookFails(denied) }, keyrotor.Failed, "AccessDenied"},
		"a stale plan is skipped":                               {one, doFails(fmt.Errorf("%w: the material differs", keyrotor.ErrConflict)), keyrotor.Skipped, "the material differs"},
		"a definite refusal failed":                             {one, doFails(fmt.Errorf("enable: %w", denied)), keyrotor.Failed, "step 1 (enable-rotation): enable: kms:EnableKeyRotation: AccessDeniedException: no"},
		"a refusal for now is waiting":                          {one, doFails(later), keyrotor.Waiting, "automatic rotation"},
		"what goes on without us is waiting":                    {one, func(w *switches, _ *apply.Executor) { w.check = func(keyrotor.Step) error { return later } }, keyrotor.Waiting, "automatic rotation"},
		"no answer and no effect, of a repeatable call, failed": {one, doFails(doubt), keyrotor.Failed, "looked again and it is not in effect"},
		"no answer and no effect, of any other, is unproven":    {rotate, doFails(doubt), keyrotor.Unproven, "a second call could do it twice"},
		"no answer and the effect there succeeded":              {rotate, func(w *switches, _ *apply.Executor) { w.lost = func(keyrotor.Step) bool { return true } }, keyrotor.Succeeded, ""},
		"a verb that nobody knows failed":                       {change("k1", "1", "unheard-of"), nil, keyrotor.Failed, "nobody here knows how to unheard-of"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			e := executor(w, j)
			e.Look = lookFails(nil)
			if tt.world != nil {
				tt.world(w, e)
			}
			got := only(t, e, tt.change)
			if got.State != tt.want || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("got %s: %s\nwant %s: …%s…", got.State, got.Reason, tt.want, tt.reason)
			}
			if diff := cmp.Diff(j.Past()["k1"].Outcome, &got); diff != "" {
				t.Errorf("the journal says something else (-journal +result):\n%s", diff)
			}
		})
	}
}

func lookFails(err error) func(context.Context, keyrotor.Step) (keyrotor.Asset, error) {
	return func(context.Context, keyrotor.Step) (keyrotor.Asset, error) { return keyrotor.Asset{}, err }
}

func TestAFailureKeepsTheServicesWords(t *testing.T) {
	t.Parallel()
	w := newSwitches()
	w.do = func(keyrotor.Step) error { return fmt.Errorf("k1: %w", denied) }
	got := only(t, executor(w, &applytest.Journal{}), change("k1", "1", keyrotor.EnableRotation))
	if diff := cmp.Diff(&denied.CallError, got.Error); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestAWaitingOutcomeSaysUntilWhen(t *testing.T) {
	t.Parallel()
	w := newSwitches()
	w.do = func(keyrotor.Step) error { return later }
	got := only(t, executor(w, &applytest.Journal{}), change("k1", "1", keyrotor.EnableRotation))
	if got.Until == nil || !got.Until.Equal(later.Again) {
		t.Errorf("until = %v, want %v", got.Until, later.Again)
	}
}

func TestAnEffectFoundAfterACrashIsOursAndSaysSo(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	intend(t, j, apply.Intent{Change: "k1", Step: 1, Verb: keyrotor.EnableRotation, Token: "token-k1", At: noon})
	w.set("k1/enable-rotation")
	got := only(t, executor(w, j), change("k1", "1", keyrotor.EnableRotation))
	if got.State != keyrotor.Succeeded || len(got.Receipts) != 1 || !got.Receipts[0].Recovered || got.Receipts[0].Found {
		t.Errorf("got %s with %+v, want succeeded with a recovered receipt", got.State, got.Receipts)
	}
	if effects := w.effects(); len(effects) > 0 {
		t.Errorf("did %v again", effects)
	}
}

func intend(t *testing.T, j *applytest.Journal, intents ...apply.Intent) {
	t.Helper()
	if err := j.Intend(t.Context(), intents...); err != nil {
		t.Fatal(err)
	}
}

// The intent of a crashed turn stood for a call whose effect came late; the
// next turn's call was refused, and closing the intent then made the effect
// look like somebody else's: unchanged, and unknown to undo.
func TestARefusalDoesNotCloseTheIntentOfAnEarlierCall(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	intend(t, j, apply.Intent{Change: "k1", Step: 1, Verb: keyrotor.EnableRotation, Token: "token-k1", At: noon})
	w.do = func(keyrotor.Step) error { return denied }
	c := change("k1", "1", keyrotor.EnableRotation)
	if got := only(t, executor(w, j), c); got.State != keyrotor.Failed {
		t.Fatalf("got %s: %s, want failed", got.State, got.Reason)
	}
	w.set("k1/enable-rotation") // the first call lands
	got := only(t, executor(w, j), c)
	if got.State != keyrotor.Succeeded || !got.Receipts[0].Recovered {
		t.Errorf("got %s with %+v, want succeeded and recovered", got.State, got.Receipts)
	}
}

// The answer was lost, and so was the look that followed: that is no reason to
// call it unproven for good, for the next turn may be able to look.
func TestALookThatFailsAfterALostAnswerLeavesTheQuestionOpen(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	broken := false
	w.lost = func(keyrotor.Step) bool { broken = true; return true }
	w.check = func(keyrotor.Step) error {
		if broken {
			return errors.New("no route to host")
		}
		return nil
	}
	c := change("k1", "1", keyrotor.RotateNow)
	if got := only(t, executor(w, j), c); got.State != keyrotor.Failed || !got.InDoubt || !strings.Contains(got.Reason, "no route to host") {
		t.Fatalf("got %s (in doubt: %t): %s, want failed and in doubt", got.State, got.InDoubt, got.Reason)
	}
	broken = false
	if got := only(t, executor(w, j), c); got.State != keyrotor.Succeeded || got.InDoubt {
		t.Errorf("got %s (in doubt: %t): %s, want succeeded", got.State, got.InDoubt, got.Reason)
	}
	if got := w.effects(); len(got) != 1 {
		t.Errorf("rotated %d times, want once", len(got))
	}
}

func TestResumingRepeatsNothing(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	p := planOf(many(4, "111111111111"), []keyrotor.Change{change("k1", "2", keyrotor.EnableRotation, keyrotor.TagKey)})
	var want int
	for n := range 3 {
		res, err := executor(w, j).Run(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Counts()[keyrotor.Succeeded]; got != 5 {
			t.Errorf("turn %d: %d succeeded, want 5", n+1, got)
		}
		if n == 0 {
			want = len(j.Lines())
		}
	}
	if got := len(w.effects()); got != 6 {
		t.Errorf("%d effects, want 6", got)
	}
	if got := len(j.Lines()); got != want {
		t.Errorf("the journal grew from %d to %d lines by turns with nothing to do", want, got)
	}
}
