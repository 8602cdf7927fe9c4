package main

import (
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// stillFails holds keys against the rules as a plan would leave them: it names the
// rules without period_days that fail all the same, and that the shortest period
// would satisfy. The assessor is one of its own, for the run's counts what it sees.
func (j *judging) stillFails() (func(keyrotor.Assessment, int) []string, error) {
	opts := j.opts
	opts.Waivers = nil // a waived rule does not fail, and is not looked at
	assessor, err := newAssessor(opts)
	if err != nil {
		return nil, err
	}
	period := periodOf(j.assessor.Rules())
	return func(a keyrotor.Assessment, days int) []string {
		var rules []string
		for _, id := range a.Failed() {
			if _, known := plan.Remedy(id); !known && period(id) == 0 {
				rules = append(rules, id)
			}
		}
		if len(rules) == 0 {
			return nil
		}
		if days > 0 {
			after := verdictsAt(assessor, a.Asset, days)
			rules = slices.DeleteFunc(rules, func(id string) bool { return after[id] != keyrotor.Fail })
		}
		shortest := verdictsAt(assessor, a.Asset, keyrotor.MinRotationPeriodDays)
		return slices.DeleteFunc(rules, func(id string) bool { return shortest[id] != keyrotor.Pass })
	}, nil
}

// newKeys holds keys that are not there yet against the rules, waivers included; by
// an assessor of its own likewise. What the scan would know of such a key by its tags
// and its account is filled in.
func (j *judging) newKeys(ownerTag string, accounts []keyrotor.Account) (func(keyrotor.Asset) keyrotor.Assessment, error) {
	assessor, err := newAssessor(j.opts)
	if err != nil {
		return nil, err
	}
	return func(a keyrotor.Asset) keyrotor.Assessment {
		a.Owner = a.Tags[ownerTag]
		for _, of := range accounts {
			if of.ID == a.Account {
				a.OU = of.OU
			}
		}
		return assessor.Assess(a)
	}, nil
}

// verdictsAt are the verdicts over a key if it rotated every so many days.
func verdictsAt(assessor *assess.Assessor, asset keyrotor.Asset, days int) map[string]keyrotor.Verdict {
	facts := *asset.KMS
	facts.Rotation = &keyrotor.RotationFacts{On: true, PeriodDays: days}
	asset.KMS = &facts
	verdicts := map[string]keyrotor.Verdict{}
	for _, f := range assessor.Assess(asset).Findings {
		verdicts[f.Rule] = f.Verdict
	}
	return verdicts
}
