package apply_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
)

// blinded makes the answer to a verb's first call get lost, untyped as the seam
// allows, and refuses the looks that follow it, as a throttled service does. The
// effect lands after a while; a while of zero means never.
func blinded(w *switches, now func() time.Time, verb keyrotor.Verb, looks int, lands time.Duration) {
	var called time.Time
	w.do = func(s keyrotor.Step) error {
		if s.Verb == verb && called.IsZero() {
			called = now()
			return errors.New("connection reset by peer")
		}
		if s.Verb == verb && lands == 0 {
			return denied
		}
		return nil
	}
	w.check = func(s keyrotor.Step) error {
		if called.IsZero() {
			return nil
		}
		if looks > 0 {
			looks--
			return denied
		}
		if lands > 0 && !now().Before(called.Add(lands)) {
			w.set("k1/" + string(verb))
		}
		return nil
	}
}

// A refused look was once taken for the answer to the call before it: the old
// password was put back under a promotion that had still to land.
func TestARefusedLookIsNoAnswerToTheCallBeforeIt(t *testing.T) {
	t.Parallel()
	const always = 1 << 20
	for sentence, tt := range map[string]struct {
		verb  keyrotor.Verb
		looks int
		lands time.Duration
		want  keyrotor.OutcomeState
		back  bool
	}{
		"a promotion, and nobody can look any more":                  {keyrotor.Promote, always, time.Minute, keyrotor.Failed, false},
		"a promotion that lands when one can look again":             {keyrotor.Promote, 4, time.Minute, keyrotor.Succeeded, false},
		"a promotion that lands when the way back was looked at":     {keyrotor.Promote, 6, time.Minute, keyrotor.Succeeded, false},
		"a promotion that does not land when one can look again":     {keyrotor.Promote, 4, 0, keyrotor.RolledBack, true},
		"an installation: the old password may yet stop working":     {keyrotor.Install, 4, time.Minute, keyrotor.Failed, false},
		"an installation, and one can look again before it is tried": {keyrotor.Install, 2, time.Minute, keyrotor.Succeeded, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			e := executor(w, j)
			blinded(w, e.Now, tt.verb, tt.looks, tt.lands)
			got := only(t, e, single())
			if got.State != tt.want || w.isOn("k1/put-back") != tt.back {
				t.Errorf("got %s: %s after %v, want %s, and put back: %v", got.State, got.Reason, w.effects(), tt.want, tt.back)
			}
			if got.State != keyrotor.Failed {
				return
			}
			w.do, w.check = nil, nil
			if again := only(t, executor(w, j), single()); again.State != keyrotor.Succeeded {
				t.Errorf("the next turn: %s: %s, want succeeded", again.State, again.Reason)
			}
		})
	}
}

// The last of several tries may be refused while an earlier one is in doubt; an
// actor says so by a doubt around the refusal.
func TestADoubtAroundARefusalIsADoubt(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	w.do = func(s keyrotor.Step) error {
		w.set(name(s)) // the first try landed
		return &keyrotor.InDoubt{Err: fmt.Errorf("after two tries: %w", denied)}
	}
	got := only(t, executor(w, j), change("k1", "1", keyrotor.EnableRotation))
	if got.State != keyrotor.Succeeded || len(got.Receipts) != 1 || !got.Receipts[0].Recovered {
		t.Errorf("got %s: %s with %+v, want succeeded by an effect that was recovered", got.State, got.Reason, got.Receipts)
	}
}

// promotedLate is a world in which the promotion's call finds nobody and lands
// after three minutes, when the old credential is back already. What is dropped
// then is refused by the actor, for consumers have the new version.
func promotedLate(w *switches, now func() time.Time) {
	blinded(w, now, keyrotor.Promote, 0, 3*time.Minute)
	first, look := w.do, w.check
	w.do = func(s keyrotor.Step) error {
		err := first(s)
		if s.Verb == keyrotor.Promote && err == nil {
			return denied
		}
		return err
	}
	w.check = func(s keyrotor.Step) error {
		if err := look(s); err != nil {
			return err
		}
		if s.Verb == keyrotor.DropPending && w.isOn("k1/promote") {
			return fmt.Errorf("%w: it is current", keyrotor.ErrConflict)
		}
		if s.Verb == keyrotor.DropPending {
			return &keyrotor.NotYet{Again: now().Add(time.Minute), Reason: "a call may still land"}
		}
		return nil
	}
}

// The stretch's intents are closed by then; the receipt said that the world was
// so already and that nothing of it was ours.
func TestAPromotionThatLandsOnTheWayBackIsOurs(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	e := executor(w, j)
	e.Patience = time.Minute
	promotedLate(w, e.Now)
	var got keyrotor.Outcome
	for range 5 {
		if got = only(t, e, single()); got.State.Final() {
			break
		}
		_ = e.Sleep(t.Context(), time.Minute)
		e.Past = j.Past()
	}
	if got.State != keyrotor.Succeeded || !w.isOn("k1/put-back") || w.isOn("k1/drop-pending") {
		t.Fatalf("got %s: %s after %v, want succeeded, with the pending version kept", got.State, got.Reason, w.effects())
	}
	var verbs []string
	for _, r := range got.Receipts {
		verbs = append(verbs, string(r.Verb))
		if r.Verb == keyrotor.Promote && (!r.Recovered || r.Found) {
			t.Errorf("receipt %+v, want one of an effect of ours that was recovered", r)
		}
	}
	if all := strings.Join(verbs, " "); !strings.Contains(all, "put-back") {
		t.Errorf("receipts %s, want that of put-back among them", all)
	}
	if open := j.Past()["k1"].Open; len(open) > 0 {
		t.Errorf("intents left open: %v", open)
	}
}

// Forward there is nothing left to do, so that the change once went on to its
// grace, with consumers locked out.
func TestWhatLandedAndIsRefusedByTheTargetIsPutBackInTheNextTurn(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	w.do = func(s keyrotor.Step) error {
		switch s.Verb {
		case keyrotor.Try:
			return denied
		case keyrotor.PutBack:
			w.set("k1/promote") // a call of nobody here
			return denied
		}
		return nil
	}
	got := only(t, executor(w, j), single())
	if got.State != keyrotor.Failed || !strings.Contains(got.Reason, "step 6 (put-back)") || w.isOn("k1/retire") {
		t.Errorf("got %s: %s after %v, want failed at put-back", got.State, got.Reason, w.effects())
	}
	w.do = nil
	only(t, executor(w, j), single())
	if !w.isOn("k1/put-back") {
		t.Errorf("the next turn did %v, want put-back", w.effects())
	}
}
