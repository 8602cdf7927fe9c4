package cycle

import (
	"context"
	"fmt"
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// Log is a run's log to be read: *ledger.Run, or ledger.Journal where somebody
// else may be writing it.
type Log interface {
	Entries(each func(ledger.Entry) error) error
}

// journal writes what apply does into the run's log.
type journal struct{ log *ledger.Run }

func (j journal) Intend(ctx context.Context, intents ...apply.Intent) error {
	for _, i := range intents {
		if err := j.log.Append(ctx, ledger.Entry{Type: ledger.TypeIntent, Change: i.Change, Step: i.Step, Verb: i.Verb, Token: i.Token}); err != nil {
			return err
		}
	}
	return nil
}

func (j journal) Abandon(ctx context.Context, i apply.Intent, reason string) error {
	return j.log.Append(ctx, ledger.Entry{Type: ledger.TypeRefused, Change: i.Change, Step: i.Step, Verb: i.Verb, Token: i.Token, Text: reason})
}

func (j journal) Receive(ctx context.Context, r keyrotor.Receipt) error {
	return j.log.Append(ctx, ledger.Entry{Type: ledger.TypeReceipt, Change: r.Change, Step: r.Step, Verb: r.Verb, Receipt: &r})
}

func (j journal) Settle(ctx context.Context, o keyrotor.Outcome) error {
	return j.log.Append(ctx, ledger.Entry{Type: ledger.TypeOutcome, Change: o.Change, Outcome: &o})
}

// Recorded is what the run's log knows of every change of the plan that was
// begun or settled. Unlike outcomes.jsonl, which a turn writes at its end, it
// also knows the effects of a turn that was killed.
func Recorded(log Log, p keyrotor.Plan) ([]keyrotor.Outcome, error) {
	return recorded(log, p, func(ledger.Entry) bool { return true })
}

func recorded(log Log, p keyrotor.Plan, counts func(ledger.Entry) bool) ([]keyrotor.Outcome, error) {
	memories, err := replay(log, counts)
	if err != nil {
		return nil, fmt.Errorf("replay the run's log: %w", err)
	}
	var all []keyrotor.Outcome
	for _, c := range p.Changes {
		m := memories[c.ID]
		if m == nil {
			continue
		}
		o := keyrotor.Outcome{
			Schema: keyrotor.SchemaOutcome, Version: keyrotor.SchemaVersion, Run: p.Run, Plan: p.Digest,
			Change: c.ID, Recipe: c.Recipe, Target: c.Target,
			State: keyrotor.Waiting, Reason: "the turn ended before it could say what became of it",
		}
		if m.Outcome != nil {
			o = *m.Outcome
		}
		o.Receipts = nil // an outcome of an earlier turn lacks those that came after
		for _, s := range slices.Concat(c.Steps, c.BackOut) {
			if r, ok := m.Receipts[s.Number]; ok {
				o.Receipts = append(o.Receipts, r)
			}
		}
		if len(m.Open) > 0 {
			o.State, o.Reason = keyrotor.Unproven, "a call was announced, and its answer is not in the log"
		}
		all = append(all, o)
	}
	return all, nil
}

// Carried is Recorded of what counts: nothing that was found behind a seal does.
func Carried(log Log, p keyrotor.Plan) ([]keyrotor.Outcome, error) {
	found, err := ledger.FoundIn(log.Entries)
	if err != nil {
		return nil, err
	}
	return recorded(log, p, func(e ledger.Entry) bool { return !found(e.Seq) })
}

// past replays what earlier turns of the run wrote, for apply to go by. Of what was
// found behind a seal only intents count: a killed turn wrote it, or a forger, and
// both are met by looking at the world. That something was done, refused or ended
// is not believed of it.
func past(log Log) (apply.Past, error) {
	found, err := ledger.FoundIn(log.Entries)
	if err != nil {
		return nil, err
	}
	return replay(log, func(e ledger.Entry) bool { return e.Type == ledger.TypeIntent || !found(e.Seq) })
}

// replay reads the entries that count.
func replay(log Log, counts func(ledger.Entry) bool) (apply.Past, error) {
	p := apply.Past{}
	err := log.Entries(func(e ledger.Entry) error {
		if !counts(e) {
			return nil
		}
		switch e.Type {
		case ledger.TypeIntent:
			p.Intended(apply.Intent{Change: e.Change, Step: e.Step, Verb: e.Verb, Token: e.Token, At: e.At})
		case ledger.TypeRefused:
			p.Abandoned(e.Change, e.Step)
		case ledger.TypeReceipt:
			if e.Receipt != nil {
				p.Received(*e.Receipt)
			}
		case ledger.TypeOutcome:
			if e.Outcome != nil {
				p.Settled(*e.Outcome)
			}
		}
		return nil
	})
	return p, err
}
