package keyrotor

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors that stages hand to each other. Everything else is broken: a human.
var (
	// ErrNotFound: the target does not exist (any more).
	ErrNotFound = errors.New("not found")
	// ErrConflict: the plan is stale; the world moved on. Plan again.
	ErrConflict = errors.New("the plan no longer fits the world")
	// ErrSuperseded: somebody else's work has replaced what the change began. It
	// comes with ErrConflict, and no later look will resolve it.
	ErrSuperseded = errors.New("another came in between")
)

// Refusal is a rule that said no. It is never retried.
type Refusal struct {
	What string   // what was refused: "approval of plan 5f3c…"
	Why  []string // one line each
	Now  string   // what state things are in
	Next string   // the safe next command
}

// Error is the first part; the others are for the top of the program to show.
func (r *Refusal) Error() string {
	if len(r.Why) == 0 {
		return r.What
	}
	return r.What + ": " + strings.Join(r.Why, "; ")
}

// Problem is an error in three parts: what failed (Err), what holds now, and
// the safe next command.
type Problem struct {
	Err  error
	Now  string
	Next string
}

func (p *Problem) Error() string { return p.Err.Error() }

// Unwrap returns what failed.
func (p *Problem) Unwrap() error { return p.Err }

// NotYet says that work goes on without us; look again at Again.
type NotYet struct {
	Again  time.Time
	Reason string
}

func (n *NotYet) Error() string {
	return fmt.Sprintf("not yet: %s (look again at %s)", n.Reason, n.Again.UTC().Format(time.RFC3339))
}

// InDoubt wraps an error after which nobody can say whether the call took
// effect: no answer, a cut connection, an internal error of the service.
type InDoubt struct{ Err error }

func (d *InDoubt) Error() string { return "no certain answer: " + d.Err.Error() }

// Unwrap returns the underlying error.
func (d *InDoubt) Unwrap() error { return d.Err }

// CallFailed is a definite refusal by a service.
type CallFailed struct {
	CallError
	// Stop marks failures that will repeat for every change of the account
	// (access denied): the breaker counts them.
	Stop bool
	Err  error
}

func (c *CallFailed) Error() string {
	return fmt.Sprintf("%s: %s: %s", c.Call, c.Code, c.Message)
}

// Unwrap returns the SDK's error.
func (c *CallFailed) Unwrap() error { return c.Err }
