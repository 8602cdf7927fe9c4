package apply_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
)

func TestAnAccountThatKeepsFailingIsLeftAloneBeforeTheRunStops(t *testing.T) {
	t.Parallel()
	w := newSwitches()
	w.do = func(s keyrotor.Step) error {
		if s.Target.Account != "good" {
			return denied
		}
		return nil
	}
	e := executor(w, &applytest.Journal{})
	e.StopAfter, e.StopRunAfter = 2, 5
	res, err := e.Run(t.Context(), planOf(many(4, "bad1"), many(2, "good"), many(4, "bad2"), many(1, "bad3"), many(3, "good-too-late"), many(2, "bad4")))
	if err != nil {
		t.Fatal(err)
	}
	want := map[keyrotor.ChangeID]keyrotor.OutcomeState{
		"bad1-00": keyrotor.Failed, "bad1-01": keyrotor.Failed, "bad1-02": keyrotor.NotStarted, "bad1-03": keyrotor.NotStarted,
		"good-00": keyrotor.Succeeded, "good-01": keyrotor.Succeeded,
		"bad2-00": keyrotor.Failed, "bad2-01": keyrotor.Failed, "bad2-02": keyrotor.NotStarted, "bad2-03": keyrotor.NotStarted,
		"bad3-00":          keyrotor.Failed,
		"good-too-late-00": keyrotor.NotStarted, "good-too-late-01": keyrotor.NotStarted, "good-too-late-02": keyrotor.NotStarted,
		"bad4-00": keyrotor.NotStarted, "bad4-01": keyrotor.NotStarted,
	}
	if diff := cmp.Diff(want, states(res)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := res.Outcomes[2].Reason, "account bad1 stopped after 2 failures"; !strings.Contains(got, want) {
		t.Errorf("reason %q, want %q", got, want)
	}
	if got, want := res.Stopped, "the run stopped after 5 failures"; got != want {
		t.Errorf("Stopped = %q, want %q", got, want)
	}
}

func TestAnInterruptEndsWhatIsUnderWayAndStartsNothing(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	ctx, interrupt := context.WithCancel(t.Context())
	w.do = func(s keyrotor.Step) error {
		if s.Target.ID == "k2" && s.Verb == keyrotor.Install {
			interrupt()
		}
		return nil
	}
	single := stretch(change("k2", "1", keyrotor.CreatePending, keyrotor.Install, keyrotor.Try, keyrotor.Promote, keyrotor.Retire), 2, 4)
	p := planOf(append(many(1, "a"), single), many(2, "b"))
	res, err := executor(w, j).Run(ctx, p)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	want := map[keyrotor.ChangeID]keyrotor.OutcomeState{"a-00": keyrotor.Succeeded, "k2": keyrotor.Waiting, "b-00": keyrotor.NotStarted, "b-01": keyrotor.NotStarted}
	if diff := cmp.Diff(want, states(res)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !w.isOn("k2/promote") || w.isOn("k2/retire") {
		t.Errorf("effects %v, want the stretch ended and nothing after it", w.effects())
	}
	res, err = executor(w, j).Run(t.Context(), p)
	if err != nil || res.Counts()[keyrotor.Succeeded] != 4 {
		t.Errorf("the next turn: %v, %v, want all succeeded", states(res), err)
	}
}

func TestExpiryBoundsTheStartOfAChangeAndNotItsEnd(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	e := executor(w, j)
	e.Expires = noon.Add(time.Minute)
	w.do = func(s keyrotor.Step) error {
		if s.Verb == keyrotor.EnableRotation {
			return e.Sleep(t.Context(), 2*time.Minute)
		}
		return nil
	}
	begun := change("k1", "1", keyrotor.EnableRotation, keyrotor.TagKey)
	fresh := change("k2", "1", keyrotor.EnableRotation)
	res, err := e.Run(t.Context(), planOf([]keyrotor.Change{begun, fresh}))
	if err != nil {
		t.Fatal(err)
	}
	want := map[keyrotor.ChangeID]keyrotor.OutcomeState{"k1": keyrotor.Succeeded, "k2": keyrotor.NotStarted}
	if diff := cmp.Diff(want, states(res)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := res.Outcomes[1].Reason; !strings.Contains(got, "the approval expired at 2026-11-21T12:01:00Z") {
		t.Errorf("reason %q", got)
	}
}

func TestAFreezeStartsNothingAndAsksAgainForEveryChange(t *testing.T) {
	t.Parallel()
	w := newSwitches()
	e := executor(w, &applytest.Journal{})
	e.Frozen = func(time.Time) string {
		if len(w.effects()) >= 2 {
			return "year's end"
		}
		return ""
	}
	res, err := e.Run(t.Context(), planOf(many(4, "a")))
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Counts(); got[keyrotor.Succeeded] != 2 || got[keyrotor.NotStarted] != 2 || res.Outcomes[2].Reason != "frozen: year's end" {
		t.Errorf("got %v, %q", got, res.Outcomes[2].Reason)
	}
}

func TestWithoutARecordNothingIsBegun(t *testing.T) {
	t.Parallel()
	for sentence, failing := range map[string]string{
		"an intent that cannot be written":  "journal.Intend",
		"a receipt that cannot be written":  "journal.Receive",
		"an outcome that cannot be written": "journal.Settle",
		"a refusal that cannot be written":  "journal.Abandon",
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			failed := false
			atFailure := 0
			j.Touch = func(name string, _ bool, act func() error) error {
				if name == failing || failed {
					if !failed {
						atFailure = len(w.effects())
					}
					failed = true
					return applytest.ErrFull
				}
				return act()
			}
			w.do = func(s keyrotor.Step) error {
				if failing == "journal.Abandon" {
					return denied
				}
				return nil
			}
			p := planOf(many(3, "a"), many(2, "b"))
			res, err := executor(w, j).Run(t.Context(), p)
			if !errors.Is(err, apply.ErrRecord) || !errors.Is(err, applytest.ErrFull) {
				t.Errorf("error %v, want the record's", err)
			}
			if got := len(w.effects()); got != atFailure {
				t.Errorf("%d effects after the record failed", got-atFailure)
			}
			if len(res.Outcomes) != 5 || res.Outcomes[4].State != keyrotor.NotStarted {
				t.Errorf("outcomes %v, want all five, the last not started", states(res))
			}
			j.Touch, w.do = nil, nil
			res, err = executor(w, j).Run(t.Context(), p)
			if err != nil || res.Counts()[keyrotor.Succeeded] != 5 || len(w.effects()) != 5 {
				t.Errorf("with room again: %v, %v, effects %v", states(res), err, w.effects())
			}
		})
	}
}

func TestACheckAfterAWaveStopsTheRest(t *testing.T) {
	t.Parallel()
	w := newSwitches()
	e := executor(w, &applytest.Journal{})
	var asked []int
	e.AfterWave = func(_ context.Context, wave keyrotor.Wave, done []keyrotor.Outcome) error {
		asked = append(asked, wave.Number)
		if len(done) != len(wave.Changes) {
			t.Errorf("wave %d: asked with %d outcomes, want %d", wave.Number, len(done), len(wave.Changes))
		}
		if wave.Number == 2 {
			return errors.New("error rate above 1 %")
		}
		return nil
	}
	res, err := e.Run(t.Context(), planOf(many(1, "a"), many(2, "b"), many(2, "c")))
	if !errors.Is(err, apply.ErrStopped) || !strings.Contains(err.Error(), "after wave 2: error rate above 1 %") {
		t.Errorf("error %v", err)
	}
	if got := res.Counts(); got[keyrotor.Succeeded] != 3 || got[keyrotor.NotStarted] != 2 || !strings.Contains(res.Stopped, "wave 2") {
		t.Errorf("got %v, stopped %q", got, res.Stopped)
	}
	if diff := cmp.Diff([]int{1, 2}, asked); diff != "" {
		t.Errorf("asked after waves (-want +got):\n%s", diff)
	}
}

// synctest's clock stands still until all goroutines wait, so that the run's
// length tells exactly how many changes were under way at a time.
func TestConcurrencyIsBoundedAndUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSwitches()
		var mu sync.Mutex
		now, most := 0, 0
		w.do = func(keyrotor.Step) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		}
		e := executor(w, &applytest.Journal{})
		e.Now, e.Sleep, e.Concurrency = time.Now, nil, 4
		var heard []keyrotor.OutcomeState // Progress is called one at a time: no lock
		e.Progress = func(o keyrotor.Outcome) { heard = append(heard, o.State) }
		start := time.Now()
		res, err := e.Run(t.Context(), planOf(many(4, "canary"), many(10, "rest")))
		if err != nil || res.Counts()[keyrotor.Succeeded] != 14 || len(heard) != 14 {
			t.Fatalf("got %v, %v, %d heard of", res.Counts(), err, len(heard))
		}
		if most != 4 {
			t.Errorf("%d changes at a time, want 4", most)
		}
		if got, want := time.Since(start), 4*time.Second; got != want {
			t.Errorf("took %s, want %s: waves one after the other, each four abreast", got, want)
		}
	})
}

// With the real Sleep, an effect that is asynchronous is awaited with growing
// pauses, and no longer than Patience.
func TestAnAsynchronousEffectIsAwaitedWithinPatience(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		takes time.Duration
		want  keyrotor.OutcomeState
	}{
		"seen in time":         {time.Minute, keyrotor.Succeeded},
		"slower than patience": {time.Hour, keyrotor.Waiting},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, j := newSwitches(), &applytest.Journal{}
				var accepted time.Time
				w.do = func(keyrotor.Step) error { accepted = time.Now(); return nil }
				w.check = func(keyrotor.Step) error {
					if done := accepted.Add(tt.takes); !accepted.IsZero() && time.Now().Before(done) {
						return &keyrotor.NotYet{Again: done, Reason: "the rotation is under way"}
					}
					return nil
				}
				turn := func() keyrotor.Outcome {
					e := executor(w, j)
					e.Now, e.Sleep = time.Now, nil
					return only(t, e, change("k1", "1", keyrotor.RotateNow))
				}
				start := time.Now()
				if got := turn(); got.State != tt.want {
					t.Errorf("got %s: %s, want %s", got.State, got.Reason, tt.want)
				}
				if waited := time.Since(start); waited > 2*time.Minute {
					t.Errorf("waited %s, want two minutes at most", waited)
				}
				time.Sleep(time.Hour)
				if got := turn(); got.State != keyrotor.Succeeded || len(w.effects()) != 1 {
					t.Errorf("an hour later: %s with %d rotations, want succeeded with one", got.State, len(w.effects()))
				}
			})
		})
	}
}

// A crash left a call without a token unanswered, and its effect comes half a
// minute after the next turn has first looked.
func TestALateEffectOfACallWithoutATokenIsWaitedFor(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	intend(t, j, apply.Intent{Change: "k1", Step: 1, Verb: keyrotor.CreateKey, Token: "token-k1", At: noon})
	e := executor(w, j)
	w.check = func(s keyrotor.Step) error {
		if e.Now().After(noon.Add(30 * time.Second)) {
			w.set(name(s))
		}
		return nil
	}
	got := only(t, e, change("k1", "1", keyrotor.CreateKey))
	if got.State != keyrotor.Succeeded || len(w.effects()) != 0 {
		t.Errorf("got %s: %s after %v, want succeeded without a second call", got.State, got.Reason, w.effects())
	}
}

// silent is an actor whose service never answers.
type silent struct{ calls chan struct{} }

func (silent) Check(ctx context.Context, _ keyrotor.Step) (bool, error) { return false, ctx.Err() }

func (s silent) Do(ctx context.Context, _ keyrotor.Step) (keyrotor.Receipt, error) {
	s.calls <- struct{}{}
	<-ctx.Done()
	return keyrotor.Receipt{}, &keyrotor.InDoubt{Err: ctx.Err()}
}

func TestAnInterruptDoesNotWaitForAServiceThatIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, actor := &applytest.Journal{}, silent{make(chan struct{}, 1)}
		e := executor(newSwitches(), j)
		e.Actor = func(keyrotor.Step) (apply.Actor, bool) { return actor, true }
		e.Now, e.Sleep = time.Now, nil // the bubble's own clock
		ctx, interrupt := context.WithCancel(t.Context())
		started := time.Now()
		go func() {
			<-actor.calls
			interrupt()
		}()
		res, err := e.Run(ctx, planOf(many(1, "a")))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want canceled", err)
		}
		if took := time.Since(started); took < 5*time.Second || took > 30*time.Second {
			t.Errorf("the run ended %s after the interrupt, want a while for an answer and no more", took)
		}
		if got := res.Outcomes[0].State; got.Final() {
			t.Errorf("outcome %s is final, and nobody looked", got)
		}
		if past := j.Past(); len(past["a-00"].Open) != 1 {
			t.Errorf("open intents %v, want the one that the next turn looks after", past["a-00"].Open)
		}
	})
}
