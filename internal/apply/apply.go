// Package apply carries out an approved plan, step by step, and knows nothing
// of AWS, databases or vendors: all of that is behind Actor.
//
// The order inside a step is the heart of it:
//
//	recall open intents ▶ look (fresh facts) ▶ Check ▶ guard ▶ intend (durable) ▶ Do ▶ record
//
// Check stands before guard, because guard would refuse what we ourselves did a
// moment before a crash. The intent is durable before the effect, so that after
// kill -9 the next turn knows which effects may have happened without an answer;
// it then asks the world and never repeats a call that carries no token.
//
// The lease of the run is taken by the caller, who also owns the Journal.
package apply

import (
	"context"
	"errors"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
)

// Actor does steps: it knows AWS, or joins a store and an engine. Its methods
// are called concurrently for different changes.
type Actor interface {
	// Check asks the world whether the step's effect is there. It changes
	// nothing. *keyrotor.NotYet means that the effect is under way.
	Check(ctx context.Context, s keyrotor.Step) (done bool, err error)
	// Do changes the world; twice with one token is once (verbs for which the
	// service cannot promise that say so by Verb.OnceOnly). Errors:
	// *keyrotor.CallFailed for a definite refusal without effect,
	// *keyrotor.NotYet likewise but worth another try later,
	// keyrotor.ErrConflict and keyrotor.ErrNotFound where the step no longer
	// fits, *keyrotor.InDoubt when nobody can say; all else is taken as in doubt.
	// The outer of two counts: a CallFailed around an InDoubt had no effect, and
	// nobody answered, so that the next call may do better; an InDoubt around a
	// CallFailed may have had one. Beside an error only the receipt's request ids
	// count: they reach the receipt that a later try or look of the turn makes.
	Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error)
}

// Witness is what an Actor may be as well, when a step brings something into
// being: it reads from the world what the receipt of a lost answer must name,
// such as a key id. Undo and verify have nothing else to go by.
type Witness interface {
	Result(ctx context.Context, s keyrotor.Step) (map[string]string, error)
}

// Intent is the durable announcement of a step's effect.
type Intent struct {
	Change keyrotor.ChangeID
	Step   int
	Verb   keyrotor.Verb
	Token  string
	At     time.Time
}

// Journal is the run's record. Each method returns once the line is durable;
// an error means that it may not be, and apply stops before the next effect.
type Journal interface {
	Intend(ctx context.Context, intents ...Intent) error
	// Abandon closes an intent whose call was definitely refused.
	Abandon(ctx context.Context, i Intent, reason string) error
	Receive(ctx context.Context, r keyrotor.Receipt) error
	Settle(ctx context.Context, o keyrotor.Outcome) error
}

// ErrRecord says that the record could not be written. Nothing was begun
// after it.
var ErrRecord = errors.New("the record of the run cannot be written")

// ErrStopped says that a breaker or a wave's check stopped the run; the
// outcomes say which changes were not started.
var ErrStopped = errors.New("stopped before the end of the plan")

// Executor applies plans. All fields but the optional ones must be set.
type Executor struct {
	// Actor finds who does a step; false for a verb nobody here knows.
	Actor func(keyrotor.Step) (Actor, bool)
	// Look takes a fresh look at a step's target, at what speaks for or against
	// that step; before a key is made, at what its alias names. Nil: no facts for
	// the guard (kinds whose actor checks everything itself).
	Look    func(ctx context.Context, s keyrotor.Step) (keyrotor.Asset, error)
	Guard   func(s keyrotor.Step, fresh keyrotor.Asset) guard.Verdict
	Journal Journal
	Past    Past
	// Token derives the token of a change, the same in every turn.
	Token func(keyrotor.ChangeID) string
	// Expires bounds the start of a change, not its end. Zero: never.
	Expires time.Time
	// Frozen says why nothing may be started now; "" to go on. Optional.
	Frozen func(now time.Time) string
	// AfterWave is asked after each wave; an error stops the run. Optional.
	AfterWave func(ctx context.Context, w keyrotor.Wave, done []keyrotor.Outcome) error
	// Progress hears of every outcome as it falls, one at a time. Optional.
	Progress func(keyrotor.Outcome)
	Now      func() time.Time
	// Sleep waits; tests that own the clock replace it. Nil: the real thing.
	Sleep func(ctx context.Context, d time.Duration) error
	// Patience bounds how long a doubtful or asynchronous effect is awaited
	// within a turn, for KMS is eventually consistent: default 2 minutes.
	Patience time.Duration
	// Poll is the first pause between two looks, doubling up to 5 s: default 200 ms.
	Poll time.Duration
	// Concurrency bounds the changes under way: default 16.
	Concurrency int
	// StopAfter failures in one account, its other changes are not started:
	// default 5. StopRunAfter failures in all, no change is: default 20. Both
	// are exact, for a change under way counts as if it had failed.
	StopAfter    int
	StopRunAfter int
}

// Result is what became of every change of the plan, in the plan's order.
type Result struct {
	Outcomes []keyrotor.Outcome
	// Stopped says why the run ended early, "" when it did not.
	Stopped string
}

// Counts are the outcomes by state.
func (r Result) Counts() map[keyrotor.OutcomeState]int {
	n := map[keyrotor.OutcomeState]int{}
	for _, o := range r.Outcomes {
		n[o.State]++
	}
	return n
}
