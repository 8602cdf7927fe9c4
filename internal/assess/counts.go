package assess

import (
	"maps"

	"github.com/keyrotor/keyrotor"
)

// waiverExpiredSeverity: a failure that the waiver covered has its own.
const waiverExpiredSeverity = keyrotor.Medium

// tally counts while assets pass by; nothing of an asset is kept.
type tally struct {
	views    map[keyrotor.View]int
	classes  map[string]int
	instead  map[string]string
	verdicts []map[keyrotor.Verdict]int // by rule
	broken   []Broken                   // by rule
	overdue  int
	waived   int
}

func newTally(rules int) tally {
	t := tally{
		views:    map[keyrotor.View]int{},
		classes:  map[string]int{},
		instead:  map[string]string{},
		verdicts: make([]map[keyrotor.Verdict]int, rules),
		broken:   make([]Broken, rules),
	}
	for i := range t.verdicts {
		t.verdicts[i] = map[keyrotor.Verdict]int{}
	}
	return t
}

// count adds one asset to the totals.
func (a *Assessor) count(out *keyrotor.Assessment, overdue bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := &a.tally
	t.views[out.View]++
	if out.View == keyrotor.ViewNotEligible {
		t.classes[out.Eligibility.Class]++
		if _, known := t.instead[out.Eligibility.Class]; !known {
			t.instead[out.Eligibility.Class] = classInstead(out.Asset.KMS)
		}
	}
	waived := false
	for i := range t.verdicts {
		if i >= len(out.Findings) {
			break
		}
		t.verdicts[i][out.Findings[i].Verdict]++
		t.broken[i].count(out.Asset, out.Findings[i])
		waived = waived || out.Findings[i].Verdict == keyrotor.Waived
	}
	if waived {
		t.waived++
	}
	if overdue {
		t.overdue++
	}
}

// classInstead is what to do for a whole class: without the Region of one key.
func classInstead(k *keyrotor.KMSFacts) string {
	return EligibleKMS(k.Spec, k.Usage, k.Origin, k.State, k.MultiRegionRole(), k.KeyManager).Instead
}

// Counts are the totals over all assets that were assessed so far.
func (a *Assessor) Counts() keyrotor.AssessedCounts {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := keyrotor.AssessedCounts{
		At:      a.set.now.UTC(),
		Views:   maps.Clone(a.tally.views),
		Classes: maps.Clone(a.tally.classes),
		Instead: maps.Clone(a.tally.instead),
		Overdue: a.tally.overdue,
		Waived:  a.tally.waived,
	}
	infos := a.Rules()
	for i := range a.rules {
		c.Rules = append(c.Rules, keyrotor.RuleCounts{RuleInfo: infos[i], Verdicts: maps.Clone(a.tally.verdicts[i])})
	}
	if a.waivers != nil {
		lapsed := map[keyrotor.Verdict]int{}
		for range a.Lapsed() {
			lapsed[keyrotor.Fail]++
		}
		c.Rules = append(c.Rules, keyrotor.RuleCounts{RuleInfo: infos[len(infos)-1], Verdicts: lapsed})
	}
	return c
}

// Rules lists what is held against assets, in the order of findings.
func (a *Assessor) Rules() []keyrotor.RuleInfo {
	infos := make([]keyrotor.RuleInfo, 0, len(a.rules)+1)
	for _, r := range a.rules {
		infos = append(infos, r.RuleInfo)
	}
	if a.waivers != nil {
		infos = append(infos, keyrotor.RuleInfo{
			ID: RuleWaiverExpired, Pack: builtinName, Severity: waiverExpiredSeverity,
			Title: "No waiver has expired",
		})
	}
	return infos
}
