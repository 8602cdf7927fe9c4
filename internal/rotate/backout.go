package rotate

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrotor/keyrotor"
)

// BackOut is the way back out of the stretch of Steps, nil for a strategy that
// has none: there the old credential lives on, the new one is held by the
// pending version, and a later turn takes it up.
//
// The old credential is put back and logs in before the new one's version is
// dropped, for until then the pending version is what a single user can log in
// with to change the password back. Dropped it must be: the label would hold up
// every rotation to come, and a version without a label is never installed, so
// that the next change makes a new value.
func BackOut(st Strategy, t keyrotor.Target, p keyrotor.Params, before keyrotor.Before) []keyrotor.Step {
	if st != SingleUser {
		return nil
	}
	p.Strategy = string(st)
	after := len(Steps(st, t, p, before))
	return []keyrotor.Step{
		{Number: after + 1, Verb: keyrotor.PutBack, Target: t, Params: p, Before: before, Stretch: 1},
		{Number: after + 2, Verb: keyrotor.DropPending, Target: t, Params: p, Before: before},
	}
}

// conflictBack is conflict for the verbs of the way back. A version that was
// promoted is what consumers read: it is never taken back.
func (v Versions) conflictBack(s keyrotor.Step) error {
	switch {
	case v.Current == s.Token:
		return fmt.Errorf("%w: version %s is current, so that consumers have it, and is not taken back", keyrotor.ErrConflict, s.Token)
	case v.Current == "":
		return fmt.Errorf("%w: there is no current version to go back to", keyrotor.ErrConflict)
	case s.Before.VersionID != "" && v.Current != s.Before.VersionID:
		return fmt.Errorf("%w: %w: version %s is current, the plan saw %s; version %s is not used",
			keyrotor.ErrConflict, keyrotor.ErrSuperseded, v.Current, s.Before.VersionID, s.Token)
	}
	return nil
}

// isBack reports whether the target accepts the credential that is current in
// the store, as consumers read it.
func (a *Actor) isBack(ctx context.Context, s keyrotor.Step, v Versions) (bool, error) {
	old, err := a.value(ctx, s, v.Current)
	if err != nil {
		return false, err
	}
	err = a.Engine.Try(ctx, old)
	if errors.Is(err, ErrLogin) {
		return false, nil
	}
	return err == nil, err
}

// putBack makes the target accept the current credential again, and logs in
// with it: an engine that says so is not believed.
func (a *Actor) putBack(ctx context.Context, s keyrotor.Step, v Versions) (keyrotor.Receipt, error) {
	receipt := keyrotor.Receipt{Result: map[string]string{"version": v.Current}}
	back, err := a.isBack(ctx, s, v)
	if err != nil {
		return keyrotor.Receipt{}, definite("log in with the old credential", err)
	}
	if back {
		return receipt, nil
	}
	old, err := a.value(ctx, s, v.Current)
	if err != nil {
		return keyrotor.Receipt{}, err
	}
	next, err := a.value(ctx, s, s.Token)
	if err != nil {
		return keyrotor.Receipt{}, a.standing(ctx, s, v, fmt.Errorf("put the old credential back: %w", err))
	}
	if err := a.Engine.Install(ctx, next, old); err != nil {
		return keyrotor.Receipt{}, a.standing(ctx, s, v, fmt.Errorf("put the old credential back: %w", err))
	}
	if err := a.Engine.Try(ctx, old); err != nil {
		return keyrotor.Receipt{}, a.standing(ctx, s, v, definite("log in with the old credential after putting it back", err))
	}
	return receipt, nil
}

// standing adds to an error what the target accepts, so that a person who must
// step in need not find out first.
func (a *Actor) standing(ctx context.Context, s keyrotor.Step, v Versions, err error) error {
	accepts := func(version string) string {
		secret, err := a.Store.Value(ctx, s.Target, version)
		if err != nil {
			return "cannot be read from the store"
		}
		switch err := a.Engine.Try(ctx, secret); {
		case err == nil:
			return "logs in"
		case errors.Is(err, ErrLogin):
			return "does not log in"
		}
		return "could not be tried"
	}
	return fmt.Errorf("%w (version %s, which consumers read, %s; version %s, pending, %s)",
		err, v.Current, accepts(v.Current), s.Token, accepts(s.Token))
}

// dropped reports whether the new version has lost its label.
func dropped(s keyrotor.Step, v Versions) bool { return v.Pending != s.Token }

// late is *keyrotor.NotYet while an install that nobody saw answered may still
// land and undo what was put back.
func (a *Actor) late(s keyrotor.Step) error {
	if s.After.IsZero() {
		return nil
	}
	if again := s.After.Add(a.settle()); a.Now().Before(again) {
		return &keyrotor.NotYet{Again: again, Reason: "the old credential is back; a call without an answer may still undo that"}
	}
	return nil
}

// drop takes the pending label off the new version once the old credential is
// seen to log in, now and not only when it was put back.
func (a *Actor) drop(ctx context.Context, s keyrotor.Step, v Versions) (keyrotor.Receipt, error) {
	receipt := keyrotor.Receipt{Result: map[string]string{"version": s.Token}}
	if dropped(s, v) {
		return receipt, nil
	}
	if err := a.late(s); err != nil {
		return keyrotor.Receipt{}, err
	}
	if _, err := a.putBack(ctx, s, v); err != nil {
		return keyrotor.Receipt{}, err
	}
	if err := a.Store.Drop(ctx, s.Target, s.Token); err != nil {
		return keyrotor.Receipt{}, fmt.Errorf("drop version %s: %w", s.Token, err)
	}
	return receipt, nil
}

// hold repairs a promotion that came after the old credential was put back: the
// target must accept what consumers read.
func (a *Actor) hold(ctx context.Context, s keyrotor.Step, v Versions, conflict error) error {
	if v.Current != s.Token || v.Previous == "" {
		return conflict
	}
	back, err := a.isBack(ctx, s, v)
	if err != nil || back {
		return conflict
	}
	old, oerr := a.value(ctx, s, v.Previous)
	now, nerr := a.value(ctx, s, s.Token)
	if err := errors.Join(oerr, nerr); err != nil {
		return fmt.Errorf("%w; the target does not accept it: %w", conflict, err)
	}
	if err := a.Engine.Install(ctx, old, now); err != nil {
		return fmt.Errorf("%w; the target does not accept it, and installing it again: %w", conflict, err)
	}
	return conflict
}
