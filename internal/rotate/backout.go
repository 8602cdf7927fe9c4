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

// conflictBack is conflict for the verbs of the way back. That the new version
// is current is none yet: what consumers read must be made to work first.
func (v Versions) conflictBack(s keyrotor.Step) error {
	switch {
	case v.Current == s.Token:
		return nil
	case v.Current == "":
		return fmt.Errorf("%w: there is no current version to go back to", keyrotor.ErrConflict)
	case s.Before.VersionID != "" && v.Current != s.Before.VersionID:
		return fmt.Errorf("%w: %w: version %s is current, the plan saw %s; version %s is not used",
			keyrotor.ErrConflict, keyrotor.ErrSuperseded, v.Current, s.Before.VersionID, s.Token)
	}
	return nil
}

// promoted is the conflict that ends a way back: a version that was promoted is
// what consumers read, and is never taken back.
func promoted(s keyrotor.Step) error {
	return fmt.Errorf("%w: version %s is current, so that consumers have it, and is not taken back", keyrotor.ErrConflict, s.Token)
}

// isBack reports whether the target accepts the credential that is current in
// the store, as consumers read it.
func (a *Actor) isBack(ctx context.Context, s keyrotor.Step, v Versions) (bool, error) {
	now, err := a.value(ctx, s, v.Current)
	if err != nil {
		return false, err
	}
	err = a.Engine.Try(ctx, now)
	if errors.Is(err, ErrLogin) {
		return false, nil
	}
	return err == nil, err
}

// putBack makes the target accept the current credential again, and logs in
// with it: an engine that says so is not believed. As a rule that is the old
// one. Where a promotion landed after that was put back, it is the new one, and
// the receipt names it as held.
func (a *Actor) putBack(ctx context.Context, s keyrotor.Step, v Versions) (keyrotor.Receipt, error) {
	receipt := keyrotor.Receipt{Result: map[string]string{"version": v.Current}}
	back, err := a.isBack(ctx, s, v)
	if err != nil {
		return keyrotor.Receipt{}, definite("log in with the current credential", err)
	}
	if back {
		return receipt, nil
	}
	now, err := a.value(ctx, s, v.Current)
	if err != nil {
		return keyrotor.Receipt{}, err
	}
	rival, doing := s.Token, "put the old credential back"
	if v.Current == s.Token {
		rival, doing = v.Previous, "install what was promoted once more"
		receipt.Result["held"] = v.Current
	}
	last, err := a.value(ctx, s, rival)
	if err != nil {
		return keyrotor.Receipt{}, a.standing(ctx, s, v, rival, fmt.Errorf("%s: %w", doing, err))
	}
	if err := a.Engine.Install(ctx, last, now); err != nil {
		return keyrotor.Receipt{}, a.standing(ctx, s, v, rival, fmt.Errorf("%s: %w", doing, err))
	}
	if err := a.Engine.Try(ctx, now); err != nil {
		return keyrotor.Receipt{}, a.standing(ctx, s, v, rival, definite("log in after the attempt to "+doing, err))
	}
	return receipt, nil
}

// standing adds to an error what the target accepts, so that a person who must
// step in need not find out first.
func (a *Actor) standing(ctx context.Context, s keyrotor.Step, v Versions, rival string, err error) error {
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
	label := "pending"
	if rival == v.Previous {
		label = "previous"
	}
	return fmt.Errorf("%w (version %s, which consumers read, %s; version %s, %s, %s)",
		err, v.Current, accepts(v.Current), rival, label, accepts(rival))
}

// dropped reports whether the new version has lost its label.
func dropped(s keyrotor.Step, v Versions) bool { return v.Pending != s.Token }

// isDropped reports whether the new version is out of the store. One that was
// promoted stays; while the target refuses it, there is something to do first.
func (a *Actor) isDropped(ctx context.Context, s keyrotor.Step, v Versions) (bool, error) {
	if v.Current == s.Token {
		if works, err := a.isBack(ctx, s, v); err != nil || !works {
			return false, err
		}
		return false, promoted(s)
	}
	if dropped(s, v) {
		return true, nil
	}
	return false, a.late(s)
}

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

// drop takes the pending label off the new version once what consumers read is
// seen to log in, now and not only when it was put back.
func (a *Actor) drop(ctx context.Context, s keyrotor.Step, v Versions) (keyrotor.Receipt, error) {
	receipt := keyrotor.Receipt{Result: map[string]string{"version": s.Token}}
	if v.Current == s.Token {
		return a.holdAndLeave(ctx, s, v)
	}
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

// holdAndLeave makes the target accept a version that was promoted after the old
// credential was put back, and drops nothing. There is no receipt for what was
// not dropped; the conflict, which the record keeps, says what was done.
func (a *Actor) holdAndLeave(ctx context.Context, s keyrotor.Step, v Versions) (keyrotor.Receipt, error) {
	r, err := a.putBack(ctx, s, v)
	if err != nil {
		return keyrotor.Receipt{}, err
	}
	if r.Result["held"] == "" {
		return keyrotor.Receipt{}, promoted(s)
	}
	return keyrotor.Receipt{}, fmt.Errorf("%w; the target did not accept it, and it was installed once more", promoted(s))
}
