package apply_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/guard"
)

func TestAnInterruptStopsAtTheDoorOfAStretch(t *testing.T) {
	t.Parallel()
	w := newSwitches()
	ctx, interrupt := context.WithCancel(t.Context())
	w.do = func(keyrotor.Step) error { interrupt(); return nil }
	single := stretch(change("k1", "1", keyrotor.CreatePending, keyrotor.Install, keyrotor.Promote), 2, 3)
	res, _ := executor(w, &applytest.Journal{}).Run(ctx, planOf([]keyrotor.Change{single}))
	if got := res.Outcomes[0]; got.State != keyrotor.Waiting || w.isOn("k1/install") {
		t.Errorf("got %s after %v, want waiting before install", got.State, w.effects())
	}
}

// slow is a world whose calls of one verb take a minute, unless they are given up.
type slow struct {
	*switches
	verb  keyrotor.Verb
	begun chan struct{}
}

func (w slow) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	if s.Verb != w.verb {
		return w.switches.Do(ctx, s)
	}
	close(w.begun)
	select {
	case <-ctx.Done():
		return keyrotor.Receipt{}, &keyrotor.InDoubt{Err: ctx.Err()}
	case <-time.After(time.Minute):
		return w.switches.Do(ctx, s)
	}
}

// Outside a stretch a call under way is given a while and then cut off; a call
// inside one would leave somebody locked out.
func TestACallInsideAStretchIsNotCutOffByAnInterrupt(t *testing.T) {
	t.Parallel()
	for verb, want := range map[keyrotor.Verb][]string{
		keyrotor.CreatePending: nil, // cut off
		keyrotor.Install:       {"k1/create-pending", "k1/install", "k1/try", "k1/promote"},
		keyrotor.Try:           {"k1/create-pending", "k1/install", "k1/try", "k1/promote"},
		keyrotor.Promote:       {"k1/create-pending", "k1/install", "k1/try", "k1/promote"},
		keyrotor.Retire:        {"k1/create-pending", "k1/install", "k1/try", "k1/promote"}, // cut off
	} {
		t.Run(string(verb), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, j := slow{newSwitches(), verb, make(chan struct{})}, &applytest.Journal{}
				e := executor(w.switches, j)
				e.Actor = func(keyrotor.Step) (apply.Actor, bool) { return w, true }
				e.Now, e.Sleep = time.Now, nil // the bubble's own clock
				ctx, interrupt := context.WithCancel(t.Context())
				go func() {
					<-w.begun
					interrupt()
				}()
				c := stretch(change("k1", "1", keyrotor.CreatePending, keyrotor.Install, keyrotor.Try, keyrotor.Promote, keyrotor.Retire), 2, 4)
				started := time.Now()
				res, err := e.Run(ctx, planOf([]keyrotor.Change{c}))
				if !errors.Is(err, context.Canceled) || res.Outcomes[0].State.Final() {
					t.Errorf("got %v, %v; want to be interrupted before the end", states(res), err)
				}
				if diff := cmp.Diff(want, w.effects(), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("effects (-want +got):\n%s", diff)
				}
				inside := verb != keyrotor.CreatePending && verb != keyrotor.Retire
				if took := time.Since(started); (took >= time.Minute) != inside {
					t.Errorf("took %s; inside a stretch %v", took, inside)
				}
				if open := len(j.Past()["k1"].Open) > 0; open == inside {
					t.Errorf("intents left open: %v", open)
				}
			})
		})
	}
}

func TestAFullDiskDoesNotStopAnybodyInsideAStretch(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	single := stretch(change("k1", "1", keyrotor.CreatePending, keyrotor.Install, keyrotor.Try, keyrotor.Promote, keyrotor.Retire), 2, 4)
	w.do = func(s keyrotor.Step) error {
		if s.Verb == keyrotor.Install {
			j.SetFull(true)
		}
		return nil
	}
	p := planOf(append([]keyrotor.Change{single}, many(1, "a")...))
	res, err := executor(w, j).Run(t.Context(), p)
	if !errors.Is(err, apply.ErrRecord) || !w.isOn("k1/promote") || w.isOn("k1/retire") || w.isOn("a-00/enable-rotation") {
		t.Errorf("got %v after %v, want the stretch ended and nothing else begun", err, w.effects())
	}
	if got := states(res); got["k1"] != keyrotor.Waiting || got["a-00"] != keyrotor.NotStarted {
		t.Errorf("got %v", got)
	}
	j.SetFull(false)
	w.do = nil
	if res, err = executor(w, j).Run(t.Context(), p); err != nil || res.Counts()[keyrotor.Succeeded] != 2 || len(w.effects()) != 6 {
		t.Errorf("with room again: %v, %v, effects %v", states(res), err, w.effects())
	}
}

// A turn found the journal full at its first change and then left a consumer
// of its second, which a crash had left inside a stretch, locked out.
func TestAStretchIsEndedEvenWhenTheRecordBrokeBefore(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	single := stretch(change("k1", "1", keyrotor.Install, keyrotor.Promote), 1, 2)
	w.set("k1/install")
	intend(t, j,
		apply.Intent{Change: "k1", Step: 1, Verb: keyrotor.Install, Token: "token-k1", At: noon},
		apply.Intent{Change: "k1", Step: 2, Verb: keyrotor.Promote, Token: "token-k1", At: noon})
	j.SetFull(true)
	_, err := executor(w, j).Run(t.Context(), planOf(append(many(1, "a"), single)))
	if !errors.Is(err, apply.ErrRecord) || !w.isOn("k1/promote") || w.isOn("a-00/enable-rotation") {
		t.Errorf("got %v after %v, want promotion and nothing else", err, w.effects())
	}
}

func TestReceiptsThatAStretchOwesAreWrittenWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	failures := 1
	j.Touch = func(name string, _ bool, act func() error) error {
		if name == "journal.Receive" && failures > 0 {
			failures--
			return applytest.ErrFull
		}
		return act()
	}
	c := stretch(change("k1", "1", keyrotor.Install, keyrotor.Promote), 1, 2)
	if got := only(t, executor(w, j), c); got.State != keyrotor.Succeeded {
		t.Errorf("got %s: %s, want succeeded", got.State, got.Reason)
	}
	m := j.Past()["k1"]
	if len(m.Receipts) != 2 || len(m.Open) != 0 {
		t.Errorf("the journal has %d receipts and %d open intents, want 2 and 0", len(m.Receipts), len(m.Open))
	}
}

// A receipt failed inside a stretch and again when it was to be paid, and the
// change was settled in between: no later turn looked at its step again.
func TestNoChangeIsSettledWhileAReceiptIsOwed(t *testing.T) {
	t.Parallel()
	const receipts = 6 // of both changes, and what is paid late
	for first := range receipts {
		for second := range receipts {
			w, j, n := newSwitches(), &applytest.Journal{}, 0
			j.Touch = func(name string, _ bool, act func() error) error {
				if name != "journal.Receive" {
					return act()
				}
				n++
				if n-1 == first || n-1 == second {
					return applytest.ErrFull
				}
				return act()
			}
			p := planOf(append([]keyrotor.Change{stretch(change("k1", "1", keyrotor.Install, keyrotor.Try, keyrotor.Promote), 1, 3)}, many(1, "a")...))
			_, err := executor(w, j).Run(t.Context(), p)
			if m := j.Past()["k1"]; m.Outcome != nil && m.Outcome.State.Final() && len(m.Open) > 0 {
				t.Errorf("receipts %d and %d failed: settled as %s with %d intents open (%v)", first, second, m.Outcome.State, len(m.Open), err)
			}
			j.Touch = nil
			res, err := executor(w, j).Run(t.Context(), p)
			if err != nil || res.Counts()[keyrotor.Succeeded] != 2 || len(w.effects()) != 4 {
				t.Errorf("receipts %d and %d failed, then room: %v, %v, effects %v", first, second, states(res), err, w.effects())
			}
			if m := j.Past()["k1"]; len(m.Receipts) != 3 || len(m.Open) != 0 {
				t.Errorf("receipts %d and %d failed, then room: %d receipts and %d open intents, want 3 and 0", first, second, len(m.Receipts), len(m.Open))
			}
		}
	}
}

func TestAFaultInsideAStretchIsTriedAgainAtOnce(t *testing.T) {
	t.Parallel()
	w := newSwitches()
	failures := 2
	w.do = func(s keyrotor.Step) error {
		if s.Verb == keyrotor.Promote && failures > 0 {
			failures--
			return denied
		}
		return nil
	}
	c := stretch(change("k1", "1", keyrotor.Install, keyrotor.Promote), 1, 2)
	if got := only(t, executor(w, &applytest.Journal{}), c); got.State != keyrotor.Succeeded {
		t.Errorf("got %s: %s, want succeeded", got.State, got.Reason)
	}
}

func TestTheGuardIsAskedAtTheDoorOfAStretchOnly(t *testing.T) {
	t.Parallel()
	w := newSwitches()
	e := executor(w, &applytest.Journal{})
	e.Look = lookFails(nil)
	var asked []keyrotor.Verb
	e.Guard = func(s keyrotor.Step, _ keyrotor.Asset) guard.Verdict {
		asked = append(asked, s.Verb)
		return guard.Verdict{}
	}
	only(t, e, stretch(change("k1", "1", keyrotor.CreatePending, keyrotor.Install, keyrotor.Try, keyrotor.Promote, keyrotor.Retire), 2, 4))
	want := []keyrotor.Verb{keyrotor.CreatePending, keyrotor.Install, keyrotor.Retire}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
