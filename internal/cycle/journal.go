package cycle

import (
	"context"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// Types of ledger entries that apply writes and reads back.
const (
	entryIntent  = "intent"
	entryRefused = "refused"
	entryReceipt = "receipt"
	entryOutcome = "outcome"
)

// journal writes what apply does into the run's log.
type journal struct{ log *ledger.Run }

func (j journal) Intend(ctx context.Context, intents ...apply.Intent) error {
	for _, i := range intents {
		if err := j.log.Append(ctx, ledger.Entry{Type: entryIntent, Change: i.Change, Step: i.Step, Verb: i.Verb, Token: i.Token}); err != nil {
			return err
		}
	}
	return nil
}

func (j journal) Abandon(ctx context.Context, i apply.Intent, reason string) error {
	return j.log.Append(ctx, ledger.Entry{Type: entryRefused, Change: i.Change, Step: i.Step, Verb: i.Verb, Token: i.Token, Text: reason})
}

func (j journal) Receive(ctx context.Context, r keyrotor.Receipt) error {
	return j.log.Append(ctx, ledger.Entry{Type: entryReceipt, Change: r.Change, Step: r.Step, Verb: r.Verb, Receipt: &r})
}

func (j journal) Settle(ctx context.Context, o keyrotor.Outcome) error {
	return j.log.Append(ctx, ledger.Entry{Type: entryOutcome, Change: o.Change, Outcome: &o})
}

// past replays what earlier turns of the run wrote.
func past(log *ledger.Run) (apply.Past, error) {
	p := apply.Past{}
	err := log.Entries(func(e ledger.Entry) error {
		switch e.Type {
		case entryIntent:
			p.Intended(apply.Intent{Change: e.Change, Step: e.Step, Verb: e.Verb, Token: e.Token, At: e.At})
		case entryRefused:
			p.Abandoned(e.Change, e.Step)
		case entryReceipt:
			if e.Receipt != nil {
				p.Received(*e.Receipt)
			}
		case entryOutcome:
			if e.Outcome != nil {
				p.Settled(*e.Outcome)
			}
		}
		return nil
	})
	return p, err
}
