package rotatetest

import (
	"context"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
)

// Touch stands between an actor and the world, and may fail before, after or
// instead of act. Act runs at most once, perhaps after Touch has returned an
// error: the effect that lands late.
type Touch interface {
	Read(name string, act func() error) error
	Write(name string, act func() error) error
}

// FaultyStore puts a Touch in front of every call of a store.
type FaultyStore struct {
	Store rotate.Store
	Touch Touch
}

// Read implements rotate.Store.
func (f FaultyStore) Read(ctx context.Context, t keyrotor.Target) (v rotate.Versions, err error) {
	err = f.Touch.Read("store.Read", func() (err error) { v, err = f.Store.Read(ctx, t); return err })
	return v, err
}

// Value implements rotate.Store.
func (f FaultyStore) Value(ctx context.Context, t keyrotor.Target, version string) (s keyrotor.Secret, err error) {
	err = f.Touch.Read("store.Value", func() (err error) { s, err = f.Store.Value(ctx, t, version); return err })
	return s, err
}

// Stage implements rotate.Store.
func (f FaultyStore) Stage(ctx context.Context, t keyrotor.Target, token string, s keyrotor.Secret) error {
	return f.Touch.Write("store.Stage", func() error { return f.Store.Stage(ctx, t, token, s) })
}

// Promote implements rotate.Store.
func (f FaultyStore) Promote(ctx context.Context, t keyrotor.Target, token, from string) error {
	return f.Touch.Write("store.Promote", func() error { return f.Store.Promote(ctx, t, token, from) })
}

// Drop implements rotate.Store.
func (f FaultyStore) Drop(ctx context.Context, t keyrotor.Target, version string) error {
	return f.Touch.Write("store.Drop", func() error { return f.Store.Drop(ctx, t, version) })
}

// FaultyEngine puts a Touch in front of every call of an engine; what it
// returns is a rotate.Provider when e is one.
func FaultyEngine(e rotate.Engine, touch Touch) rotate.Engine {
	if p, ok := e.(rotate.Provider); ok {
		return faultyProvider{faultyEngine{e, touch}, p}
	}
	return faultyEngine{e, touch}
}

type faultyEngine struct {
	engine rotate.Engine
	touch  Touch
}

func (f faultyEngine) Mint(ctx context.Context, current keyrotor.Secret, token string) (s keyrotor.Secret, err error) {
	// Without a provider a new value is thought up here and touches nothing.
	return f.engine.Mint(ctx, current, token)
}

func (f faultyEngine) Install(ctx context.Context, current, pending keyrotor.Secret) error {
	return f.touch.Write("engine.Install", func() error { return f.engine.Install(ctx, current, pending) })
}

func (f faultyEngine) Try(ctx context.Context, s keyrotor.Secret) error {
	return f.touch.Read("engine.Try", func() error { return f.engine.Try(ctx, s) })
}

func (f faultyEngine) Retire(ctx context.Context, current, old keyrotor.Secret) error {
	return f.touch.Write("engine.Retire", func() error { return f.engine.Retire(ctx, current, old) })
}

type faultyProvider struct {
	faultyEngine
	provider rotate.Provider
}

func (f faultyProvider) Mint(ctx context.Context, current keyrotor.Secret, token string) (s keyrotor.Secret, err error) {
	err = f.touch.Write("provider.Mint", func() (err error) { s, err = f.provider.Mint(ctx, current, token); return err })
	if err != nil {
		return keyrotor.Secret{}, err // the value is shown once, and was lost with the answer
	}
	return s, nil
}

func (f faultyProvider) KeyID(s keyrotor.Secret) string { return f.provider.KeyID(s) }

func (f faultyProvider) Keys(ctx context.Context, current keyrotor.Secret) (keys []rotate.Key, err error) {
	err = f.touch.Read("provider.Keys", func() (err error) { keys, err = f.provider.Keys(ctx, current); return err })
	return keys, err
}

func (f faultyProvider) Deactivate(ctx context.Context, current keyrotor.Secret, id string) error {
	return f.touch.Write("provider.Deactivate", func() error { return f.provider.Deactivate(ctx, current, id) })
}

func (f faultyProvider) Remove(ctx context.Context, current keyrotor.Secret, id string) error {
	return f.touch.Write("provider.Remove", func() error { return f.provider.Remove(ctx, current, id) })
}
