package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrotor/keyrotor"
)

// turn is one Run of an Executor.
type turn struct {
	*Executor
	plan    keyrotor.Plan
	breaker *breaker

	mu     sync.Mutex // Progress, outcomes and Past
	done   map[keyrotor.ChangeID]keyrotor.Outcome
	broken error // ErrRecord, once it happened
	// owed are receipts of a stretch that could not be written yet.
	owed []keyrotor.Receipt
}

// Run applies the plan's waves in order, taking up what earlier turns left.
// The result is complete even when an error is returned. Cancelling ctx starts
// no further change and lets those under way end.
func (e *Executor) Run(ctx context.Context, p keyrotor.Plan) (Result, error) {
	filled := *e
	filled.Patience = cmp.Or(e.Patience, 2*time.Minute)
	filled.Poll = cmp.Or(e.Poll, 200*time.Millisecond)
	filled.Concurrency = cmp.Or(e.Concurrency, 16)
	if filled.Sleep == nil {
		filled.Sleep = sleep
	}
	if filled.Past == nil {
		filled.Past = Past{}
	}
	t := &turn{
		Executor: &filled, plan: p, done: map[keyrotor.ChangeID]keyrotor.Outcome{},
		breaker: newBreaker(cmp.Or(e.StopAfter, 5), cmp.Or(e.StopRunAfter, 20)),
	}
	byID := map[keyrotor.ChangeID]keyrotor.Change{}
	for _, c := range p.Changes {
		byID[c.ID] = c
		filled.Past.memory(c.ID)
	}
	var failed error
	for _, w := range p.Waves {
		outcomes := t.wave(ctx, w, byID)
		if failed == nil && t.AfterWave != nil && ctx.Err() == nil && t.recordErr() == nil {
			if err := t.AfterWave(ctx, w, outcomes); err != nil {
				failed = fmt.Errorf("%w: after wave %d: %w", ErrStopped, w.Number, err)
				t.breaker.halt(fmt.Sprintf("the check after wave %d failed: %v", w.Number, err))
			}
		}
	}
	t.pay(ctx) // also after the record broke: there may be room again
	res := Result{Stopped: t.breaker.run()}
	for _, c := range p.Changes {
		res.Outcomes = append(res.Outcomes, t.done[c.ID])
	}
	return res, errors.Join(t.recordErr(), failed, ctx.Err())
}

func (t *turn) wave(ctx context.Context, w keyrotor.Wave, byID map[keyrotor.ChangeID]keyrotor.Change) []keyrotor.Outcome {
	outcomes := make([]keyrotor.Outcome, len(w.Changes))
	q := &queue{}
	for i, id := range w.Changes {
		t.breaker.join(q, byID[id].Target.Account, entrant{at: i, begun: t.recall(id).begun()})
	}
	var g errgroup.Group
	for range min(t.Concurrency, len(w.Changes)) {
		g.Go(func() error {
			for e, ok := t.breaker.next(q); ok; e, ok = t.breaker.next(q) {
				outcomes[e.at] = t.one(ctx, byID[w.Changes[e.at]], w.Number, e.refused)
			}
			return nil
		})
	}
	_ = g.Wait() // no goroutine returns an error: outcomes carry them
	return outcomes
}

// one brings a change that was let in to an outcome and writes it down. Refused
// is why the breaker lets it do nothing.
func (t *turn) one(ctx context.Context, c keyrotor.Change, wave int, refused string) keyrotor.Outcome {
	m := t.recall(c.ID)
	if m.Outcome != nil && m.Outcome.State.Final() {
		if !m.unproven() || t.mayStart(ctx, c, m) != "" || !t.shows(ctx, c, m) {
			t.breaker.leave(keyrotor.Outcome{Target: c.Target}) // it failed in another turn, if it did
			t.finish(*m.Outcome, false)
			return *m.Outcome
		}
	}
	o := keyrotor.Outcome{
		Schema: keyrotor.SchemaOutcome, Version: keyrotor.SchemaVersion, Run: t.plan.Run, Plan: t.plan.Digest,
		Change: c.ID, Recipe: c.Recipe, Target: c.Target, Wave: wave, Started: t.Now().UTC(),
	}
	if reason := cmp.Or(t.mayStart(ctx, c, m), refused); reason != "" {
		o.State, o.Reason = keyrotor.NotStarted, reason
		if m.begun() {
			o.State = keyrotor.Waiting
		}
	} else {
		t.carryOut(ctx, c, m, &o)
	}
	for _, s := range slices.Concat(c.Steps, c.BackOut) {
		if r, ok := m.Receipts[s.Number]; ok {
			o.Receipts = append(o.Receipts, r)
		}
	}
	o.InDoubt = len(m.Open) > 0 // an intent that neither a receipt nor a refusal closed
	o.Ended = t.Now().UTC()
	t.breaker.leave(o)
	// An outcome ends the record of its change: no later turn would look at a step
	// again whose receipt came after it, or never.
	t.finish(o, t.payOwed(ctx) == nil)
	return o
}

// mayStart says why the change may not be started or taken up now, the breaker
// apart.
func (t *turn) mayStart(ctx context.Context, c keyrotor.Change, m *Memory) string {
	if m.inside(c) {
		return "" // between install and promote nobody may stop, not even a full disk
	}
	if t.recordErr() != nil {
		return ErrRecord.Error()
	}
	if ctx.Err() != nil {
		return "interrupted"
	}
	if t.Frozen != nil {
		if reason := t.Frozen(t.Now()); reason != "" {
			return "frozen: " + reason
		}
	}
	if m.begun() {
		return ""
	}
	if !t.Expires.IsZero() && !t.Now().Before(t.Expires) {
		return "the approval expired at " + t.Expires.UTC().Format(time.RFC3339)
	}
	return ""
}

func (t *turn) finish(o keyrotor.Outcome, write bool) {
	if write {
		if err := t.Journal.Settle(context.Background(), o); err != nil {
			t.recordFailed(fmt.Errorf("outcome of %s: %w", o.Target, err))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done[o.Change] = o
	if t.Progress != nil {
		t.Progress(o)
	}
}

func (t *turn) recall(id keyrotor.ChangeID) *Memory {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Past[id]
}

func (t *turn) recordErr() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broken
}

func (t *turn) recordFailed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken == nil {
		t.broken = fmt.Errorf("%w: %w", ErrRecord, err)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
