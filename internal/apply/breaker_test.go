package apply_test

import (
	"fmt"
	"slices"
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

// TestTheBreakersBoundIsExact lets every change take a second, so that all
// places are taken before the first failure is counted.
func TestTheBreakersBoundIsExact(t *testing.T) {
	t.Parallel()
	bad := func(keyrotor.Target) bool { return true }
	for sentence, tt := range map[string]struct {
		waves            [][]keyrotor.Change
		stop, stopRun, n int // StopAfter, StopRunAfter, Concurrency
		fails            func(keyrotor.Target) bool
		failed           int
	}{
		"an account in which all fail":                     {[][]keyrotor.Change{many(32, "a")}, 3, 100, 32, bad, 3},
		"more at a time than failures are allowed":         {[][]keyrotor.Change{many(64, "a")}, 5, 20, 64, bad, 5},
		"one failure is one too many":                      {[][]keyrotor.Change{many(8, "a")}, 1, 20, 16, bad, 1},
		"the run, over accounts that fail a little each":   {[][]keyrotor.Change{slices.Concat(many(9, "a"), many(9, "b"), many(9, "c"), many(9, "d"))}, 3, 7, 32, bad, 7},
		"accounts that all stop before the run does":       {[][]keyrotor.Change{slices.Concat(many(9, "a"), many(9, "b"))}, 3, 7, 32, bad, 6},
		"failures that come one by one among what is well": {[][]keyrotor.Change{many(60, "a")}, 4, 20, 16, func(t keyrotor.Target) bool { return t.ID[len(t.ID)-1] == '7' }, 4},
		"failures of an earlier wave":                      {[][]keyrotor.Change{many(2, "a"), manyFrom(2, 20, "a")}, 3, 20, 16, bad, 3},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newSwitches()
				w.do = func(s keyrotor.Step) error {
					time.Sleep(time.Second)
					if tt.fails(s.Target) {
						return denied
					}
					return nil
				}
				e := executor(w, &applytest.Journal{})
				e.Now, e.Sleep = time.Now, nil
				e.StopAfter, e.StopRunAfter, e.Concurrency = tt.stop, tt.stopRun, tt.n
				res, err := e.Run(t.Context(), planOf(tt.waves...))
				if err != nil {
					t.Fatal(err)
				}
				got := res.Counts()
				if got[keyrotor.Failed] != tt.failed || got[keyrotor.Failed]+got[keyrotor.Succeeded]+got[keyrotor.NotStarted] != len(res.Outcomes) {
					t.Errorf("got %v, want %d failures and the rest not started or done", got, tt.failed)
				}
			})
		})
	}
}

// manyFrom numbers n changes of an account from a number on.
func manyFrom(from, n int, account string) []keyrotor.Change { return many(from+n, account)[from:] }

func TestWhileNothingFailsAnAccountHasAsManyPlacesAsFailuresStopIt(t *testing.T) {
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
		e.Now, e.Sleep, e.StopAfter, e.Concurrency = time.Now, nil, 5, 16
		start := time.Now()
		res, err := e.Run(t.Context(), planOf(many(40, "a")))
		if err != nil || res.Counts()[keyrotor.Succeeded] != 40 {
			t.Fatalf("got %v, %v", res.Counts(), err)
		}
		if took := time.Since(start); most != 5 || took != 8*time.Second {
			t.Errorf("%d at a time in %s, want 5 in 8s", most, took)
		}
	})
}

// Sixteen changes of one account at the head of a wave once took all sixteen
// places, eleven of them to wait for room, while nothing of the others ran.
func TestAnAccountWithoutRoomDoesNotKeepOutOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSwitches()
		var mu sync.Mutex
		start, ended := time.Now(), map[string]time.Duration{}
		w.do = func(s keyrotor.Step) error {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			ended[s.Target.Account] = time.Since(start)
			return nil
		}
		e := executor(w, &applytest.Journal{})
		e.Now, e.Sleep, e.StopAfter, e.StopRunAfter, e.Concurrency = time.Now, nil, 5, 20, 16
		res, err := e.Run(t.Context(), planOf(slices.Concat(many(20, "a"), many(5, "b"), many(5, "c"))))
		if err != nil || res.Counts()[keyrotor.Succeeded] != 30 {
			t.Fatalf("got %v, %v", res.Counts(), err)
		}
		want := map[string]time.Duration{"a": 4 * time.Second, "b": time.Second, "c": time.Second}
		if diff := cmp.Diff(want, ended); diff != "" {
			t.Errorf("when each account was done (-want +got):\n%s", diff)
		}
	})
}

func TestAccountsTakeTurnsAndOnePlaceAloneKeepsToThePlan(t *testing.T) {
	t.Parallel()
	wave := slices.Concat(many(3, "a"), many(2, "b"), manyFrom(3, 1, "a"))
	for places, want := range map[int][]string{
		1: {"a-00", "a-01", "a-02", "b-00", "b-01", "a-03"},
		2: {"a-00 b-00", "a-01 b-01", "a-02 a-03"},
	} {
		t.Run(fmt.Sprintf("%d places", places), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newSwitches()
				var mu sync.Mutex
				start, got := time.Now(), map[int][]string{}
				w.do = func(s keyrotor.Step) error {
					mu.Lock()
					at := int(time.Since(start).Seconds())
					got[at] = append(got[at], s.Target.ID)
					mu.Unlock()
					time.Sleep(time.Second)
					return nil
				}
				e := executor(w, &applytest.Journal{})
				e.Now, e.Sleep, e.Concurrency = time.Now, nil, places
				if _, err := e.Run(t.Context(), planOf(wave)); err != nil {
					t.Fatal(err)
				}
				var seconds []string
				for i := range len(got) {
					slices.Sort(got[i])
					seconds = append(seconds, strings.Join(got[i], " "))
				}
				if diff := cmp.Diff(want, seconds); diff != "" {
					t.Errorf("what ran in each second (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A change that an earlier turn began is taken up even in an account that has
// stopped, for half done is worse; its failures count like any other.
func TestWhatWasBegunIsTakenUpAndItsFailuresCount(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	var begun []keyrotor.Change
	for i := range 3 {
		c := change(fmt.Sprintf("k%d", i), "a", keyrotor.EnableRotation)
		intend(t, j, apply.Intent{Change: c.ID, Step: 1, Verb: keyrotor.EnableRotation, Token: "token-" + string(c.ID), At: noon})
		begun = append(begun, c)
	}
	w.do = func(keyrotor.Step) error { return denied }
	e := executor(w, j)
	e.StopAfter = 2
	res, err := e.Run(t.Context(), planOf(append(begun, many(2, "a")...)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[keyrotor.ChangeID]keyrotor.OutcomeState{
		"k0": keyrotor.Failed, "k1": keyrotor.Failed, "k2": keyrotor.Failed,
		"a-00": keyrotor.NotStarted, "a-01": keyrotor.NotStarted,
	}
	if diff := cmp.Diff(want, states(res)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatWasBegunDoesNotWaitBehindWhatWasNot(t *testing.T) {
	t.Parallel()
	w, j := newSwitches(), &applytest.Journal{}
	all := many(3, "a")
	intend(t, j, apply.Intent{Change: "a-02", Step: 1, Verb: keyrotor.EnableRotation, Token: "token-a-02", At: noon})
	w.do = func(s keyrotor.Step) error {
		if s.Target.ID != "a-02" {
			return denied
		}
		return nil
	}
	e := executor(w, j)
	e.StopAfter = 1
	res, err := e.Run(t.Context(), planOf(all))
	want := map[keyrotor.ChangeID]keyrotor.OutcomeState{"a-00": keyrotor.Failed, "a-01": keyrotor.NotStarted, "a-02": keyrotor.Succeeded}
	if diff := cmp.Diff(want, states(res)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if lines := j.Lines(); len(lines) < 2 || !strings.Contains(lines[1], "a-02") {
		t.Errorf("the journal's second line is not of what was begun: %v", lines)
	}
}

func TestARolledBackChangeCountsAsAFailure(t *testing.T) {
	t.Parallel()
	w := newSwitches()
	w.do = refuses(keyrotor.Try)
	e := executor(w, &applytest.Journal{})
	e.StopAfter = 1
	res, err := e.Run(t.Context(), planOf([]keyrotor.Change{single()}, many(1, "1")))
	want := map[keyrotor.ChangeID]keyrotor.OutcomeState{"k1": keyrotor.RolledBack, "1-00": keyrotor.NotStarted}
	if diff := cmp.Diff(want, states(res)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
