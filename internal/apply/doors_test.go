package apply_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

func TestAnInterruptAnywhereInsideAStretchEndsItFirst(t *testing.T) {
	t.Parallel()
	for _, at := range []keyrotor.Verb{keyrotor.Install, keyrotor.Try, keyrotor.Promote} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			ctx, interrupt := context.WithCancel(t.Context())
			w.do = func(s keyrotor.Step) error {
				if s.Verb == at {
					interrupt()
				}
				return nil
			}
			res, err := executor(w, j).Run(ctx, planOf([]keyrotor.Change{single()}, many(1, "a")))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want canceled", err)
			}
			if !w.isOn("k1/promote") || w.isOn("k1/retire") {
				t.Errorf("effects %v, want the stretch ended and nothing after it", w.effects())
			}
			want := map[keyrotor.ChangeID]keyrotor.OutcomeState{"k1": keyrotor.Waiting, "a-00": keyrotor.NotStarted}
			if diff := cmp.Diff(want, states(res)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := only(t, executor(w, j), single()); got.State != keyrotor.Succeeded || len(w.effects()) != 5 {
				t.Errorf("the next turn: %s after %v, want succeeded, each step once", got.State, w.effects())
			}
		})
	}
}

func TestARecordThatFailsAtTheDoorKeepsEverybodyOut(t *testing.T) {
	t.Parallel()
	for sentence, kept := range map[string]int{
		"nothing of it was written":     0,
		"its first line was written":    1,
		"all but the last were written": 2,
		"all of it was, and no answer":  3,
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			var asked []keyrotor.Verb
			door := &torn{Journal: j, keep: kept}
			e := executor(w, j)
			e.Journal = door
			res, err := e.Run(t.Context(), planOf([]keyrotor.Change{single()}))
			if got := res.Outcomes[0]; !errors.Is(err, apply.ErrRecord) || got.State != keyrotor.Waiting || w.isOn("k1/install") {
				t.Errorf("got %s: %s, %v, after %v; want waiting before install", got.State, got.Reason, err, w.effects())
			}
			e = executor(w, j)
			e.Look = lookFails(nil)
			e.Guard = func(s keyrotor.Step, _ keyrotor.Asset) guard.Verdict {
				asked = append(asked, s.Verb)
				return guard.Verdict{}
			}
			frozen := executor(w, j)
			frozen.Frozen = func(time.Time) string { return "year's end" }
			before := len(w.effects())
			if _, err := frozen.Run(t.Context(), planOf([]keyrotor.Change{single()})); err != nil || (len(w.effects()) > before) != (kept == 3) {
				t.Errorf("in a freeze: %v after %v, want install only when the door was passed", err, w.effects())
			}
			if got := only(t, e, single()); got.State != keyrotor.Succeeded || len(w.effects()) != 5 {
				t.Errorf("with room again: %s: %s after %v", got.State, got.Reason, w.effects())
			}
			if kept < 3 && (len(asked) == 0 || asked[0] != keyrotor.Install) {
				t.Errorf("the guard was asked of %v, want the door's install first", asked)
			}
		})
	}
}

// torn writes only the first lines of a record of several, and says so.
type torn struct {
	*applytest.Journal
	keep int
}

func (d *torn) Intend(ctx context.Context, intents ...apply.Intent) error {
	if len(intents) == 1 {
		return d.Journal.Intend(ctx, intents...)
	}
	for _, i := range intents[:d.keep] {
		if err := d.Journal.Intend(ctx, i); err != nil {
			return err
		}
	}
	return applytest.ErrFull
}

// TestNothingIsCalledUnchangedThatOurOwnCallMayHaveDone goes through all that
// the record can know of a change of two steps, and all that the world and the
// guard can say of it.
func TestNothingIsCalledUnchangedThatOurOwnCallMayHaveDone(t *testing.T) {
	t.Parallel()
	type past string
	const nothing, open, ours, found past = "nothing", "an open intent", "a receipt", "found so"
	verbs := []keyrotor.Verb{keyrotor.EnableRotation, keyrotor.TagKey}
	guards := map[string]guard.Verdict{"go on": {}, "unchanged": {State: keyrotor.Unchanged, Reason: "it is on"}}
	for says, verdict := range guards {
		for n := range 4 * 4 * 2 * 2 {
			known := []past{[]past{nothing, open, ours, found}[n%4], []past{nothing, open, ours, found}[n/4%4]}
			w, j := newSwitches(), &applytest.Journal{}
			c := change("k1", "1", verbs...)
			own := false
			for i, s := range c.Steps {
				switch known[i] {
				case nothing:
				case open:
					intend(t, j, apply.Intent{Change: "k1", Step: s.Number, Verb: s.Verb, At: noon})
					own = true
				case ours, found:
					if err := j.Receive(t.Context(), keyrotor.Receipt{Change: "k1", Step: s.Number, Verb: s.Verb, Found: known[i] == found}); err != nil {
						t.Fatal(err)
					}
					own = own || known[i] == ours
				}
				if n/16>>i%2 == 1 {
					w.set(name(s))
				}
			}
			e := executor(w, j)
			e.Look = lookFails(nil)
			e.Guard = func(keyrotor.Step, keyrotor.Asset) guard.Verdict { return verdict }
			if got := only(t, e, c); got.State == keyrotor.Unchanged && own {
				t.Errorf("record: %s, on: %02b, guard: %s: unchanged (%s)", known, n/16, says, got.Reason)
			}
		}
	}
}

// logged writes what apply does into a run's log on disk, and reads it back.
type logged struct{ *ledger.Run }

func (l logged) write(ctx context.Context, kind string, id keyrotor.ChangeID, step int, v keyrotor.Verb, r *keyrotor.Receipt, o *keyrotor.Outcome) error {
	return l.Append(ctx, ledger.Entry{Type: kind, Change: id, Step: step, Verb: v, Receipt: r, Outcome: o})
}

func (l logged) Intend(ctx context.Context, intents ...apply.Intent) error {
	for _, i := range intents {
		if err := l.write(ctx, "intent", i.Change, i.Step, i.Verb, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

func (l logged) Abandon(ctx context.Context, i apply.Intent, _ string) error {
	return l.write(ctx, "refused", i.Change, i.Step, i.Verb, nil, nil)
}

func (l logged) Receive(ctx context.Context, r keyrotor.Receipt) error {
	return l.write(ctx, "receipt", r.Change, r.Step, r.Verb, &r, nil)
}

func (l logged) Settle(ctx context.Context, o keyrotor.Outcome) error {
	return l.write(ctx, "outcome", o.Change, 0, "", nil, &o)
}

func TestTwoAppliesOfOneRunDoEverythingOnce(t *testing.T) {
	t.Parallel()
	dir, run := t.TempDir(), keyrotor.RunID("20261121T101502Z-5f3c")
	w := newSwitches()
	p := planOf([]keyrotor.Change{single()}, many(3, "a"))
	// turn is one process: the log's lock is all that it knows of the other.
	turn := func() (apply.Result, error) {
		log, err := ledger.OpenRun(dir, run, (&clock{now: noon}).Now)
		if err != nil {
			return apply.Result{}, err
		}
		e := executor(w, &applytest.Journal{})
		e.Journal = logged{log}
		e.Past = apply.Past{}
		err = log.Entries(func(entry ledger.Entry) error {
			if entry.Outcome != nil {
				e.Past.Settled(*entry.Outcome)
			}
			return nil
		})
		if err != nil {
			return apply.Result{}, err
		}
		res, err := e.Run(t.Context(), p)
		return res, errors.Join(err, log.Close())
	}
	tried := 0
	w.do = func(s keyrotor.Step) error {
		tried++ // one change at a time: no lock
		var refusal *keyrotor.Refusal
		if _, err := turn(); !errors.As(err, &refusal) {
			return fmt.Errorf("a second turn beside the first: %w", err)
		}
		return nil
	}
	res, err := turn()
	if err != nil || res.Counts()[keyrotor.Succeeded] != 4 || tried != 8 {
		t.Fatalf("got %v, %v after %d tries of a second turn, want all succeeded after 8", states(res), err, tried)
	}
	if res, err = turn(); err != nil || res.Counts()[keyrotor.Succeeded] != 4 || len(w.effects()) != 8 {
		t.Errorf("afterwards: %v, %v, effects %v; want nothing more", states(res), err, w.effects())
	}
}
