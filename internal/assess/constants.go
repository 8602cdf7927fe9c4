package assess

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

// brokenAlways finds a part of an expression that asks for nothing of an asset and
// goes wrong, such as 1/0 or duration("a year"): it would go wrong for every asset,
// and be "unknown" for each without a word.
func (c *compiler) brokenAlways(checked *ast.AST) error {
	var broken *compileError
	fixed := map[int64]bool{} // parts without variables
	ast.PostOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		fixed[e.ID()] = isFixed(e, fixed)
		if broken != nil || e.Kind() != ast.CallKind || !fixed[e.ID()] {
			return
		}
		if err := c.evaluates(e, checked.SourceInfo()); err != nil {
			loc := checked.SourceInfo().GetStartLocation(e.ID())
			broken = &compileError{line: max(loc.Line()-1, 0), column: max(loc.Column(), 0), message: fmt.Sprintf("this goes wrong for every key: %v", err)}
		}
	}))
	if broken != nil {
		return broken
	}
	return nil
}

// isFixed reports whether an expression has the same value everywhere, given which
// of its parts have. Loops have variables of their own, and are left alone.
func isFixed(e ast.Expr, fixed map[int64]bool) bool {
	var parts []ast.Expr
	switch e.Kind() {
	case ast.LiteralKind:
		return true
	case ast.CallKind:
		parts = e.AsCall().Args()
		if e.AsCall().IsMemberFunction() {
			parts = append([]ast.Expr{e.AsCall().Target()}, parts...)
		}
	case ast.ListKind:
		parts = e.AsList().Elements()
	default:
		return false
	}
	for _, part := range parts {
		if !fixed[part.ID()] {
			return false
		}
	}
	return true
}

// evaluates tells what goes wrong in a part of an expression that has no variables.
func (c *compiler) evaluates(e ast.Expr, info *ast.SourceInfo) error {
	text, err := cel.ExprToString(e, info)
	if err != nil {
		return nil //nolint:nilerr // it cannot be taken out of its place, and nothing is said of it
	}
	alone, iss := c.env.Compile(text)
	if iss.Err() != nil {
		return nil //nolint:nilerr // by itself it may be of another type
	}
	prg, err := c.env.Program(alone)
	if err != nil {
		return nil //nolint:nilerr // the whole expression says so
	}
	_, _, err = prg.Eval(cel.NoVars())
	return err
}
