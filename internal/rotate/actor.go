package rotate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Actor does the steps of credential changes over one store and one engine. It
// remembers nothing: every call reads the world anew.
type Actor struct {
	Store  Store
	Engine Engine
	Now    func() time.Time
	// Settle is how long a call without an answer may still take effect, at a
	// provider that mints and after a back-out: default 1 minute.
	Settle time.Duration
}

// Check asks the store, and where the token is pending or on the way back the
// target, whether the step's effect is there. It changes nothing.
func (a *Actor) Check(ctx context.Context, s keyrotor.Step) (bool, error) {
	v, err := a.Store.Read(ctx, s.Target)
	if err != nil {
		return false, fmt.Errorf("read versions: %w", err)
	}
	if err := v.conflict(s); err != nil {
		return false, a.leftovers(ctx, s, v, err)
	}
	at := v.stand(s.Token)
	switch s.Verb {
	case keyrotor.CreatePending:
		return a.created(ctx, s, at)
	case keyrotor.Install:
		return a.installed(ctx, s, at)
	case keyrotor.Try, keyrotor.Promote:
		// A try leaves no trace of its own: only promotion proves it.
		return at == current, nil
	case keyrotor.Retire:
		return a.retired(s, v)
	case keyrotor.PutBack:
		return a.isBack(ctx, s, v)
	case keyrotor.DropPending:
		return a.isDropped(ctx, s, v)
	}
	return false, unknown(s)
}

// Do does the step. Its receipt holds the request ids of all that was answered,
// also beside an error.
func (a *Actor) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	heard := &answers{}
	r, err := a.do(heard.under(ctx), s)
	r.RequestIDs = heard.noted()
	return r, err
}

func (a *Actor) do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	v, err := a.Store.Read(ctx, s.Target)
	if err != nil {
		return keyrotor.Receipt{}, fmt.Errorf("read versions: %w", definite("read", err))
	}
	if err := v.conflict(s); err != nil {
		return keyrotor.Receipt{}, a.leftovers(ctx, s, v, err)
	}
	switch s.Verb {
	case keyrotor.CreatePending:
		return a.create(ctx, s, v)
	case keyrotor.Install:
		return a.install(ctx, s, v)
	case keyrotor.Try:
		return a.try(ctx, s)
	case keyrotor.Promote:
		return a.promote(ctx, s, v)
	case keyrotor.Retire:
		return a.retire(ctx, s, v)
	case keyrotor.PutBack:
		return a.putBack(ctx, s, v)
	case keyrotor.DropPending:
		return a.drop(ctx, s, v)
	}
	return keyrotor.Receipt{}, unknown(s)
}

func unknown(s keyrotor.Step) error {
	return &keyrotor.CallFailed{CallError: keyrotor.CallError{
		Call: string(s.Verb), Code: "UnknownVerb", Message: "not a verb of a credential change",
	}}
}

// installed logs in with the pending credential.
func (a *Actor) installed(ctx context.Context, s keyrotor.Step, at standing) (bool, error) {
	if at == current {
		return true, nil
	}
	next, err := a.Store.Value(ctx, s.Target, s.Token)
	if err != nil {
		return false, fmt.Errorf("read the pending version: %w", err)
	}
	err = a.Engine.Try(ctx, next)
	if errors.Is(err, ErrLogin) {
		return false, nil
	}
	return err == nil, err
}

func (a *Actor) install(ctx context.Context, s keyrotor.Step, v Versions) (keyrotor.Receipt, error) {
	if v.Current == s.Token {
		return keyrotor.Receipt{Result: map[string]string{"version": s.Token}}, nil
	}
	old, err := a.value(ctx, s, v.Current)
	if err != nil {
		return keyrotor.Receipt{}, err
	}
	next, err := a.value(ctx, s, s.Token)
	if err != nil {
		return keyrotor.Receipt{}, err
	}
	if err := a.Engine.Install(ctx, old, next); err != nil {
		return keyrotor.Receipt{}, fmt.Errorf("install: %w", err)
	}
	return keyrotor.Receipt{Result: map[string]string{"version": s.Token}}, nil
}

func (a *Actor) try(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	next, err := a.value(ctx, s, s.Token)
	if err != nil {
		return keyrotor.Receipt{}, err
	}
	if err := a.Engine.Try(ctx, next); err != nil {
		return keyrotor.Receipt{}, definite("log in with the pending credential", err)
	}
	return keyrotor.Receipt{Result: map[string]string{"version": s.Token}}, nil
}

// promote logs in once more: between the try and a late resume days may lie.
func (a *Actor) promote(ctx context.Context, s keyrotor.Step, v Versions) (keyrotor.Receipt, error) {
	if v.Current == s.Token {
		return keyrotor.Receipt{Result: map[string]string{"version": s.Token}}, nil
	}
	if _, err := a.try(ctx, s); err != nil {
		return keyrotor.Receipt{}, err
	}
	if err := a.Store.Promote(ctx, s.Target, s.Token, v.Current); err != nil {
		return keyrotor.Receipt{}, fmt.Errorf("promote: %w", err)
	}
	return keyrotor.Receipt{Result: map[string]string{"version": s.Token, "previous": v.Current}}, nil
}

// value reads a version on the way to an effect; nothing has happened yet, so
// no failure of it leaves a doubt.
func (a *Actor) value(ctx context.Context, s keyrotor.Step, version string) (keyrotor.Secret, error) {
	secret, err := a.Store.Value(ctx, s.Target, version)
	if err != nil {
		return keyrotor.Secret{}, definite("read version "+version, err)
	}
	return secret, nil
}

// definite turns the error of a call that changes nothing into a refusal: even
// without an answer there is no effect to doubt, only what a next call will say.
func definite(call string, err error) error {
	var refused *keyrotor.CallFailed
	var notYet *keyrotor.NotYet
	if errors.As(err, &refused) || errors.As(err, &notYet) || errors.Is(err, keyrotor.ErrConflict) || errors.Is(err, keyrotor.ErrNotFound) {
		return err
	}
	refusal := &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: call, Code: "LoginRefused", Message: err.Error()}, Err: err}
	if !errors.Is(err, ErrLogin) {
		refusal.Code, refusal.Err = "NoAnswer", &keyrotor.InDoubt{Err: err}
	}
	return refusal
}

func (a *Actor) settle() time.Duration { return cmp.Or(a.Settle, time.Minute) }
