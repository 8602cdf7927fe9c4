package plan

import (
	"fmt"
	"iter"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// Build plans what cures failing rules: rotation on where it is off, a shorter
// period where it is too long, and with RotateOverdue one rotation on demand of
// what is past its cryptoperiod. A plan without changes is a good end, not an
// error: its warnings say why.
func Build(assessments iter.Seq2[keyrotor.Assessment, error], o Options) (keyrotor.Plan, error) {
	d, err := newDraft(o)
	if err != nil {
		return keyrotor.Plan{}, err
	}
	if err := d.freshEnough(); err != nil {
		return keyrotor.Plan{}, err
	}
	for a, err := range assessments {
		if err != nil {
			return keyrotor.Plan{}, fmt.Errorf("plan: read assessments: %w", err)
		}
		d.see(a)
		chosen := d.Choose(a.Asset)
		d.seen.count(a, chosen)
		if chosen {
			d.show(a)
			d.cure(a)
		}
	}
	d.plan.Selection = o.Selection
	if len(d.plan.Changes) == 0 {
		d.plan.Warnings = append(d.plan.Warnings, d.seen.words()...)
	}
	return d.finish()
}

// draft is a plan in the making.
type draft struct {
	Options
	plan     keyrotor.Plan
	accounts map[string]bool // that hold production
	rotating sample
	left     leftOut
	failing  map[string]int // keys by the rule that no change mends, for want of its period
	seen     tally
}

func newDraft(o Options) (*draft, error) {
	o = o.filled()
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &draft{
		Options: o,
		plan: keyrotor.Plan{
			Schema: keyrotor.SchemaPlan, Version: keyrotor.SchemaVersion, Run: o.Run, Author: o.Author,
			Ticket: o.Ticket, Reason: o.Reason, Inputs: o.Inputs, Needs: o.Needs, Rollout: o.rollout(),
		},
		accounts: map[string]bool{},
		left:     leftOut{},
		failing:  map[string]int{},
	}, nil
}

// see notes what the waves need to know of every asset, chosen or not.
func (d *draft) see(a keyrotor.Assessment) {
	if envOf(d.plan.Rollout, a.Asset.Tags[d.EnvTag]) == production {
		d.accounts[a.Asset.Account] = true
	}
}

// show notes what a reader wants to see beside the changes.
func (d *draft) show(a keyrotor.Assessment) {
	if a.View == keyrotor.ViewRotating && a.Asset.KMS != nil {
		seen := seenOf(a.Asset, d.EnvTag)
		seen.ARN = a.Asset.ARN
		d.rotating.add(placeOf(a.Asset.Target()), seen)
	}
}

// cure adds the changes that an asset's failing rules ask for.
func (d *draft) cure(a keyrotor.Assessment) {
	if a.Asset.KMS == nil || a.Asset.KMS.AWSManaged() {
		return
	}
	before := len(d.plan.Changes)
	defer func() { d.noteFailing(a, d.plan.Changes[before:]) }()
	switch a.View {
	case keyrotor.ViewTarget:
		d.cureOff(a)
	case keyrotor.ViewRotating:
		d.curePeriod(a)
	case keyrotor.ViewNotEligible, keyrotor.ViewAWSManaged, keyrotor.ViewUnreadable: // nothing that a plan could cure
	case keyrotor.ViewUnknown:
		d.left.note(a.Asset.Target(), "rotation status unknown")
		return
	}
	if d.RotateOverdue {
		d.cureOverdue(a)
	}
}

// cureOff turns rotation on where a rule asks for it. A rule of a user's own,
// of which nobody here knows what it asks for, counts only where no built-in
// rule speaks of rotation: or it would undo the waiver of one.
func (d *draft) cureOff(a keyrotor.Assessment) {
	v := d.verdicts(a, keyrotor.EnableRotation)
	why := v.failed
	switch {
	case len(v.failed) > 0:
		why = append(why, d.verdicts(a, keyrotor.SetPeriod).failed...)
	case v.waived:
		d.left.note(a.Asset.Target(), "waived: its rotation may stay off")
		return
	case v.passed:
		return
	default:
		why = v.unknown
	}
	if len(why) == 0 {
		return
	}
	days, warning := d.period(a)
	d.add(enableRotation(a.Asset, days, d.EnvTag), why, warning)
}

func (d *draft) curePeriod(a keyrotor.Assessment) {
	v := d.verdicts(a, keyrotor.SetPeriod)
	why := v.failed
	if len(why) == 0 && !v.waived && d.RulePeriod(a) > 0 {
		why = v.unknown
	}
	r := a.Asset.KMS.Rotation
	days, warning := d.period(a)
	if len(why) == 0 || r == nil || r.PeriodDays <= days {
		return // not asked for, or unknown, or not cured by a period
	}
	d.add(setPeriod(a.Asset, days, d.EnvTag), why, warning)
}

func (d *draft) cureOverdue(a keyrotor.Assessment) {
	if a.Eligibility.Ability != keyrotor.Automatic && a.Eligibility.Ability != keyrotor.OnDemand {
		return
	}
	v := d.verdicts(a, keyrotor.RotateNow)
	why := v.failed
	if len(why) == 0 {
		since, known := a.Asset.KMS.MaterialSince()
		if v.waived || v.passed || !known || d.CryptoperiodDays <= 0 || !d.Now.After(since.AddDate(0, 0, d.CryptoperiodDays)) {
			return
		}
		why = []string{fmt.Sprintf("material older than %d d", d.CryptoperiodDays)}
	}
	c := rotateNow(a.Asset, d.EnvTag)
	c.Recipe = RecipeRotateOverdue
	d.add(c, why, "")
}

// verdicts is what the rules say that one verb cures.
type verdicts struct {
	failed  []string // rules that the verb cures
	unknown []string // failing rules of which the remedy is not known
	waived  bool
	passed  bool
}

func (d *draft) verdicts(a keyrotor.Assessment, verb keyrotor.Verb) verdicts {
	var v verdicts
	for _, f := range a.Findings {
		remedy, known := d.Remedy(f.Rule)
		switch {
		case !known && f.Verdict == keyrotor.Fail:
			v.unknown = append(v.unknown, f.Rule)
		case !known || remedy != verb:
		case f.Verdict == keyrotor.Fail:
			v.failed = append(v.failed, f.Rule)
		case f.Verdict == keyrotor.Waived:
			v.waived = true
		case f.Verdict == keyrotor.Pass:
			v.passed = true
		}
	}
	slices.Sort(v.failed)
	slices.Sort(v.unknown)
	return v
}

// add puts a change into the plan unless what was seen of its target already
// speaks against it.
func (d *draft) add(c proposal, why []string, warning string) {
	if reason := c.speaksAgainst(); reason != "" {
		d.left.note(c.Target, reason)
		return
	}
	c.Why = why
	c.Warning = join(warning, c.Warning)
	d.plan.Changes = append(d.plan.Changes, c.Change)
}

// finish makes the plan whole.
func (d *draft) finish() (keyrotor.Plan, error) {
	for i := range d.plan.Changes {
		d.plan.Changes[i].ID = changeID(d.plan.Run, d.plan.Changes[i])
	}
	d.plan.Rollout.ProductionAccounts = sortedKeys(d.accounts)
	d.plan.Rotating, d.plan.RotatingTotal = d.rotating.first(maxRotating), d.rotating.total
	d.plan.Warnings = append(d.plan.Warnings, d.left.lines()...)
	d.plan.Warnings = append(d.plan.Warnings, stillFailing(d.failing)...)
	d.plan.Warnings = append(d.plan.Warnings, overLimits(d.plan, d.Limits)...)
	return complete(d.plan)
}

// complete computes what follows from the changes: their waves and order, the
// budget, the cost, the warnings and the digest.
func complete(p keyrotor.Plan) (keyrotor.Plan, error) {
	if err := unique(p.Changes); err != nil {
		return keyrotor.Plan{}, err
	}
	p.Changes, p.Waves = waves(p.Changes, p.Rollout)
	p.Budget = budget(p.Changes, p.Waves)
	p.Cost = cost(p.Changes)
	p.Warnings = append(changeWarnings(p), p.Warnings...)
	p = normal(p)
	var err error
	p.Digest, err = Digest(p)
	return p, err
}

// maxRotating is how many keys a plan shows that rotate already.
const maxRotating = 100
