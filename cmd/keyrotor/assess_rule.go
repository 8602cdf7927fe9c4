package main

import (
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// knownRule refuses the name of a rule that nothing is held against.
func knownRule(id string, rules []keyrotor.RuleInfo) error {
	if id == "" || slices.ContainsFunc(rules, func(r keyrotor.RuleInfo) bool { return r.ID == id }) {
		return nil
	}
	return usage("--rule %s: no such rule; keyrotor rules list names them", id)
}

// showRuleFindings shows the findings of one rule, key by key.
func (s *session) showRuleFindings(view report.Run, rule, choice string) error {
	if !s.text() {
		return report.Write(s.out, s.format(), report.RuleFindingRows(view.Assessments, rule))
	}
	return report.RuleText(s.out, view, rule, s.nexts(
		report.Next{Command: "keyrotor rules show " + quoted(rule), About: "what the rule asks for, and who maps it to which control"},
		report.Next{Command: "keyrotor assess" + choice, About: "all rules"},
	), s.style)
}
