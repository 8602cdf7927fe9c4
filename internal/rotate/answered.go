package rotate

import (
	"context"
	"slices"
	"sync"
)

// Answered notes the request id of an answer, a refusal too, to a call that a
// Store or an Engine has made under ctx. The Actor puts the ids into the step's
// receipt in the order in which they are noted, those of reads and of tries that
// failed among them: what a service's own log of the step shows.
//
// A service that numbers its answers (all of AWS) is to have every one noted;
// for one that does not (PostgreSQL) nothing needs to be done, and a call without
// an answer has no id. The id of a refusal belongs into its keyrotor.CallFailed
// as well, for a step that is refused has no receipt. Answered may be called
// concurrently; under a context that no step is done with, and for "", it does
// nothing.
func Answered(ctx context.Context, requestID string) {
	if a, ok := ctx.Value(answersKey{}).(*answers); ok && requestID != "" {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.ids = append(a.ids, requestID)
	}
}

// answers are the request ids of one Do. They travel in its context and not in
// the results of Store and Engine, which would need a place for them in every
// method, also where there are none.
type answers struct {
	mu  sync.Mutex
	ids []string
}

type answersKey struct{}

func (a *answers) under(ctx context.Context) context.Context {
	return context.WithValue(ctx, answersKey{}, a)
}

// noted is what has been noted so far: a call that was given up may still note
// its answer later.
func (a *answers) noted() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.ids)
}
