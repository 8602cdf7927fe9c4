package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
)

// step brings one step's effect about, or finds it there. The first result
// says whether an effect of ours is, or may be, in the world.
func (t *turn) step(ctx context.Context, c keyrotor.Change, at int, s keyrotor.Step, m *Memory) (bool, error) {
	actor, ok := t.Actor(s)
	if !ok {
		return false, &stop{keyrotor.Failed, fmt.Sprintf("nobody here knows how to %s a %s", s.Verb, s.Target.Kind)}
	}
	_, open := m.Open[s.Number]
	_, received := m.Receipts[s.Number]
	s.Since = m.Open[s.Number].At

	var fresh keyrotor.Asset
	// With an intent of a call that must not be made twice, Check alone decides:
	// nothing that the guard could say would lead to a call.
	looked := t.Look != nil && s.LooksFirst() && (s.Target.ID != "" || !open) && !m.back && !insideStretch(c, at, m)
	if looked {
		var err error
		if fresh, err = t.Look(ctx, s); err != nil {
			return open, &lookFailed{"look", err}
		}
	}
	done, err := actor.Check(ctx, s)
	if err == nil && !done && (received || (open && s.Verb.OnceOnly())) {
		// The call was made, or may have been: its effect can be late.
		done, err = t.await(ctx, actor, s)
	}
	var notYet *keyrotor.NotYet
	if errors.As(err, &notYet) && (open || received) {
		done, err = t.await(ctx, actor, s)
	}
	if err != nil {
		return open, &lookFailed{"check", err}
	}
	if done {
		if received {
			return true, nil
		}
		// The way back closed the intents of the stretch's door: an effect that
		// lands after it is ours all the same.
		ours := open || (s.Stretch != 0 && m.goingBack(c))
		return ours, t.receive(ctx, c, s, m, found(ctx, actor, s, ours))
	}
	if received {
		return true, &stop{keyrotor.Unproven, "the service accepted the call, and its effect is not to be seen"}
	}
	if open && s.Verb.OnceOnly() {
		return true, &stop{keyrotor.Unproven, "an earlier turn may have made the call, its effect is not to be seen, and a second call could do it twice"}
	}
	if looked {
		if v := t.Guard(s, fresh); v.State != "" {
			return false, &stop{v.State, v.Reason}
		}
	}
	if err := t.intend(ctx, c, at, s, m); err != nil {
		return open, err
	}
	return t.do(ctx, actor, c, s, m, !open)
}

// insideStretch: the guard and the intents were asked at the stretch's door,
// and no step after it has ended yet.
func insideStretch(c keyrotor.Change, at int, m *Memory) bool {
	s := c.Steps[at]
	_, open := m.Open[s.Number]
	return open && m.passed(c, s.Stretch)
}

// intend makes the step's intent durable. At the door of a stretch the intents
// of all its steps are, because inside it a full disk must not stop anybody; a
// door whose record a crash tore is still to be passed.
func (t *turn) intend(ctx context.Context, c keyrotor.Change, at int, s keyrotor.Step, m *Memory) error {
	var intents []Intent
	for _, next := range c.Steps[at:] {
		if next.Number != s.Number && (s.Stretch == 0 || next.Stretch != s.Stretch) {
			break
		}
		if !m.known(next.Number) {
			intents = append(intents, Intent{Change: c.ID, Step: next.Number, Verb: next.Verb, Token: s.Token, At: t.Now().UTC()})
		}
	}
	if len(intents) == 0 {
		return nil
	}
	if err := t.announce(ctx, s, intents); err != nil && !m.back {
		return err
	}
	for _, i := range intents {
		m.Open[i.Step] = i
	}
	return nil
}

// announce writes intents down. On the way back inside a stretch those of its
// door, which are durable, stand for them when it cannot.
func (t *turn) announce(ctx context.Context, s keyrotor.Step, intents []Intent) error {
	if err := t.payOwed(ctx); err != nil {
		return err
	}
	if err := t.Journal.Intend(context.WithoutCancel(ctx), intents...); err != nil {
		t.recordFailed(fmt.Errorf("intent to %s %s: %w", s.Verb, s.Target, err))
		return t.recordErr()
	}
	return nil
}

// found is the receipt of an effect that was seen and not answered.
func found(ctx context.Context, actor Actor, s keyrotor.Step, recovered bool) keyrotor.Receipt {
	r := keyrotor.Receipt{Recovered: recovered, Found: !recovered}
	if w, ok := actor.(Witness); ok {
		// What another copy of this run made is named as well: verify has nothing
		// else to go by. Where even this cannot be read the receipt says less, and is
		// still true.
		r.Result, _ = w.Result(ctx, s)
	}
	return r
}

// do makes the call. Fresh says that the intent was written for it just now;
// an older one may stand for an earlier call that still has to be accounted for.
func (t *turn) do(ctx context.Context, actor Actor, c keyrotor.Change, s keyrotor.Step, m *Memory, fresh bool) (bool, error) {
	r, err := actor.Do(ctx, s)
	m.hear(s.Number, r)
	switch {
	case err == nil:
		if err := t.receive(ctx, c, s, m, r); err != nil {
			return true, err
		}
		if !s.Verb.Async() {
			return true, nil
		}
		done, err := t.await(ctx, actor, s)
		if err == nil && !done {
			return true, &stop{keyrotor.Unproven, "the service accepted the call, and its effect is not to be seen"}
		}
		return true, err
	case withoutEffect(err):
		// Definite: this call had no effect. Inside a stretch the intents stay
		// open, so that the next turn knows where it is.
		if s.Stretch == 0 && fresh {
			if jerr := t.Journal.Abandon(context.WithoutCancel(ctx), m.Open[s.Number], err.Error()); jerr != nil {
				t.recordFailed(fmt.Errorf("refusal of %s %s: %w", s.Verb, s.Target, jerr))
				return false, errors.Join(err, t.recordErr())
			}
			delete(m.Open, s.Number)
		}
		return !fresh, err
	}
	err = inDoubt(err)
	s.Since = m.Open[s.Number].At
	done, cerr := t.await(ctx, actor, s)
	var notYet *keyrotor.NotYet
	switch {
	case errors.As(cerr, &notYet):
		return true, cerr
	case cerr != nil:
		// Nobody could look, and a look that was refused says nothing of the
		// call: the open intent makes the next turn look again.
		return true, fmt.Errorf("%w; and looking again: %w", err, cerr)
	case done:
		return true, t.receive(ctx, c, s, m, found(ctx, actor, s, true))
	case s.Verb.OnceOnly():
		return true, &stop{keyrotor.Unproven, fmt.Sprintf("%v; the effect is not to be seen, and a second call could do it twice", err)}
	default:
		return true, fmt.Errorf("%w; looked again and it is not in effect", err)
	}
}

// await polls Check until the effect is seen or patience ends. A *NotYet that
// outlasts patience is returned as it is.
func (t *turn) await(ctx context.Context, actor Actor, s keyrotor.Step) (bool, error) {
	deadline := t.Now().Add(t.Patience)
	pause := t.Poll
	for {
		done, err := actor.Check(ctx, s)
		var notYet *keyrotor.NotYet
		if done || (err != nil && !errors.As(err, &notYet)) {
			return done, err
		}
		if !t.Now().Add(pause).Before(deadline) {
			return false, err
		}
		if t.Sleep(ctx, pause) != nil {
			return false, &keyrotor.NotYet{Again: t.Now(), Reason: "interrupted while its effect was awaited"}
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// receive writes a receipt down. Inside a stretch a record that cannot be
// written waits in memory: stopping there would lock a consumer out.
func (t *turn) receive(ctx context.Context, c keyrotor.Change, s keyrotor.Step, m *Memory, r keyrotor.Receipt) error {
	r.Change, r.Step, r.Verb, r.RequestIDs = c.ID, s.Number, s.Verb, m.heard[s.Number]
	if r.At.IsZero() {
		r.At = t.Now().UTC()
	}
	err := t.Journal.Receive(context.WithoutCancel(ctx), r)
	if err != nil && s.Stretch != 0 && s.Number != c.Steps[lastOfStretch(c, s.Stretch)].Number {
		t.mu.Lock()
		t.owed = append(t.owed, r)
		t.mu.Unlock()
		err = nil
	}
	delete(m.Open, s.Number)
	m.Receipts[s.Number] = r
	if err != nil {
		t.recordFailed(fmt.Errorf("receipt of %s %s: %w", s.Verb, s.Target, err))
		return t.recordErr()
	}
	return nil
}

// lastOfStretch is the index of the stretch's last step, -1 for no stretch.
func lastOfStretch(c keyrotor.Change, stretch int) int {
	last := -1
	for i, s := range c.Steps {
		if stretch != 0 && s.Stretch == stretch {
			last = i
		}
	}
	return last
}

// payOwed writes the receipts that a stretch left behind; until it succeeds no
// new effect begins, and no outcome is written.
func (t *turn) payOwed(ctx context.Context) error {
	if t.recordErr() == nil {
		t.pay(ctx)
	}
	return t.recordErr()
}

// pay is payOwed, whether the record broke before or not. What fails is in
// recordErr.
func (t *turn) pay(ctx context.Context) {
	t.mu.Lock()
	owed := t.owed
	t.owed = nil
	t.mu.Unlock()
	for i, r := range owed {
		if err := t.Journal.Receive(context.WithoutCancel(ctx), r); err != nil {
			t.mu.Lock()
			t.owed = append(t.owed, owed[i:]...)
			t.mu.Unlock()
			t.recordFailed(fmt.Errorf("receipt of step %d of %s: %w", r.Step, r.Change, err))
			return
		}
	}
}
