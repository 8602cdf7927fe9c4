package rotate_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/rotate"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
)

// numbered is a store whose service numbers its answers: "stage 2" is the id of
// the answer to the second Stage, be it yes or no.
type numbered struct {
	rotate.Store
	calls map[string]int
	fails map[string]fault // by id
}

// fault is what goes wrong with one call.
type fault struct {
	err    error
	lands  bool // it takes effect all the same
	silent bool // it has no answer, hence no id
}

func (n *numbered) call(ctx context.Context, name string, act func() error) error {
	n.calls[name]++
	id := fmt.Sprintf("%s %d", name, n.calls[name])
	f, fails := n.fails[id]
	if !f.silent {
		rotate.Answered(ctx, id)
	}
	if !fails {
		return act()
	}
	if f.lands {
		_ = act() // nobody hears of it
	}
	return f.err
}

func (n *numbered) Read(ctx context.Context, t keyrotor.Target) (v rotate.Versions, err error) {
	err = n.call(ctx, "read", func() (err error) { v, err = n.Store.Read(ctx, t); return err })
	return v, err
}

func (n *numbered) Value(ctx context.Context, t keyrotor.Target, version string) (s keyrotor.Secret, err error) {
	err = n.call(ctx, "value", func() (err error) { s, err = n.Store.Value(ctx, t, version); return err })
	return s, err
}

func (n *numbered) Stage(ctx context.Context, t keyrotor.Target, token string, s keyrotor.Secret) error {
	return n.call(ctx, "stage", func() error { return n.Store.Stage(ctx, t, token, s) })
}

func (n *numbered) Promote(ctx context.Context, t keyrotor.Target, token, from string) error {
	return n.call(ctx, "promote", func() error { return n.Store.Promote(ctx, t, token, from) })
}

// numberedScene is scene, or without a pending version, over a numbered store.
func numberedScene(t *testing.T, staged bool, fails map[string]fault) *rotate.Actor {
	t.Helper()
	_, store, _, actor := scene(t)
	n := &numbered{store.Store, map[string]int{}, fails}
	if !staged {
		fresh := rotatetest.NewStore()
		fresh.Put(target, "v0", rotatetest.Seal(rotatetest.Login{User: "app", Password: "old"}))
		n.Store = fresh
	}
	actor.Store = n
	return actor
}

func TestAReceiptNamesTheAnswersInTheOrderOfTheCalls(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		staged bool
		verb   keyrotor.Verb
		fails  map[string]fault
		want   []string
		ok     bool
	}{
		"a value is stored":             {false, keyrotor.CreatePending, nil, []string{"read 1", "value 1", "stage 1"}, true},
		"it was stored before":          {true, keyrotor.CreatePending, nil, []string{"read 1", "value 1"}, true},
		"an engine that numbers none":   {true, keyrotor.Install, nil, []string{"read 1", "value 1", "value 2"}, true},
		"refused":                       {false, keyrotor.CreatePending, map[string]fault{"stage 1": {err: errRefused}}, []string{"read 1", "value 1", "stage 1"}, false},
		"no answer":                     {false, keyrotor.CreatePending, map[string]fault{"stage 1": {err: errLost, silent: true}}, []string{"read 1", "value 1"}, false},
		"an answer that leaves a doubt": {false, keyrotor.CreatePending, map[string]fault{"stage 1": {err: &keyrotor.InDoubt{Err: errLost}}}, []string{"read 1", "value 1", "stage 1"}, false},
		"not even the labels are told":  {true, keyrotor.Promote, map[string]fault{"read 1": {err: errRefused}}, []string{"read 1"}, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			actor := numberedScene(t, tt.staged, tt.fails)
			r, err := actor.Do(t.Context(), stepOf(tt.verb))
			if diff := cmp.Diff(tt.want, r.RequestIDs); diff != "" || (err == nil) != tt.ok {
				t.Errorf("error %v, request ids (-want +got):\n%s", err, diff)
			}
		})
	}
}

// What the record holds in the end: also of an effect that was found, and of a
// step that was done at its second try.
func TestTheRecordNamesTheAnswersAlsoWhereTheEffectWasFound(t *testing.T) {
	t.Parallel()
	doubt := &keyrotor.InDoubt{Err: errLost}
	for sentence, tt := range map[string]struct {
		fails map[string]fault
		want  []string // of the promotion
		found bool
	}{
		"answered":                              {nil, []string{"promote 1"}, false},
		"an internal error, and it took effect": {map[string]fault{"promote 1": {err: doubt, lands: true}}, []string{"promote 1"}, true},
		"no answer, and it took effect":         {map[string]fault{"promote 1": {err: doubt, lands: true, silent: true}}, nil, true},
		"refused, and then done":                {map[string]fault{"promote 1": {err: errRefused}}, []string{"promote 1", "promote 2"}, false},
		"no answer, no effect, and then done":   {map[string]fault{"promote 1": {err: doubt, silent: true}}, []string{"promote 2"}, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			actor := numberedScene(t, true, tt.fails)
			journal := &applytest.Journal{}
			now := noon
			e := &apply.Executor{
				Actor:   func(keyrotor.Step) (apply.Actor, bool) { return actor, true },
				Guard:   func(keyrotor.Step, keyrotor.Asset) guard.Verdict { return guard.Verdict{} },
				Journal: journal,
				Token:   func(keyrotor.ChangeID) string { return "token" },
				Now:     func() time.Time { return now },
				Sleep:   func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil },
			}
			c := keyrotor.Change{ID: "c1", Target: target, Steps: rotate.Steps(rotate.SingleUser, target, keyrotor.Params{GraceHours: 24}, keyrotor.Before{VersionID: "v0"})}
			if _, err := e.Run(t.Context(), keyrotor.Plan{Changes: []keyrotor.Change{c}, Waves: []keyrotor.Wave{{Number: 1, Changes: []keyrotor.ChangeID{"c1"}}}}); err != nil {
				t.Fatal(err)
			}
			r := journal.Past()["c1"].Receipts[4]
			var promotions []string
			for _, id := range r.RequestIDs {
				if id == "promote 1" || id == "promote 2" {
					promotions = append(promotions, id)
				}
			}
			if diff := cmp.Diff(tt.want, promotions); diff != "" || r.Verb != keyrotor.Promote || r.Recovered != tt.found {
				t.Errorf("%s, recovered %v; request ids (-want +got):\n%s", r.Verb, r.Recovered, diff)
			}
			if len(r.RequestIDs) <= len(promotions) {
				t.Errorf("request ids %v, want those of the reads too", r.RequestIDs)
			}
		})
	}
}

// several answers at once, as a store that reads pages side by side.
type several struct{ rotate.Store }

func (s several) Read(ctx context.Context, t keyrotor.Target) (rotate.Versions, error) {
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() { rotate.Answered(ctx, fmt.Sprint("page ", n)) })
	}
	all.Wait()
	rotate.Answered(ctx, "") // an answer that bore none
	return s.Store.Read(ctx, t)
}

func TestAnswersMayBeNotedConcurrentlyAndOutsideOfAnyStep(t *testing.T) {
	t.Parallel()
	rotate.Answered(t.Context(), "nobody asked")
	_, store, _, actor := scene(t)
	actor.Store = several{store.Store}
	r, err := actor.Do(t.Context(), stepOf(keyrotor.CreatePending))
	if err != nil || len(r.RequestIDs) != 50 {
		t.Errorf("%d request ids, %v; want 50", len(r.RequestIDs), err)
	}
	if done, err := actor.Check(t.Context(), stepOf(keyrotor.CreatePending)); !done || err != nil {
		t.Errorf("Check: %v, %v", done, err)
	}
}
