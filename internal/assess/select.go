package assess

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/keyrotor/keyrotor"
)

// CompileChoice compiles an expression over asset and now into a choice of assets. An
// asset for which it cannot be decided, for want of a tag or a fact, is not chosen.
// What earlier runs saw is not known to it, and refused.
func CompileChoice(expr string, now time.Time) (*Choice, error) {
	p, s, err := compileFlag("--select", expr, scopeChoice)
	if err != nil {
		return nil, err
	}
	return &Choice{program: p, set: newSetting(s, now, 0), undecided: map[string]bool{}}, nil
}

// Choice is a compiled --select. Its methods may be called concurrently.
type Choice struct {
	program *program
	set     *setting

	mu        sync.Mutex
	decided   bool            // of one asset at least
	undecided map[string]bool // ARNs
	first     error
}

// Holds reports whether the expression holds for the asset.
func (c *Choice) Holds(a keyrotor.Asset) bool {
	v := newView(c.set)
	v.look(&a, eligibilityOf(a), false)
	got, err := c.program.ask(v)
	// Nobody chooses among AWS's own keys, of which little is read.
	if a.KMS == nil || !a.KMS.AWSManaged() {
		c.note(a, got, err)
	}
	return got == yes
}

// note remembers what went wrong, or what was not read. That a key has no such
// tag, and that its type has no such fact, are decisions.
func (c *Choice) note(a keyrotor.Asset, got answer, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if got != broken && got != unread {
		c.decided = true
		return
	}
	c.undecided[a.ARN] = true
	if c.first == nil {
		c.first = fmt.Errorf("%s: %w", cmp.Or(a.Name(), a.ARN), err)
	}
}

// Undecided is for how many assets it could not be decided whether the expression
// holds, and why not for the first; all says that it was so for every asset.
func (c *Choice) Undecided() (n int, first error, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.undecided), c.first, len(c.undecided) > 0 && !c.decided
}

func eligibilityOf(a keyrotor.Asset) keyrotor.Eligibility {
	if a.KMS == nil {
		return unknownToThisVersion("kind", string(a.Kind))
	}
	return Eligible(a.KMS)
}

// CompileGapMatch compiles the match of an expected gap, an expression over gap.
func CompileGapMatch(expr string) (func(keyrotor.Gap) bool, error) {
	p, s, err := compileFlag("expected_gaps: match", expr, scopeGap)
	if err != nil {
		return nil, err
	}
	set := newSetting(s, time.Time{}, 0)
	return func(g keyrotor.Gap) bool {
		v := newView(set)
		v.gap = &g
		got, _ := p.ask(v)
		return got == yes
	}, nil
}

// compileFlag compiles an expression that stands by itself: its errors are
// placed in the expression, and name where it came from instead of a file.
func compileFlag(name, expr string, sc scope) (*program, *schema, error) {
	s, err := newSchema()
	if err != nil {
		return nil, nil, err
	}
	c, err := newCompiler(s, sc)
	if err != nil {
		return nil, nil, err
	}
	p, err := c.compile(expr, cel.BoolType)
	if inner, ok := errors.AsType[*compileError](err); ok {
		return nil, nil, &SourceError{
			File: name, Line: inner.line + 1, Column: inner.column + 1, Message: printable(inner.message),
			Snippet: snippet(lineOf(expr, inner.line), 0, inner.column+1),
		}
	}
	return p, s, err
}
