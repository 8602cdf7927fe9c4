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
)

// single is a change of a single user's password, with its way back.
func single() keyrotor.Change {
	c := stretch(change("k1", "1", keyrotor.CreatePending, keyrotor.Install, keyrotor.Try, keyrotor.Promote, keyrotor.Retire), 2, 4)
	c.BackOut = []keyrotor.Step{
		{Number: 6, Verb: keyrotor.PutBack, Target: c.Target, Stretch: 1},
		{Number: 7, Verb: keyrotor.DropPending, Target: c.Target},
	}
	return c
}

// refuses makes the world refuse some verbs.
func refuses(verbs ...keyrotor.Verb) func(keyrotor.Step) error {
	return func(s keyrotor.Step) error {
		for _, v := range verbs {
			if s.Verb == v {
				return denied
			}
		}
		return nil
	}
}

func TestAStretchThatIsRefusedIsBackedOutInTheSameTurn(t *testing.T) {
	t.Parallel()
	for _, verb := range []keyrotor.Verb{keyrotor.Install, keyrotor.Try, keyrotor.Promote} {
		t.Run(string(verb), func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			w.do = refuses(verb)
			got := only(t, executor(w, j), single())
			if got.State != keyrotor.RolledBack || !strings.Contains(got.Reason, "AccessDenied") || !strings.Contains(got.Reason, "nothing is rotated") {
				t.Errorf("got %s: %s, want rolled-back, and why", got.State, got.Reason)
			}
			if diff := cmp.Diff(&denied.CallError, got.Error); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if !w.isOn("k1/put-back") || !w.isOn("k1/drop-pending") || w.isOn("k1/retire") {
				t.Errorf("effects %v", w.effects())
			}
			if open := j.Past()["k1"].Open; len(open) > 0 {
				t.Errorf("intents left open: %v", open)
			}
			done := len(w.effects())
			w.do = nil
			if again := only(t, executor(w, j), single()); again.State != keyrotor.RolledBack || len(w.effects()) != done {
				t.Errorf("the next turn: %s after %v, want nothing more", again.State, w.effects())
			}
		})
	}
}

// Neither way open: the outcome says so and stays open; whichever way opens
// first is taken by the next turn.
func TestAWayBackThatIsRefusedLeavesBothWaysToTheNextTurn(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		then func(keyrotor.Step) error
		want keyrotor.OutcomeState
	}{
		"forward opens":    {nil, keyrotor.Succeeded},
		"the way back too": {refuses(keyrotor.Try), keyrotor.RolledBack},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			w.do = refuses(keyrotor.Try, keyrotor.PutBack)
			got := only(t, executor(w, j), single())
			if got.State != keyrotor.Failed || !strings.Contains(got.Reason, "step 3 (try)") || !strings.Contains(got.Reason, "backing out was refused at step 6 (put-back)") {
				t.Errorf("got %s: %s, want failed, and both ways named", got.State, got.Reason)
			}
			w.do = tt.then
			if got = only(t, executor(w, j), single()); got.State != tt.want {
				t.Errorf("then: %s: %s, want %s", got.State, got.Reason, tt.want)
			}
			if forward := tt.want == keyrotor.Succeeded; w.isOn("k1/put-back") == forward || w.isOn("k1/retire") != forward {
				t.Errorf("effects %v", w.effects())
			}
			if open := j.Past()["k1"].Open; len(open) > 0 {
				t.Errorf("intents left open: %v", open)
			}
		})
	}
}

func TestATryThatFoundNobodyIsNoReasonToGoBack(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	w.do = func(s keyrotor.Step) error {
		if s.Verb == keyrotor.Try {
			return &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "login", Code: "NoAnswer"}, Err: doubt}
		}
		return nil
	}
	if got := only(t, executor(w, j), single()); got.State != keyrotor.Failed || w.isOn("k1/put-back") {
		t.Errorf("got %s after %v, want failed, and nothing taken back", got.State, w.effects())
	}
	w.do = nil
	if got := only(t, executor(w, j), single()); got.State != keyrotor.Succeeded {
		t.Errorf("then: %s: %s, want succeeded", got.State, got.Reason)
	}
}

// A turn was killed while it promoted; the next is refused, and the promotion
// lands half a minute later: what consumers were given is not taken back.
func TestAPromotionThatMayStillLandIsWaitedForBeforeTheWayBack(t *testing.T) {
	t.Parallel()
	for sentence, lands := range map[string]bool{"it lands": true, "it does not": false} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			left := single()
			for _, s := range left.Steps[:4] {
				intend(t, j, apply.Intent{Change: "k1", Step: s.Number, Verb: s.Verb, Token: "token-k1", At: noon})
				if s.Verb != keyrotor.Promote {
					w.set(name(s))
					if err := j.Receive(t.Context(), keyrotor.Receipt{Change: "k1", Step: s.Number, Verb: s.Verb, At: noon}); err != nil {
						t.Fatal(err)
					}
				}
			}
			e := executor(w, j)
			w.do = refuses(keyrotor.Promote)
			w.check = func(s keyrotor.Step) error {
				if lands && e.Now().After(noon.Add(30*time.Second)) {
					w.set("k1/promote")
				}
				return nil
			}
			got := only(t, e, left)
			want := keyrotor.RolledBack
			if lands {
				want = keyrotor.Succeeded
			}
			if got.State != want || w.isOn("k1/put-back") == lands {
				t.Errorf("got %s: %s after %v, want %s", got.State, got.Reason, w.effects(), want)
			}
		})
	}
}

func TestAFullDiskDoesNotStopTheWayBack(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	w.do = func(s keyrotor.Step) error {
		if s.Verb == keyrotor.Try {
			j.SetFull(true)
			return denied
		}
		return nil
	}
	got := only(t, executor(w, j), single())
	if got.State != keyrotor.Waiting || !w.isOn("k1/put-back") || w.isOn("k1/drop-pending") {
		t.Errorf("got %s: %s after %v, want the old one back, and no effect after it", got.State, got.Reason, w.effects())
	}
	j.SetFull(false)
	w.do = refuses(keyrotor.Try)
	if got = only(t, executor(w, j), single()); got.State != keyrotor.RolledBack {
		t.Errorf("with room again: %s: %s, want rolled-back", got.State, got.Reason)
	}
}

func TestAnInterruptOnTheWayBackWaitsUntilTheOldOneIsBack(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	ctx, interrupt := context.WithCancel(t.Context())
	w.do = func(s keyrotor.Step) error {
		if s.Verb == keyrotor.Try {
			interrupt()
			return denied
		}
		return nil
	}
	res, _ := executor(w, j).Run(ctx, planOf([]keyrotor.Change{single()}))
	got := res.Outcomes[0]
	if got.State != keyrotor.Waiting || !strings.Contains(got.Reason, "interrupted before step 7 (drop-pending)") || !w.isOn("k1/put-back") || w.isOn("k1/drop-pending") {
		t.Errorf("got %s: %s after %v", got.State, got.Reason, w.effects())
	}
	if got = only(t, executor(w, j), single()); got.State != keyrotor.RolledBack {
		t.Errorf("the next turn: %s: %s, want rolled-back", got.State, got.Reason)
	}
}

func TestASupersededChangeEndsForGood(t *testing.T) {
	t.Parallel()
	superseded := fmt.Errorf("%w: %w: v9 is current", keyrotor.ErrConflict, keyrotor.ErrSuperseded)
	for _, at := range []keyrotor.Verb{keyrotor.CreatePending, keyrotor.Install, keyrotor.Try, keyrotor.Retire, keyrotor.PutBack} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			intend(t, j, apply.Intent{Change: "k1", Step: 1, Verb: keyrotor.CreatePending, Token: "token-k1", At: noon})
			w.check = func(s keyrotor.Step) error {
				if s.Verb == at {
					return superseded
				}
				return nil
			}
			if at == keyrotor.PutBack {
				w.do = refuses(keyrotor.Try)
			}
			got := only(t, executor(w, j), single())
			if got.State != keyrotor.Skipped || !strings.Contains(got.Reason, "superseded") || !strings.Contains(got.Reason, "v9 is current") {
				t.Errorf("got %s: %s, want skipped, and why", got.State, got.Reason)
			}
			lines, done := len(j.Lines()), len(w.effects())
			w.check, w.do = nil, nil
			if again := only(t, executor(w, j), single()); again.State != keyrotor.Skipped || len(j.Lines()) != lines || len(w.effects()) != done {
				t.Errorf("the next turn: %s, %d lines more, effects %v; want nothing more", again.State, len(j.Lines())-lines, w.effects())
			}
		})
	}
}

func TestAPlainConflictAfterAnEffectStaysOpen(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	w.do = func(s keyrotor.Step) error {
		if s.Verb == keyrotor.TagKey {
			return keyrotor.ErrConflict
		}
		return nil
	}
	got := only(t, executor(w, j), change("k1", "1", keyrotor.EnableRotation, keyrotor.TagKey))
	if got.State != keyrotor.Failed || errors.Is(keyrotor.ErrConflict, keyrotor.ErrSuperseded) {
		t.Errorf("got %s: %s, want failed", got.State, got.Reason)
	}
}

// A turn was killed on the way back. The next finishes it, and does not lock
// consumers out once more by going forward first.
func TestAWayBackThatWasBegunIsFinished(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		refuse []keyrotor.Verb
		lands  bool // the killed turn's put-back, half a minute later
		want   keyrotor.OutcomeState
	}{
		"nothing is refused any more":                {nil, false, keyrotor.RolledBack},
		"put-back is refused, and then lands":        {[]keyrotor.Verb{keyrotor.PutBack}, true, keyrotor.RolledBack},
		"put-back is refused, and forward is open":   {[]keyrotor.Verb{keyrotor.PutBack}, false, keyrotor.Succeeded},
		"put-back is refused, and forward is closed": {[]keyrotor.Verb{keyrotor.PutBack, keyrotor.Try}, false, keyrotor.Failed},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			c := single()
			w.set("k1/create-pending", "k1/install")
			for _, s := range append(c.Steps[:4:4], c.BackOut[0]) {
				intend(t, j, apply.Intent{Change: "k1", Step: s.Number, Verb: s.Verb, Token: "token-k1", At: noon})
			}
			e := executor(w, j)
			w.do = refuses(tt.refuse...)
			w.check = func(keyrotor.Step) error {
				if tt.lands && e.Now().After(noon.Add(30*time.Second)) {
					w.set("k1/put-back")
				}
				return nil
			}
			got := only(t, e, c)
			if got.State != tt.want {
				t.Errorf("got %s: %s after %v, want %s", got.State, got.Reason, w.effects(), tt.want)
			}
			if tt.want == keyrotor.RolledBack && (w.isOn("k1/try") || !w.isOn("k1/drop-pending")) {
				t.Errorf("effects %v, want the way back and nothing else", w.effects())
			}
		})
	}
}
