package assess

import (
	"errors"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/keyrotor/keyrotor"
)

// CompileSelect compiles an expression over asset into a choice of assets. An
// asset for which it cannot be decided, for want of a tag or a fact, is not
// chosen. Fields that depend on the time are refused; see CompileSelectAt.
func CompileSelect(expr string) (func(keyrotor.Asset) bool, error) {
	return compileSelect(expr, scopeTimeless, time.Time{})
}

// CompileSelectAt is CompileSelect with a time, so that an expression may ask
// for ages and use now.
func CompileSelectAt(expr string, now time.Time) (func(keyrotor.Asset) bool, error) {
	return compileSelect(expr, scopeTimed, now)
}

func compileSelect(expr string, sc scope, now time.Time) (func(keyrotor.Asset) bool, error) {
	p, s, err := compileFlag("--select", expr, sc)
	if err != nil {
		return nil, err
	}
	set := newSetting(s, now, 0)
	return func(a keyrotor.Asset) bool {
		v := newView(set)
		v.look(&a, eligibilityOf(a), false)
		got, _ := p.ask(v)
		return got == yes
	}, nil
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
