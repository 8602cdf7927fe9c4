package apply_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/guard"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// clock moves only when somebody sleeps or sets it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(_ context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return nil
}

// switches is a world of switches that steps turn on: a step's effect is that
// the switch "target/verb" is on.
type switches struct {
	mu   sync.Mutex
	on   map[string]bool
	done []string // every effect, in order
	// check and do, when set, come first; do may refuse (nil receipt, error).
	check func(s keyrotor.Step) error
	do    func(s keyrotor.Step) error
	// lost makes the effect and loses the answer.
	lost func(s keyrotor.Step) bool
}

func newSwitches() *switches { return &switches{on: map[string]bool{}} }

func name(s keyrotor.Step) string { return s.Target.ID + "/" + string(s.Verb) }

func (w *switches) isOn(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.on[name]
}

func (w *switches) set(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range names {
		w.on[n] = true
	}
}

func (w *switches) effects() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.done...)
}

func (w *switches) Check(_ context.Context, s keyrotor.Step) (bool, error) {
	if w.check != nil {
		if err := w.check(s); err != nil {
			return false, err
		}
	}
	return w.isOn(name(s)), nil
}

func (w *switches) Do(_ context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	if w.do != nil {
		if err := w.do(s); err != nil {
			return keyrotor.Receipt{}, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on[name(s)] = true
	w.done = append(w.done, name(s))
	if w.lost != nil && w.lost(s) {
		return keyrotor.Receipt{}, errors.New("connection reset by peer")
	}
	return keyrotor.Receipt{RequestIDs: []string{"req-" + name(s)}}, nil
}

// change turns on the verbs of a target in order.
func change(id, account string, verbs ...keyrotor.Verb) keyrotor.Change {
	t := keyrotor.Target{Kind: keyrotor.KindKMSKey, Partition: "aws", Account: account, Region: "eu-central-1", ID: id}
	c := keyrotor.Change{ID: keyrotor.ChangeID(id), Recipe: "switch", Target: t}
	for i, v := range verbs {
		c.Steps = append(c.Steps, keyrotor.Step{Number: i + 1, Verb: v, Target: t})
	}
	return c
}

// stretch marks steps from to to as a stretch.
func stretch(c keyrotor.Change, from, to int) keyrotor.Change {
	for i := from - 1; i < to; i++ {
		c.Steps[i].Stretch = 1
	}
	return c
}

// planOf puts every group of changes into a wave of its own.
func planOf(waves ...[]keyrotor.Change) keyrotor.Plan {
	p := keyrotor.Plan{Schema: keyrotor.SchemaPlan, Version: keyrotor.SchemaVersion, Run: "run", Digest: "sha256:plan"}
	for i, changes := range waves {
		w := keyrotor.Wave{Number: i + 1}
		for _, c := range changes {
			p.Changes = append(p.Changes, c)
			w.Changes = append(w.Changes, c.ID)
		}
		p.Waves = append(p.Waves, w)
	}
	return p
}

// many makes n changes of one step in an account.
func many(n int, account string) []keyrotor.Change {
	var all []keyrotor.Change
	for i := range n {
		all = append(all, change(fmt.Sprintf("%s-%02d", account, i), account, keyrotor.EnableRotation))
	}
	return all
}

// executor applies to the world one change at a time, with a clock of its own.
func executor(w *switches, j *applytest.Journal) *apply.Executor {
	c := &clock{now: noon}
	return &apply.Executor{
		Actor:   func(s keyrotor.Step) (apply.Actor, bool) { return w, s.Verb != "unheard-of" },
		Guard:   func(keyrotor.Step, keyrotor.Asset) guard.Verdict { return guard.Verdict{} },
		Journal: j, Past: j.Past(),
		Token: func(id keyrotor.ChangeID) string { return "token-" + string(id) },
		Now:   c.Now, Sleep: c.Sleep, Concurrency: 1,
	}
}

// states are the outcomes' words by change.
func states(res apply.Result) map[keyrotor.ChangeID]keyrotor.OutcomeState {
	m := map[keyrotor.ChangeID]keyrotor.OutcomeState{}
	for _, o := range res.Outcomes {
		m[o.Change] = o.State
	}
	return m
}

// only runs a plan of one change and returns its outcome.
func only(t *testing.T, e *apply.Executor, c keyrotor.Change) keyrotor.Outcome {
	t.Helper()
	res, err := e.Run(t.Context(), planOf([]keyrotor.Change{c}))
	if err != nil && !errors.Is(err, apply.ErrRecord) {
		t.Fatalf("Run: %v", err)
	}
	if len(res.Outcomes) != 1 {
		t.Fatalf("got %d outcomes, want 1", len(res.Outcomes))
	}
	return res.Outcomes[0]
}
