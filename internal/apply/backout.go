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
	actor, s, ok := t.again(c, at, m)
	if !ok {
		return false
	}
	done, err := t.await(context.WithoutCancel(ctx), actor, s)
	return err == nil && !done
}

// landed reports whether the last step of a stretch is seen done, so that
// nothing is left to do forward.
func (t *turn) landed(ctx context.Context, c keyrotor.Change, stretch int, m *Memory) bool {
	last := lastOfStretch(c, stretch)
	if last < 0 {
		return false
	}
	actor, s, ok := t.again(c, last, m)
	if !ok {
		return false
	}
	done, err := actor.Check(context.WithoutCancel(ctx), s)
	return err == nil && done
}

// again is a step as a further look at it needs it, and who can look.
func (t *turn) again(c keyrotor.Change, at int, m *Memory) (Actor, keyrotor.Step, bool) {
	s := c.Steps[at]
	s.Token, s.After, s.Since = t.Token(c.ID), m.after(s.Number), m.Open[s.Number].At
	actor, ok := t.Actor(s)
	return actor, s, ok
}

// goingBack reports whether some turn set out on the way back, and the stretch
// was not ended after all.
func (m *Memory) goingBack(c keyrotor.Change) bool {
	for _, s := range c.BackOut {
		if !m.known(s.Number) {
			continue
		}
		if last := lastOfStretch(c, c.BackOut[0].Stretch); last >= 0 {
			_, ended := m.Receipts[c.Steps[last].Number]
			return !ended
		}
		return true
	}
	return false
}

// backOut takes the way back because of cause, which is nil when an earlier
// turn set out on it, and settles the outcome. An error means that the way back
// is closed, and why: the outcome is not settled, and only forward is left.
func (t *turn) backOut(ctx context.Context, c keyrotor.Change, m *Memory, o *keyrotor.Outcome, cause error) error {
	why := whyBack(o, m, cause)
	for i, s := range c.BackOut {
		if _, ok := m.Receipts[s.Number]; ok {
			continue
		}
		if s.Stretch == 0 {
			if err := t.leaveStretch(ctx, c, s, m, why); err != nil {
				t.heldUp(o, s, why, err)
				return nil
			}
		}
		err := t.stepBack(ctx, c, i, m)
		if closed(s, m, err) {
			return fmt.Errorf("backing out was refused at step %d (%s): %w", s.Number, s.Verb, err)
		}
		if err != nil {
			t.heldUp(o, s, why, err)
			return nil
		}
	}
	if err := t.closeStretch(ctx, c, m, "backed out: "+why); err != nil {
		t.heldUp(o, c.BackOut[len(c.BackOut)-1], why, err)
		return nil
	}
	o.State = keyrotor.RolledBack
	o.Reason = fmt.Sprintf("%s; rolled back (%s): all is as before the change, and nothing is rotated", why, verbs(c.BackOut))
	return nil
}

// leaveStretch closes the stretch before a step that tidies up behind it, which
// an interrupt may stop.
func (t *turn) leaveStretch(ctx context.Context, c keyrotor.Change, s keyrotor.Step, m *Memory, why string) error {
	if err := t.closeStretch(ctx, c, m, "backed out: "+why); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &stop{keyrotor.Waiting, fmt.Sprintf("interrupted before step %d (%s)", s.Number, s.Verb)}
	}
	return nil
}

// heldUp settles the outcome of a way back on which a step failed.
func (t *turn) heldUp(o *keyrotor.Outcome, s keyrotor.Step, why string, err error) {
	t.settle(o, s, err, true)
	o.Reason += "; on the way back from " + why
}

// stepBack takes one step of the way back. One that gives consumers back what
// they had, and is refused for certain, leaves no intent behind: the next turn
// is free to look which way is open. But where the stretch's last step has
// landed meanwhile, consumers have what this step alone can make work.
func (t *turn) stepBack(ctx context.Context, c keyrotor.Change, at int, m *Memory) error {
	back := c
	back.Steps = c.BackOut
	s := back.Steps[at]
	s.Token, s.After = t.Token(c.ID), m.after(s.Number)
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
	if i, open := m.Open[s.Number]; open && !t.landed(ctx, c, s.Stretch, m) {
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
