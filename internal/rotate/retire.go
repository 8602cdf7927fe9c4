package rotate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
)

// retired reports whether the old version has lost its label, which retire
// takes off last. While the grace runs the answer is *keyrotor.NotYet.
func (a *Actor) retired(s keyrotor.Step, v Versions) (bool, error) {
	if v.Current != s.Token {
		return false, fmt.Errorf("%w: version %s is not promoted, so nothing may be retired", keyrotor.ErrConflict, s.Token)
	}
	if v.Previous == "" || v.Previous == s.Token {
		return true, nil
	}
	if s.Before.VersionID != "" && v.Previous != s.Before.VersionID {
		return false, fmt.Errorf("%w: version %s is previous, the plan saw %s", keyrotor.ErrConflict, v.Previous, s.Before.VersionID)
	}
	return false, a.grace(s)
}

// grace counts from the first look that saw the new version current, because
// only from then on do we know that consumers could pick it up.
func (a *Actor) grace(s keyrotor.Step) error {
	now := a.Now()
	from := s.After
	if from.IsZero() {
		from = now
	}
	end := from.Add(time.Duration(s.Params.GraceHours) * time.Hour)
	if now.Before(end) {
		return &keyrotor.NotYet{Again: end, Reason: "the old credential stays valid for its grace period"}
	}
	return nil
}

// retire ends the old credential once the new one is seen to work.
func (a *Actor) retire(ctx context.Context, s keyrotor.Step, v Versions) (keyrotor.Receipt, error) {
	if done, err := a.retired(s, v); done || err != nil {
		return keyrotor.Receipt{Result: map[string]string{"version": s.Token}}, err
	}
	now, err := a.value(ctx, s, s.Token)
	if err != nil {
		return keyrotor.Receipt{}, err
	}
	if err := a.Engine.Try(ctx, now); err != nil {
		return keyrotor.Receipt{}, definite("log in with the current credential before retiring the old one", err)
	}
	old, err := a.Store.Value(ctx, s.Target, v.Previous)
	if err != nil && !errors.Is(err, keyrotor.ErrNotFound) {
		return keyrotor.Receipt{}, definite("read version "+v.Previous, err)
	}
	if err == nil {
		if err := a.Engine.Retire(ctx, now, old); err != nil {
			return keyrotor.Receipt{}, fmt.Errorf("retire: %w", err)
		}
	}
	if err := a.Store.Drop(ctx, s.Target, v.Previous); err != nil {
		return keyrotor.Receipt{}, fmt.Errorf("drop version %s: %w", v.Previous, err)
	}
	return keyrotor.Receipt{Result: map[string]string{"version": s.Token, "retired": v.Previous}}, nil
}
