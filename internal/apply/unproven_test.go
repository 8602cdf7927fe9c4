package apply_test

import (
	"context"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
)

// An unproven change was final whatever the world showed later: a canary of such
// changes held up the rest of its plan for good.
func TestALaterTurnLooksAgainAtWhatCouldNotBeTold(t *testing.T) {
	t.Parallel()
	rotate := change("k1", "1", keyrotor.RotateNow)
	make3 := change("k1", "1", keyrotor.CreateKey, keyrotor.CreateAlias, keyrotor.EnableRotation)
	for sentence, tt := range map[string]struct {
		change  keyrotor.Change
		between func(*switches, *apply.Executor)
		want    keyrotor.OutcomeState
		calls   int // in both turns
	}{
		"an effect that came late counts":              {rotate, func(w *switches, _ *apply.Executor) { w.set("k1/rotate-now") }, keyrotor.Succeeded, 1},
		"what did not happen stays unproven":           {rotate, func(*switches, *apply.Executor) {}, keyrotor.Unproven, 1},
		"what cannot be looked at stays unproven":      {rotate, func(w *switches, _ *apply.Executor) { w.check = func(keyrotor.Step) error { return denied } }, keyrotor.Unproven, 1},
		"what is under way is waited for":              {rotate, func(w *switches, _ *apply.Executor) { w.check = func(keyrotor.Step) error { return later } }, keyrotor.Waiting, 1},
		"in a freeze it is left as it is":              {rotate, func(_ *switches, e *apply.Executor) { e.Frozen = func(time.Time) string { return "the year's end" } }, keyrotor.Unproven, 1},
		"steps that follow a proven one are done":      {make3, func(w *switches, _ *apply.Executor) { w.set("k1/create-key") }, keyrotor.Succeeded, 3},
		"steps that follow an unproven one never come": {make3, func(*switches, *apply.Executor) {}, keyrotor.Unproven, 1},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			calls, lost := 0, true
			w.do = func(keyrotor.Step) error {
				calls++
				if lost {
					return doubt
				}
				return nil
			}
			if got := only(t, executor(w, j), tt.change); got.State != keyrotor.Unproven {
				t.Fatalf("first turn: %s: %s, want unproven", got.State, got.Reason)
			}
			lost = false
			e := executor(w, j)
			tt.between(w, e)
			got := only(t, e, tt.change)
			if got.State != tt.want || calls != tt.calls {
				t.Errorf("%s: %s after %d calls; want %s after %d", got.State, got.Reason, calls, tt.want, tt.calls)
			}
			if got.State == keyrotor.Succeeded && !got.Receipts[0].Recovered {
				t.Errorf("receipt %+v, want one of an effect that was recovered", got.Receipts[0])
			}
			if last := j.Past()["k1"].Outcome; last.State != got.State {
				t.Errorf("the journal says %s, the turn %s", last.State, got.State)
			}
		})
	}
}

// What KMS accepted and nobody saw happen is looked at again as well.
func TestAnAcceptedCallWhoseEffectComesLateCounts(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	c := change("k1", "1", keyrotor.RotateNow)
	e := executor(w, j)
	e.Actor = func(keyrotor.Step) (apply.Actor, bool) { return late{w}, true }
	if got := only(t, e, c); got.State != keyrotor.Unproven {
		t.Fatalf("first turn: %s: %s, want unproven", got.State, got.Reason)
	}
	if got := only(t, executor(w, j), c); got.State != keyrotor.Succeeded || len(w.effects()) != 1 {
		t.Errorf("%s: %s after %d calls; want succeeded after one", got.State, got.Reason, len(w.effects()))
	}
}

// late is a world that does not show its effects yet.
type late struct{ *switches }

func (late) Check(context.Context, keyrotor.Step) (bool, error) { return false, nil }
