package applytest

import (
	"context"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
)

// repeating does every step twice, where the verb promises that this is once.
type repeating struct{ apply.Actor }

func (r repeating) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	if s.Verb.OnceOnly() {
		return r.Actor.Do(ctx, s)
	}
	if _, err := r.Actor.Do(ctx, s); err != nil {
		return keyrotor.Receipt{}, err
	}
	return r.Actor.Do(ctx, s)
}

// watched holds Check and Result to their promise that they change nothing.
type watched struct {
	apply.Actor
	fuse *Fuse
}

func (w watched) Check(ctx context.Context, s keyrotor.Step) (bool, error) {
	before, _ := w.fuse.begun()
	done, err := w.Actor.Check(ctx, s)
	if after, last := w.fuse.begun(); after > before {
		w.fuse.breach("Check of step %d (%s) changed the world: %s", s.Number, s.Verb, last)
	}
	return done, err
}

// Result implements apply.Witness where the actor does.
func (w watched) Result(ctx context.Context, s keyrotor.Step) (map[string]string, error) {
	witness, ok := w.Actor.(apply.Witness)
	if !ok {
		return map[string]string{}, nil
	}
	before, _ := w.fuse.begun()
	result, err := witness.Result(ctx, s)
	if after, last := w.fuse.begun(); after > before {
		w.fuse.breach("Result of step %d (%s) changed the world: %s", s.Number, s.Verb, last)
	}
	return result, err
}
