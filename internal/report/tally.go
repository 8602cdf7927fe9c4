package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
)

// tally is what one pass over the assessments leaves behind: counts whose size
// depends on accounts, Regions and rules, not on keys.
type tally struct {
	now     time.Time
	views   map[keyrotor.View]int
	regions map[string]*regionCount
	places  map[placeKey]*coverage
	classes map[string]*classCount
	rules   map[string]*ruleCount
	aged    Aged
	waived  int                        // keys with at least one waived finding
	used    map[keyrotor.Exemption]int // findings by what waived them
	// undecided counts keys in words of AWS that are not known here: among the
	// not eligible, and not to be said to be unable.
	undecided int
	keys      int // customer managed
	managed   int // AWS managed
	unread    int // listed and not described: who manages them is not known
	// switched counts keys of the target list that this run turned on, and of
	// those the ones whose status had been unknown.
	switched, switchedUnknown int
	// foundOff counts keys that rotated when they were read and were found off
	// later; otherPeriod those that rotate, not as this run promised.
	foundOff, otherPeriod int
	// overdue counts keys whose material is past its cryptoperiod after this run,
	// overdueOn those of them that are set to rotate; overdueWaived are not among them.
	overdue, overdueOn, overdueWaived int
}

// regionCount is the views of one Region.
type regionCount struct {
	views     map[keyrotor.View]int
	undecided int
}

func (t *tally) region(name string) *regionCount {
	if t.regions[name] == nil {
		t.regions[name] = &regionCount{views: map[keyrotor.View]int{}}
	}
	return t.regions[name]
}

type placeKey struct{ account, region string }

// coverage counts the keys of one place that automatic rotation could cover,
// and beside them those that it could not or that could not be read.
type coverage struct{ rotating, target, unknown, other, unread int }

func (c coverage) eligible() int { return c.rotating + c.target + c.unknown }

type classCount struct {
	class, instead, reason string
	n                      int
}

type ruleCount struct {
	keyrotor.RuleInfo
	verdicts map[keyrotor.Verdict]int
}

func newTally(rules []keyrotor.RuleInfo, now time.Time) *tally {
	t := &tally{
		now:     now,
		views:   map[keyrotor.View]int{},
		regions: map[string]*regionCount{},
		places:  map[placeKey]*coverage{},
		classes: map[string]*classCount{},
		rules:   map[string]*ruleCount{},
		used:    map[keyrotor.Exemption]int{},
	}
	for _, r := range rules {
		t.rules[r.ID] = &ruleCount{RuleInfo: r, verdicts: map[keyrotor.Verdict]int{}}
	}
	return t
}

func (t *tally) add(a keyrotor.Assessment) {
	if a.Asset.Kind == keyrotor.KindWaiver { // no key, and a finding all the same
		t.addFindings(a.Findings)
		return
	}
	t.views[a.View]++
	switch a.View {
	case keyrotor.ViewAWSManaged:
		t.managed++
		return
	case keyrotor.ViewUnreadable:
		t.unread++
		t.place(a).unread++
		t.addFindings(a.Findings)
		return
	}
	t.keys++
	t.addPlace(a)
	if a.View == keyrotor.ViewNotEligible {
		t.addClass(a.Eligibility)
		if a.Eligibility.Undecided() {
			t.undecided++
			t.region(a.Asset.Region).undecided++
		}
	}
	t.aged.read(a, t.now)
	t.addFindings(a.Findings)
}

func (t *tally) addPlace(a keyrotor.Assessment) {
	t.region(a.Asset.Region).views[a.View]++
	c := t.place(a)
	switch a.View {
	case keyrotor.ViewRotating:
		c.rotating++
	case keyrotor.ViewTarget:
		c.target++
	case keyrotor.ViewUnknown:
		c.unknown++
	default:
		c.other++
	}
}

// place is the coverage of an asset's account and Region.
func (t *tally) place(a keyrotor.Assessment) *coverage {
	key := placeKey{a.Asset.Account, a.Asset.Region}
	if t.places[key] == nil {
		t.places[key] = &coverage{}
	}
	return t.places[key]
}

func (t *tally) addClass(e keyrotor.Eligibility) {
	name := cmp.Or(e.Class, string(e.Ability))
	c := t.classes[name]
	if c == nil {
		c = &classCount{class: name, instead: e.Instead, reason: e.Reason}
		t.classes[name] = c
	}
	c.instead, c.reason = inCommon(c.instead, e.Instead), inCommon(c.reason, e.Reason)
	c.n++
}

func (t *tally) addFindings(findings []keyrotor.Finding) {
	waived := false
	for _, f := range findings {
		r := t.rules[f.Rule]
		if r == nil {
			r = &ruleCount{RuleInfo: keyrotor.RuleInfo{ID: f.Rule, Severity: f.Severity}, verdicts: map[keyrotor.Verdict]int{}}
			t.rules[f.Rule] = r
		}
		r.verdicts[f.Verdict]++
		waived = waived || f.Verdict == keyrotor.Waived
		if w := f.Waiver; w != nil {
			t.used[keyrotor.Exemption{Rule: f.Rule, Match: w.Match, Reason: w.Reason, Until: w.Until.UTC(), Approver: w.Approver, Signer: w.Signer}]++
		}
	}
	if waived {
		t.waived++
	}
}

// regionNames are the Regions that hold keys, in order.
func (t *tally) regionNames() []string { return slices.Sorted(maps.Keys(t.regions)) }

// classList is the groups of keys that cannot rotate automatically, largest first.
func (t *tally) classList() []*classCount {
	return slices.SortedFunc(maps.Values(t.classes), func(a, b *classCount) int {
		return cmp.Or(b.n-a.n, cmp.Compare(a.class, b.class))
	})
}

// ruleList is the rules, worst first: by severity, failures, id.
func (t *tally) ruleList() []*ruleCount {
	return slices.SortedFunc(maps.Values(t.rules), func(a, b *ruleCount) int {
		return cmp.Or(b.Severity.Rank()-a.Severity.Rank(), b.verdicts[keyrotor.Fail]-a.verdicts[keyrotor.Fail], cmp.Compare(a.ID, b.ID))
	})
}

// cannot is the keys of which it is known that they cannot rotate by themselves.
func (t *tally) cannot() int { return t.views[keyrotor.ViewNotEligible] - t.undecided }

func (t *tally) eligible() int {
	return t.views[keyrotor.ViewRotating] + t.views[keyrotor.ViewTarget] + t.views[keyrotor.ViewUnknown]
}

const year = 365 * 24 * time.Hour

// olderThanAYear reports whether the present material of a key is known to be
// older than 365 days.
func olderThanAYear(k *keyrotor.KMSFacts, now time.Time) bool {
	if k == nil {
		return false
	}
	since, known := k.MaterialSince()
	return known && now.Sub(since) > year
}

// switchOn counts a key of the target list as rotating: this run turned it on.
func (t *tally) switchOn(a keyrotor.Assessment) {
	t.switched++
	c := t.place(a)
	if a.View == keyrotor.ViewUnknown {
		t.switchedUnknown++
		c.unknown--
	} else {
		c.target--
	}
	c.rotating++
}

// switchOff counts a key that rotated when it was read as one that does not.
func (t *tally) switchOff(a keyrotor.Assessment) {
	t.foundOff++
	c := t.place(a)
	c.rotating--
	c.target++
}

// rotatingNow is the keys that rotate after this run.
func (t *tally) rotatingNow() int {
	return t.views[keyrotor.ViewRotating] + t.switched - t.foundOff
}

// targetNow is the keys known not to rotate after this run.
func (t *tally) targetNow() int {
	return t.views[keyrotor.ViewTarget] - (t.switched - t.switchedUnknown) + t.foundOff
}

// unknownNow is the keys of which it cannot be said.
func (t *tally) unknownNow() int { return t.views[keyrotor.ViewUnknown] - t.switchedUnknown }
