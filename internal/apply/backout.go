package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// A stretch that cannot be ended is left by the way that the plan names for it
// (Change.BackOut), in the same turn: whoever is locked out cannot wait for the
// next. The first steps of that way, which bear the stretch's number, give
// consumers back what they had, and nothing stops them, not even a full disk.
// Those after them tidy up, and are steps like any other.
//
// A way back is closed when its first steps are refused for certain. Then only
// forward is left, in this turn and in the next, until one of the two opens.

// answered reports whether somebody refused a step. A call that found nobody
// tells nothing of whether the next will be refused.
func answered(err error) bool {
	var (
		refused *keyrotor.CallFailed
		doubt   *keyrotor.InDoubt
	)
	return errors.As(err, &refused) && !errors.As(err, &doubt)
}

// mustBackOut reports whether a step's error ends a stretch that was entered
// and has a way back.
func mustBackOut(c keyrotor.Change, at int, m *Memory, err error) bool {
	return len(c.BackOut) > 0 && m.passed(c, c.Steps[at].Stretch) && answered(err)
}

// turnBack leaves the stretch in which step at failed with cause. Late says that
// the stretch's last step may have been called without an answer: what it does
// is not taken back, so it is waited for, and seen to be missing, first.
func (t *turn) turnBack(ctx context.Context, c keyrotor.Change, at int, m *Memory, o *keyrotor.Outcome, late bool, cause error) error {
	last := lastOfStretch(c, c.Steps[at].Stretch)
	if late && !t.certainlyNot(ctx, c, last, m) {
		return fmt.Errorf("not backed out, for step %d (%s) may be done", c.Steps[last].Number, c.Steps[last].Verb)
	}
	return t.backOut(ctx, c, m, o, fmt.Errorf("%s%w", where(c.Steps[at]), cause))
}

// lateCall reports whether a turn before this one may have called the last step
// of the stretch: it had come through the step before it.
func lateCall(c keyrotor.Change, m *Memory) bool {
	for i, s := range c.Steps {
		if s.Stretch != 0 && i > 0 && c.Steps[i-1].Stretch == s.Stretch && i == lastOfStretch(c, s.Stretch) {
			_, came := m.Receipts[c.Steps[i-1].Number]
			return came
		}
	}
	return false
}

// certainlyNot waits for the effect of a step as long as patience lasts.
func (t *turn) certainlyNot(ctx context.Context, c keyrotor.Change, at int, m *Memory) bool {
	s := c.Steps[at]
	s.Token, s.After, s.Since = t.Token(c.ID), m.after(s.Number), m.Open[s.Number].At
	actor, ok := t.Actor(s)
	if !ok {
		return false
	}
	done, err := t.await(context.WithoutCancel(ctx), actor, s)
	return err == nil && !done
}

// goingBack reports whether some turn set out on the way back.
func (m *Memory) goingBack(c keyrotor.Change) bool {
	for _, s := range c.BackOut {
		if m.known(s.Number) {
			return true
		}
	}
	return false
}

// backOut takes the way back because of cause, which is nil when an earlier
// turn set out on it, and settles the outcome. An error means that the way back
// is closed, and why: the outcome is not settled, and only forward is left.
func (t *turn) backOut(ctx context.Context, c keyrotor.Change, m *Memory, o *keyrotor.Outcome, cause error) error {
	back := c
	back.Steps = c.BackOut
	why := whyBack(o, m, cause)
	for i, s := range back.Steps {
		if _, ok := m.Receipts[s.Number]; ok {
			continue
		}
		s.Token, s.After = t.Token(c.ID), m.after(s.Number)
		if s.Stretch == 0 {
			if err := t.closeStretch(ctx, c, m, "backed out: "+why); err != nil {
				return t.heldUp(o, s, m, why, err)
			}
			if ctx.Err() != nil {
				interrupted := &stop{keyrotor.Waiting, fmt.Sprintf("interrupted before step %d (%s)", s.Number, s.Verb)}
				return t.heldUp(o, s, m, why, interrupted)
			}
		}
		if err := t.stepBack(ctx, back, i, s, m); err != nil {
			return t.heldUp(o, s, m, why, err)
		}
	}
	if err := t.closeStretch(ctx, c, m, "backed out: "+why); err != nil {
		return t.heldUp(o, back.Steps[len(back.Steps)-1], m, why, err)
	}
	o.State = keyrotor.RolledBack
	o.Reason = fmt.Sprintf("%s; rolled back (%s): all is as before the change, and nothing is rotated", why, verbs(back.Steps))
	return nil
}

// heldUp settles the outcome of a way back on which a step failed; where that
// closes the way, it says so instead.
func (t *turn) heldUp(o *keyrotor.Outcome, s keyrotor.Step, m *Memory, why string, err error) error {
	if closed(s, m, err) {
		return fmt.Errorf("backing out was refused at step %d (%s): %w", s.Number, s.Verb, err)
	}
	t.settle(o, s, err, true)
	o.Reason += "; on the way back from " + why
	return nil
}

// stepBack takes one step of the way back. One that gives consumers back what
// they had, and is refused for certain, leaves no intent behind: the next turn
// is free to look which way is open.
func (t *turn) stepBack(ctx context.Context, back keyrotor.Change, at int, s keyrotor.Step, m *Memory) error {
	_, late := m.Open[s.Number]
	m.back = s.Stretch != 0
	defer func() { m.back = false }()
	_, doubt, err := t.attempt(ctx, back, at, s, m)
	var notYet *keyrotor.NotYet
	if errors.As(err, &notYet) && s.Stretch == 0 {
		if pause := notYet.Again.Sub(t.Now()); pause <= t.Patience && t.Sleep(ctx, pause) == nil {
			_, _, err = t.attempt(ctx, back, at, s, m)
		}
	}
	if s.Stretch == 0 || !answered(err) {
		return err
	}
	if (late || doubt) && !t.certainlyNot(ctx, back, at, m) {
		// An earlier call landed after all, or nobody can say.
		if _, doubt, err = t.attempt(ctx, back, at, s, m); doubt || !answered(err) {
			return err
		}
	}
	if i, open := m.Open[s.Number]; open {
		// A record that cannot be written only makes the next turn more careful.
		_ = t.abandon(ctx, i, m, err.Error())
	}
	return err
}

// closed reports whether the step that failed closes the way back: consumers
// cannot be given back what they had, or have got the new after all.
func closed(s keyrotor.Step, m *Memory, err error) bool {
	if errors.Is(err, keyrotor.ErrConflict) {
		return !errors.Is(err, keyrotor.ErrSuperseded)
	}
	_, open := m.Open[s.Number]
	return s.Stretch != 0 && answered(err) && !open
}

// whyBack is what made the change turn back, in the words of the turn that did.
func whyBack(o *keyrotor.Outcome, m *Memory, cause error) string {
	var failed *keyrotor.CallFailed
	switch {
	case errors.As(cause, &failed):
		o.Error = &failed.CallError
	case m.Outcome != nil && m.Outcome.Error != nil:
		o.Error = m.Outcome.Error
	}
	if cause != nil {
		return cause.Error()
	}
	return "a refusal that an earlier turn met inside the stretch"
}

// closeStretch closes the intents that the stretch's door opened: its steps
// will not be taken any more.
func (t *turn) closeStretch(ctx context.Context, c keyrotor.Change, m *Memory, reason string) error {
	for _, s := range c.Steps {
		if i, open := m.Open[s.Number]; open && s.Stretch != 0 {
			if err := t.abandon(ctx, i, m, reason); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeBackOut closes the intents of a way back that was set out on and left.
func (t *turn) closeBackOut(ctx context.Context, c keyrotor.Change, m *Memory) error {
	for _, s := range c.BackOut {
		if i, open := m.Open[s.Number]; open {
			if err := t.abandon(ctx, i, m, "not needed: the change went forward"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *turn) abandon(ctx context.Context, i Intent, m *Memory, reason string) error {
	if err := t.recordErr(); err != nil {
		return err
	}
	if err := t.Journal.Abandon(context.WithoutCancel(ctx), i, reason); err != nil {
		t.recordFailed(fmt.Errorf("closing the intent of step %d (%s) of %s: %w", i.Step, i.Verb, i.Change, err))
		return t.recordErr()
	}
	delete(m.Open, i.Step)
	return nil
}

func verbs(steps []keyrotor.Step) string {
	all := make([]string, 0, len(steps))
	for _, s := range steps {
		all = append(all, string(s.Verb))
	}
	return strings.Join(all, ", ")
}
