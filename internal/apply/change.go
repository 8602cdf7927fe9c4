package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
)

// carryOut takes a change through its steps and sets the outcome's state. The
// way back out of a stretch is tried once a turn.
func (t *turn) carryOut(ctx context.Context, c keyrotor.Change, m *Memory, o *keyrotor.Outcome) {
	acted, late := m.begun(), lateCall(c, m)
	var noWayBack error
	if m.goingBack(c) {
		if noWayBack = t.backOut(ctx, c, m, o, nil); noWayBack == nil {
			return
		}
	}
	for i := 0; i < len(c.Steps); {
		s := c.Steps[i]
		s.Token, s.After = t.Token(c.ID), m.after(s.Number)
		if i > 0 && ctx.Err() != nil && !m.inside(c) {
			o.State, o.Reason = keyrotor.Waiting, fmt.Sprintf("interrupted before step %d (%s)", s.Number, s.Verb)
			return
		}
		if r, ok := m.Receipts[s.Number]; ok && (r.Found || !s.Verb.Async()) {
			i++
			continue
		}
		did, doubt, err := t.attempt(ctx, c, i, s, m)
		acted = acted || did
		late = late || (doubt && i == lastOfStretch(c, s.Stretch))
		switch {
		case err == nil:
			i++
		case noWayBack == nil && mustBackOut(c, i, m, err):
			if noWayBack = t.turnBack(ctx, c, i, m, o, late, err); noWayBack == nil {
				return
			}
		default:
			t.settle(o, s, err, acted)
			if noWayBack != nil {
				o.Reason += "; and " + noWayBack.Error()
			}
			return
		}
	}
	if err := t.closeBackOut(ctx, c, m); err != nil {
		o.State, o.Reason = keyrotor.Waiting, err.Error()
		return
	}
	o.State, o.Reason, o.Error = keyrotor.Succeeded, "", nil
	if !acted {
		o.State, o.Reason = keyrotor.Unchanged, "it was so already, and not by this run"
	}
}

// attempt takes a step, and inside a stretch tries again at once what failed.
// Doubt says that some try was neither done nor refused.
func (t *turn) attempt(ctx context.Context, c keyrotor.Change, at int, s keyrotor.Step, m *Memory) (did, doubt bool, err error) {
	work, end := t.underWay(ctx, s)
	defer end()
	for try := 0; ; try++ {
		acted, err := t.step(work, c, at, s, m)
		did = did || acted
		if err == nil {
			return did, doubt, nil
		}
		doubt = doubt || !answered(err)
		again := try+1 < stretchTries && (m.back || insideStretch(c, at, m)) && retryInside(err)
		if !again || t.Sleep(work, t.Poll<<(try+1)) != nil {
			return did, doubt, unseen(c, at, doubt, err)
		}
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
	)
	if errors.As(err, &failed) {
		o.Error = &failed.CallError // the service's own words, whatever they mean to the change
	}
	switch {
	case errors.As(err, &end):
		o.State, o.Reason = end.state, end.reason
		// A change whose earlier steps took effect is not "skipped".
		if acted && s.Number > 1 && (end.state == keyrotor.Skipped || end.state == keyrotor.Unchanged) {
			o.State, o.Reason = keyrotor.Failed, where(s)+"earlier steps took effect, then: "+end.reason
		} else if acted && end.state == keyrotor.Unchanged {
			// It is as somebody wants it, and perhaps by a call of ours.
			o.State, o.Reason = keyrotor.Skipped, where(s)+"a call of ours may have taken effect before, and now: "+end.reason
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
	case errors.Is(err, keyrotor.ErrSuperseded):
		// Trying again for ever would say no more; the receipts say what was done.
		o.State, o.Reason = keyrotor.Skipped, "what this change began was superseded: "+where(s)+err.Error()
	default:
		o.State, o.Reason = keyrotor.Failed, where(s)+err.Error()
	}
}

func where(s keyrotor.Step) string { return fmt.Sprintf("step %d (%s): ", s.Number, s.Verb) }
