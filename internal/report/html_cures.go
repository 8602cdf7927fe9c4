package report

import (
	"slices"

	"github.com/keyrotor/keyrotor"
)

// The built-in rules of which it is known what cures them. kms-rotation-on is
// the one that the target list shows key by key.
const (
	ruleRotationOn  = "kms-rotation-on"
	ruleRotationOff = "kms-rotation-turned-off"
	rulePeriod      = "kms-period-within-cryptoperiod"
	ruleMaterial    = "kms-material-within-cryptoperiod"
)

// curedBy reports whether this run is known to have ended the failure of a rule.
// Of a rule of the user's own only its period is known.
func (b *builder) curedBy(e effect, rule string) bool {
	r := b.tally.rules[rule]
	switch {
	case rule == ruleRotationOn, rule == ruleRotationOff:
		return e.on
	case rule == ruleMaterial:
		return e.rotated
	case rule != rulePeriod && (r == nil || r.PeriodDays == 0):
		return false
	}
	return slices.Contains(e.cures, rule)
}

// countCures counts, rule by rule, how a run changed the number of failures.
func (b *builder) countCures(a keyrotor.Assessment, e effect) {
	for _, f := range a.Findings {
		switch {
		case f.Verdict == keyrotor.Fail && b.curedBy(e, f.Rule):
			b.cured[f.Rule]++
		case f.Verdict == keyrotor.Pass && f.Rule == ruleRotationOn && e.off:
			b.cured[f.Rule]--
		}
	}
}
