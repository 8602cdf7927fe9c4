package assess

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/keyrotor/keyrotor"
)

// Pack is a set of rules, compiled and ready.
type Pack struct {
	Name  string
	rules []*rule
}

// Rule is a rule as its author wrote it.
type Rule struct {
	keyrotor.RuleInfo
	Description string   `json:"description,omitempty"`
	When        string   `json:"when,omitempty"`
	Require     string   `json:"require"`
	Message     string   `json:"message"`
	Needs       []string `json:"needs,omitempty"` // facts it reads or names
}

// rule is a compiled rule. when is nil for a rule that concerns every key.
type rule struct {
	Rule
	when, require *program
	message       *message
	named         []string // facts that the file itself asks for
}

// Rules lists the rules of the pack in the order of its file.
func (p *Pack) Rules() []Rule {
	rules := make([]Rule, 0, len(p.rules))
	for _, r := range p.rules {
		rules = append(rules, r.Rule)
	}
	return rules
}

// packFile is the YAML of a pack.
type packFile struct {
	Rules []ruleFile `yaml:"rules"`
}

type ruleFile struct {
	ID          scalar          `yaml:"id"`
	Title       string          `yaml:"title"`
	Description string          `yaml:"description"`
	Severity    scalar          `yaml:"severity"`
	When        scalar          `yaml:"when"`
	Require     scalar          `yaml:"require"`
	Message     scalar          `yaml:"message"`
	Needs       []scalar        `yaml:"needs"`
	Period      scalar          `yaml:"period_days"`
	References  []referenceFile `yaml:"references"`
}

// referenceFile is a reference in full, or one string that names a control.
type referenceFile struct{ keyrotor.Reference }

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (r *referenceFile) UnmarshalYAML(node ast.Node) error {
	if s, ok := node.(*ast.StringNode); ok {
		r.Reference = keyrotor.Reference{Control: s.Value}
		return nil
	}
	return yaml.NodeToValue(node, &r.Reference, yaml.Strict())
}

// LoadPack compiles the rules of a YAML file. A mistake is refused with file,
// line, column and the offending source, as a *SourceError.
func LoadPack(name string, data []byte) (*Pack, error) {
	s, err := newSchema()
	if err != nil {
		return nil, err
	}
	c, err := newCompiler(s, scopeRule)
	if err != nil {
		return nil, err
	}
	var pf packFile
	f, err := decode(name, data, &pf)
	if err != nil {
		return nil, err
	}
	if len(pf.Rules) == 0 {
		return nil, f.errorAt(1, 1, "the file holds no rules; it begins with \"rules:\" and a list")
	}
	p := &Pack{Name: name}
	seen := map[string]bool{}
	for _, rf := range pf.Rules {
		r, err := compileRule(c, f, rf)
		if err != nil {
			return nil, err
		}
		if seen[r.ID] {
			return nil, f.errorAt(rf.ID.line, rf.ID.column, "rule "+r.ID+" is defined twice")
		}
		seen[r.ID] = true
		r.Pack = name
		p.rules = append(p.rules, r)
	}
	return p, nil
}

func compileRule(c *compiler, f *file, rf ruleFile) (*rule, error) {
	if err := checkHead(f, rf); err != nil {
		return nil, err
	}
	r := &rule{Rule: Rule{
		RuleInfo: keyrotor.RuleInfo{
			ID: rf.ID.text, Title: rf.Title, Severity: keyrotor.Severity(rf.Severity.text),
		},
		Description: strings.TrimSpace(rf.Description),
		When:        strings.TrimSpace(rf.When.text),
		Require:     strings.TrimSpace(rf.Require.text),
		Message:     strings.TrimSpace(rf.Message.text),
	}}
	var err error
	if r.PeriodDays, err = rotationPeriod(f, rf); err != nil {
		return nil, err
	}
	for _, ref := range rf.References {
		r.References = append(r.References, ref.Reference)
	}
	if rf.When.set {
		if r.when, err = c.compile(rf.When.text, cel.BoolType); err != nil {
			return nil, f.expressionError(r.ID, "when", rf.When, err)
		}
	}
	if r.require, err = c.compile(rf.Require.text, cel.BoolType); err != nil {
		return nil, f.expressionError(r.ID, "require", rf.Require, err)
	}
	if r.message, err = parseMessage(c, strings.TrimRight(rf.Message.text, "\n")); err != nil {
		return nil, f.expressionError(r.ID, "message", rf.Message, err)
	}
	r.Needs, err = needs(f, rf, r)
	if err != nil {
		return nil, err
	}
	if r.Title == "" && r.message.plain() {
		r.Title = r.Message
	}
	return r, nil
}

// rotationPeriod is the period a plan sets where the rule fails, 0 for none.
func rotationPeriod(f *file, rf ruleFile) (int, error) {
	if !rf.Period.set {
		return 0, nil
	}
	days, err := strconv.Atoi(rf.Period.text)
	if err != nil || days < keyrotor.MinRotationPeriodDays || days > keyrotor.MaxRotationPeriodDays {
		return 0, f.errorAt(rf.Period.line, rf.Period.column, fmt.Sprintf("period_days %q: KMS takes %d to %d days",
			rf.Period.text, keyrotor.MinRotationPeriodDays, keyrotor.MaxRotationPeriodDays))
	}
	return days, nil
}

// checkHead checks what a rule must have before its expressions are looked at.
func checkHead(f *file, rf ruleFile) error {
	at := rf.ID
	if !at.set {
		at = firstSet(rf.Require, rf.Message, rf.When, rf.Severity)
	}
	switch {
	case !rf.ID.set:
		return f.errorAt(at.line, at.column, "this rule has no id")
	case !wellFormedID(rf.ID.text):
		return f.errorAt(at.line, at.column, "rule id "+fmt.Sprintf("%q", rf.ID.text)+": use lower-case letters, digits and dashes, at most 80")
	case rf.ID.text == RuleWaiverExpired:
		return f.errorAt(at.line, at.column, "rule id "+RuleWaiverExpired+" is keyrotor's own")
	case !rf.Severity.set:
		return f.errorAt(at.line, at.column, "rule "+rf.ID.text+" has no severity: critical, high, medium, low or info")
	case keyrotor.Severity(rf.Severity.text).Rank() == 0:
		return f.errorAt(rf.Severity.line, rf.Severity.column, fmt.Sprintf("severity %q: use critical, high, medium, low or info", rf.Severity.text))
	case !rf.Require.set:
		return f.errorAt(at.line, at.column, "rule "+rf.ID.text+" has no require: the condition that must hold")
	case strings.TrimSpace(rf.Message.text) == "":
		return f.errorAt(at.line, at.column, "rule "+rf.ID.text+" has no message: what to tell people when it fails")
	}
	return nil
}

func firstSet(candidates ...scalar) scalar {
	for _, s := range candidates {
		if s.set {
			return s
		}
	}
	return scalar{line: 1, column: 1}
}

func wellFormedID(id string) bool {
	if id == "" || len(id) > 80 {
		return false
	}
	for _, r := range id {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// needs are the facts that the expressions read and those that the file names.
func needs(f *file, rf ruleFile, r *rule) ([]string, error) {
	facts := slices.Clone(r.require.facts)
	if r.when != nil {
		facts = append(facts, r.when.facts...)
	}
	for _, n := range rf.Needs {
		if !slices.Contains(knownFacts(), n.text) {
			return nil, f.errorAt(n.line, n.column, fmt.Sprintf("fact %q: use one of %s", n.text, strings.Join(knownFacts(), ", ")))
		}
		facts, r.named = append(facts, n.text), append(r.named, n.text)
	}
	slices.Sort(facts)
	return slices.Compact(facts), nil
}

func knownFacts() []string {
	return []string{
		keyrotor.FactDescription, keyrotor.FactRotation, keyrotor.FactHistory, keyrotor.FactTags,
		keyrotor.FactPolicy, keyrotor.FactLastUse, keyrotor.FactGrants, factOrganization,
	}
}

// expressionError places a compile error in the file.
func (f *file) expressionError(id, part string, s scalar, err error) error {
	inner, ok := errors.AsType[*compileError](err)
	if !ok {
		return err
	}
	return f.errorIn(s, inner.line, inner.column, "rule "+id+": "+part+": "+inner.message)
}
