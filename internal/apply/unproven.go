package apply

import (
	"context"
	"errors"

	"github.com/keyrotor/keyrotor"
)

// shows reports whether the effect of a change that an earlier turn left
// unproven is to be seen by now, or under way. It only looks: the call in doubt
// is never made again, however often somebody asks.
func (t *turn) shows(ctx context.Context, c keyrotor.Change, m *Memory) bool {
	for _, s := range c.Steps {
		if !m.doubtful(s) {
			continue
		}
		actor, known := t.Actor(s)
		if !known {
			return false
		}
		s.Token, s.After, s.Since = t.Token(c.ID), m.after(s.Number), m.Open[s.Number].At
		done, err := actor.Check(ctx, s)
		var notYet *keyrotor.NotYet
		return done || errors.As(err, &notYet)
	}
	return false
}

// unproven reports whether the last turn could not tell what became of the change.
func (m *Memory) unproven() bool {
	return m.Outcome != nil && m.Outcome.State == keyrotor.Unproven
}

// doubtful reports whether the step's call was made, or may have been, without
// anybody having seen its effect.
func (m *Memory) doubtful(s keyrotor.Step) bool {
	_, open := m.Open[s.Number]
	r, received := m.Receipts[s.Number]
	return open && s.Verb.OnceOnly() || received && !r.Found && s.Verb.Async()
}
