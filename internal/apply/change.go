package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
)

// carryOut takes a change through its steps and sets the outcome's state.
func (t *turn) carryOut(ctx context.Context, c keyrotor.Change, m *Memory, o *keyrotor.Outcome) {
	token := t.Token(c.ID)
	acted := m.begun()
	for i := range c.Steps {
		s := c.Steps[i]
		s.Token, s.After = token, m.after(s.Number)
		if i > 0 && ctx.Err() != nil && !m.inside(c) {
			o.State, o.Reason = keyrotor.Waiting, fmt.Sprintf("interrupted before step %d (%s)", s.Number, s.Verb)
			return
		}
		if r, ok := m.Receipts[s.Number]; ok && (r.Found || !s.Verb.Async()) {
			continue
		}
		work, end := t.underWay(ctx, s)
		did, err := t.step(work, c, i, s, m)
		for try := 1; err != nil && try < stretchTries && insideStretch(c, i, m) && retryInside(err); try++ {
			if t.Sleep(work, t.Poll<<try) != nil {
				break
			}
			did, err = t.step(work, c, i, s, m)
		}
		end()
		acted = acted || did
		if err != nil {
			t.settle(o, s, err, acted)
			return
		}
	}
	o.State = keyrotor.Succeeded
	if !acted {
		o.State, o.Reason = keyrotor.Unchanged, "it was so already, and not by this run"
	}
}

// lastWords is how long a step that is under way may go on after an interrupt:
// more than a call that is answered needs, less than a person waits.
const lastWords = 20 * time.Second

// underWay is the context of a step. An interrupt does not cut its call off at
// once, for that is a doubt that nobody needed; a service that does not answer is
// waited for no longer than lastWords, and the open intent makes the next turn
// look. Inside a stretch, where a consumer is locked out, the step goes on.
func (t *turn) underWay(ctx context.Context, s keyrotor.Step) (work context.Context, end func()) {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	if s.Stretch != 0 {
		return work, stop
	}
	unhook := context.AfterFunc(ctx, func() {
		if t.Sleep(work, lastWords) == nil {
			stop()
		}
	})
	return work, func() { unhook(); stop() }
}

// stretchTries is how often a step inside a stretch is tried in one turn: a
// consumer is locked out meanwhile, so giving up at the first fault costs more
// than a second try, which the token makes harmless.
const stretchTries = 4

func retryInside(err error) bool {
	var end *stop
	return !errors.As(err, &end) && !errors.Is(err, keyrotor.ErrConflict) && !errors.Is(err, ErrRecord)
}

// stop is a step's verdict that ends a change without being an error.
type stop struct {
	state  keyrotor.OutcomeState
	reason string
}

func (s *stop) Error() string { return string(s.state) + ": " + s.reason }

// settle turns what a step returned into the outcome's words.
func (t *turn) settle(o *keyrotor.Outcome, s keyrotor.Step, err error, acted bool) {
	var (
		end    *stop
		notYet *keyrotor.NotYet
		failed *keyrotor.CallFailed
		where  = fmt.Sprintf("step %d (%s): ", s.Number, s.Verb)
	)
	if errors.As(err, &failed) {
		o.Error = &failed.CallError // the service's own words, whatever they mean to the change
	}
	switch {
	case errors.As(err, &end):
		o.State, o.Reason = end.state, end.reason
		// A change whose earlier steps took effect is not "skipped".
		if acted && s.Number > 1 && (end.state == keyrotor.Skipped || end.state == keyrotor.Unchanged) {
			o.State, o.Reason = keyrotor.Failed, where+"earlier steps took effect, then: "+end.reason
		}
	case errors.As(err, &notYet):
		again := notYet.Again.UTC()
		o.State, o.Reason, o.Until = keyrotor.Waiting, notYet.Reason, &again
	case errors.Is(err, ErrRecord):
		o.State, o.Reason = keyrotor.NotStarted, err.Error()
		if acted {
			o.State = keyrotor.Waiting
		}
	case errors.Is(err, keyrotor.ErrNotFound) && !acted:
		o.State, o.Reason = keyrotor.Skipped, "it does not exist any more"
	case errors.Is(err, keyrotor.ErrConflict) && !acted:
		o.State, o.Reason = keyrotor.Skipped, err.Error()
	case errors.As(err, &failed):
		o.State, o.Reason = keyrotor.Failed, where+err.Error()
	default:
		o.State, o.Reason = keyrotor.Failed, where+err.Error()
	}
}
