package assess

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/keyrotor/keyrotor"
)

// Bounds on expressions. They are far above what rules need and keep a hostile
// or careless file from taking a machine.
const (
	maxExpression = 4096      // characters
	maxNesting    = 40        // levels
	maxCost       = 2_000_000 // CEL cost units in the worst case; some 10 ns each
	maxString     = 10_000    // characters of a description or tag
	maxList       = 700       // accounts that fit into a 32 kB key policy
	maxRegex      = 1_000     // instructions of a compiled regular expression
)

// scope says which variables an expression may use.
type scope int

const (
	scopeRule   scope = iota // asset, now, cryptoperiod
	scopeChoice              // asset, now; without what earlier runs saw
	scopeGap                 // gap
)

// compiler turns expressions into programs.
type compiler struct {
	schema *schema
	env    *cel.Env
	scope  scope
}

func newCompiler(s *schema, sc scope) (*compiler, error) {
	opts := []cel.EnvOption{
		cel.CustomTypeProvider(s),
		cel.DefaultUTCTimeZone(true),
		cel.StrictTimestampParsing(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxNesting),
		cel.RegexProgramSizeLimit(maxRegex),
	}
	opts = append(opts, functions()...)
	switch sc {
	case scopeGap:
		opts = append(opts, cel.Variable("gap", s.objects[partGap].typ))
	case scopeRule:
		opts = append(opts, cel.Variable("cryptoperiod", cel.DurationType))
		fallthrough
	case scopeChoice:
		opts = append(opts, cel.Variable("now", cel.TimestampType), cel.Variable("asset", s.objects[partAsset].typ))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("set up expressions: %w", err)
	}
	return &compiler{schema: s, env: env, scope: sc}, nil
}

// program is a compiled expression.
type program struct {
	text  string
	prg   cel.Program
	typ   *cel.Type
	facts []string // facts that it reads, sorted
}

// compileError is a mistake in an expression, at a line and column of its text,
// both from 0.
type compileError struct {
	line, column int
	message      string
}

func (e *compileError) Error() string { return e.message }

// compile checks an expression for its type and its worst case. want is nil
// where any type will do.
func (c *compiler) compile(text string, want *cel.Type) (*program, error) {
	if strings.TrimSpace(text) == "" {
		return nil, &compileError{message: "the expression is empty"}
	}
	checked, iss := c.env.Compile(text)
	if iss != nil && iss.Err() != nil {
		return nil, c.firstIssue(text, iss)
	}
	if want != nil && !checked.OutputType().IsExactType(want) {
		return nil, &compileError{message: fmt.Sprintf("this is a %s, where %s is expected", typeName(checked.OutputType()), expected(want))}
	}
	facts, err := c.reads(checked.NativeRep())
	if err != nil {
		return nil, err
	}
	est, err := c.env.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, &compileError{message: "the cost of the expression cannot be estimated: " + err.Error()}
	}
	if est.Max > maxCost {
		return nil, &compileError{message: "the expression may take too long on one asset: nest fewer loops over lists"}
	}
	if err := c.brokenAlways(checked.NativeRep()); err != nil {
		return nil, err
	}
	prg, err := c.env.Program(checked, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, &compileError{message: err.Error()}
	}
	return &program{text: text, prg: prg, typ: checked.OutputType(), facts: facts}, nil
}

// firstIssue keeps the first of several mistakes: the others often follow from it.
func (c *compiler) firstIssue(text string, iss *cel.Issues) error {
	errs := iss.Errors()
	if len(errs) == 0 {
		return &compileError{message: iss.Err().Error()}
	}
	e := &compileError{}
	if loc := errs[0].Location; loc != nil {
		e.line, e.column = max(loc.Line()-1, 0), max(loc.Column(), 0)
	}
	e.message = c.plainWords(errs[0].Message, lineOf(text, e.line), e.column)
	if len(errs) > 1 {
		e.message += fmt.Sprintf(" (and %d more)", len(errs)-1)
	}
	return e
}

func expected(t *cel.Type) string {
	if t.IsExactType(cel.BoolType) {
		return "a condition (true or false)"
	}
	return "a " + t.String()
}

// reads lists the facts behind the fields that an expression touches, and
// refuses fields that have no value in its scope: a silent "no" would be a lie.
func (c *compiler) reads(checked *ast.AST) ([]string, error) {
	var facts []string
	var refused *compileError
	visit := ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.SelectKind {
			return
		}
		sel := e.AsSelect()
		f, ok := c.schema.field(checked.GetType(sel.Operand().ID()).TypeName(), sel.FieldName())
		if !ok {
			return
		}
		facts = append(facts, f.facts...)
		if f.earlier && c.scope != scopeRule && refused == nil {
			loc := checked.SourceInfo().GetStartLocation(e.ID())
			refused = &compileError{line: max(loc.Line()-1, 0), column: max(loc.Column(), 0), message: "field '" + f.name + "' depends on earlier runs, which are not known here"}
		}
	})
	ast.PostOrderVisit(checked.Expr(), visit)
	if refused != nil {
		return nil, refused
	}
	slices.Sort(facts)
	return slices.Compact(facts), nil
}

// sizes bounds what an asset can hold, for the estimate of the worst case.
type sizes struct{}

func (sizes) EstimateSize(element cost.AstNode) *cost.SizeEstimate {
	switch element.Type().Kind() {
	case types.StringKind, types.BytesKind:
		return &cost.SizeEstimate{Max: maxString}
	case types.ListKind, types.MapKind:
		return &cost.SizeEstimate{Max: maxList}
	default:
		return &cost.SizeEstimate{Min: 1, Max: 1}
	}
}

func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// answer is what came of a condition.
type answer int

const (
	no answer = iota
	yes
	noKey    // a map lacks the key, most often a tag; or a value is not set
	ruledOut // the type of the asset has no such fact
	unread   // a fact was not read
	broken   // the expression went wrong: a division by zero, …
)

// ask evaluates a condition. The error tells more of unread and broken.
func (p *program) ask(v *view) (answer, error) {
	out, _, err := p.prg.Eval(v)
	if err != nil {
		return failureOf(err), err
	}
	switch out {
	case types.True:
		return yes, nil
	case types.False:
		return no, nil
	}
	return broken, fmt.Errorf("the expression gave %v, neither true nor false", out.Type())
}

// failureOf sorts the errors of an evaluation. CEL's own && and || have already
// dropped those that do not matter for the result.
func failureOf(err error) answer {
	if missing, ok := errors.AsType[*notRead](err); ok {
		switch {
		case missing.unset:
			return noKey
		case missing.ruledOut:
			return ruledOut
		}
		return unread
	}
	if strings.HasPrefix(err.Error(), "no such key") {
		return noKey
	}
	return broken
}

// value evaluates an expression of any type.
func (p *program) value(v *view) (ref.Val, error) {
	out, _, err := p.prg.Eval(v)
	return out, err
}

// missing lists those of the facts that this asset lacks: what somebody must
// make readable to get an answer.
func missing(v *view, facts []string) []string {
	var names []string
	for _, f := range facts {
		if lacks(v, f) {
			names = append(names, f)
		}
	}
	return names
}

// lacks reports whether a fact that applies to the asset was not read.
func lacks(v *view, fact string) bool {
	var err error
	switch fact {
	case keyrotor.FactTags:
		_, err = getTags(v)
	case keyrotor.FactDescription:
		if err = absentKMS(v); err == nil {
			err = absentImport(v)
		}
	case keyrotor.FactRotation:
		err = absentRotation(v)
	case keyrotor.FactHistory:
		err = absentHistory(v)
	case keyrotor.FactPolicy:
		err = absentPolicy(v)
	case keyrotor.FactLastUse:
		err = absentLastUse(v)
	case keyrotor.FactGrants:
		err = absentGrants(v)
	case factOrganization:
		return v.kms != nil && v.kms.Policy != nil && v.kms.Policy.Outside == nil
	}
	reason, ok := errors.AsType[*notRead](err)
	return ok && !reason.ruledOut && !reason.unset
}
