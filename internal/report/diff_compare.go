package report

import (
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
)

// standing is the part of an assessment that a comparison needs.
type standing struct {
	target   keyrotor.Target
	owner    string
	view     keyrotor.View
	state    string
	deletion *time.Time
	verdicts []verdict
	status   Hole // why the view is not known, when it is not
}

// verdict is what one rule said, and what kept it from saying more.
type verdict struct {
	rule    string
	verdict keyrotor.Verdict
	holes   []Hole
}

// standing is what the run says of a key.
func (s *sight) standing(a keyrotor.Assessment) standing {
	now := standing{target: a.Asset.Target(), owner: a.Asset.Owner, view: a.View}
	if k := a.Asset.KMS; k != nil {
		now.state, now.deletion = k.State, k.DeletionDate
	}
	switch a.View {
	case keyrotor.ViewUnreadable:
		now.status = s.unread(a.Asset, keyrotor.FactDescription)
		return now // its rules say the same once each
	case keyrotor.ViewUnknown:
		now.status = s.unread(a.Asset, keyrotor.FactRotation)
	}
	for _, f := range a.Findings {
		v := verdict{rule: f.Rule, verdict: f.Verdict}
		if f.Verdict == keyrotor.Unknown {
			for _, fact := range f.Needs {
				v.holes = append(v.holes, s.unread(a.Asset, fact))
			}
			if len(f.Needs) == 0 {
				v.holes = []Hole{{Run: s.run, What: f.Rule + " could not be evaluated"}}
			}
		}
		now.verdicts = append(now.verdicts, v)
	}
	return now
}

// remember is the standing that has to wait for the other run's: without the
// verdicts that say nothing against a key, which are by far the most.
func (s *sight) remember(a keyrotor.Assessment) standing {
	if a.View == keyrotor.ViewAWSManaged {
		return standing{view: a.View}
	}
	old := s.standing(a)
	old.verdicts = slices.Clip(slices.DeleteFunc(old.verdicts, func(v verdict) bool {
		return v.verdict == keyrotor.Pass || v.verdict == keyrotor.NotApplicable
	}))
	return old
}

// of is the verdict of a rule; a rule that said nothing did not apply, or passed.
func (s standing) of(rule string) verdict {
	for _, v := range s.verdicts {
		if v.rule == rule {
			return v
		}
	}
	return verdict{rule: rule, verdict: keyrotor.NotApplicable}
}

// change is what two standings of one key differ in.
type change struct {
	Delta
	worse, better, changed bool
	// lost: one run was refused what the other knew. blind: neither knew, and one
	// at least was refused. unasked: one did not ask, which is no refusal.
	lost, blind, unasked bool
}

// compare files a key that both runs have.
func (d *differ) compare(old, now standing) {
	if old.view == keyrotor.ViewAWSManaged && now.view == keyrotor.ViewAWSManaged {
		return
	}
	c := change{Delta: Delta{Target: now.target, Owner: now.owner, Before: old.view, After: now.view}}
	c.status(old, now)
	if old.view != keyrotor.ViewUnreadable && now.view != keyrotor.ViewUnreadable {
		c.rules(old, now)
	}
	switch {
	case c.worse:
		d.Worse = append(d.Worse, c.Delta)
	case c.lost:
		d.NotComparable = append(d.NotComparable, c.Delta)
	case c.better:
		d.Better = append(d.Better, c.Delta)
	case c.changed:
		d.Changed = append(d.Changed, c.Delta)
	case c.blind, c.unasked:
		d.NotComparable = append(d.NotComparable, c.Delta)
	default:
		d.Same++
	}
}

// status compares what a key is: its state, and the view that it stands in.
func (c *change) status(old, now standing) {
	unreadable := old.view == keyrotor.ViewUnreadable || now.view == keyrotor.ViewUnreadable
	if !unreadable && old.state != now.state {
		words, effect := stateChange(old.state, now.state, now.deletion)
		c.What = append(c.What, words)
		c.worse, c.better, c.changed = effect < 0, effect > 0, effect == 0
	}
	if old.view != now.view {
		c.What = append(c.What, shortView(old.view)+" → "+shortView(now.view))
	}
	switch before, after := undecided(old.view), undecided(now.view); {
	case before && after:
		c.apart(old.status, now.status)
	case before:
		c.apart(old.status)
	case after:
		c.apart(now.status)
	case old.view == keyrotor.ViewRotating && now.view == keyrotor.ViewTarget:
		c.worse = true
	case old.view == keyrotor.ViewTarget && now.view == keyrotor.ViewRotating:
		c.better = true
	case old.view != now.view && old.state == now.state:
		c.changed = true // a primary key that became a replica
	}
}

func undecided(v keyrotor.View) bool {
	return v == keyrotor.ViewUnknown || v == keyrotor.ViewUnreadable
}

// rules compares verdict by verdict.
func (c *change) rules(old, now standing) {
	for _, v := range now.verdicts {
		c.rule(old.of(v.rule), v)
	}
	for _, v := range old.verdicts {
		if !slices.ContainsFunc(now.verdicts, func(n verdict) bool { return n.rule == v.rule }) {
			c.rule(v, now.of(v.rule))
		}
	}
}

// rule compares one rule's verdicts. Only a pass is better than a failure: what
// is not known may fail still, and what does not apply any more was not mended.
func (c *change) rule(old, now verdict) {
	before, after := old.verdict, now.verdict
	say := func(effect *bool, words string) {
		*effect = true
		c.What = append(c.What, words)
	}
	switch {
	case before == keyrotor.Unknown || after == keyrotor.Unknown:
		c.unknown(old, now)
	case before == after:
	case after == keyrotor.Fail && before == keyrotor.Waived:
		say(&c.worse, "now fails "+now.rule+", which was waived")
	case after == keyrotor.Fail:
		say(&c.worse, "now fails "+now.rule)
	case before == keyrotor.Fail && after == keyrotor.Waived:
		say(&c.changed, "still fails "+now.rule+", which is waived now")
	case after == keyrotor.Waived:
		say(&c.changed, "now fails "+now.rule+", which is waived")
	case (before == keyrotor.Fail || before == keyrotor.Waived) && after == keyrotor.Pass:
		say(&c.better, "no longer fails "+now.rule)
	case before == keyrotor.Fail || before == keyrotor.Waived:
		say(&c.changed, "failed "+now.rule+", which does not apply now")
	}
}

// unknown says of a rule that one of the runs could not decide what the other
// knew against the key.
func (c *change) unknown(old, now verdict) {
	switch {
	case old.verdict == keyrotor.Fail:
		c.What = append(c.What, "failed "+old.rule+", which is not known now")
	case now.verdict == keyrotor.Fail:
		c.What = append(c.What, "fails "+now.rule+", which was not known before")
	}
	c.apart(slices.Concat(old.holes, now.holes)...)
}

// apart notes what keeps a key from being compared. What nobody asked in either
// run is no loss.
func (c *change) apart(holes ...Hole) {
	refused, runs := false, map[string]bool{}
	for _, h := range holes {
		refused = refused || h.refused()
		runs[h.Run] = true
	}
	switch {
	case refused && len(runs) > 1:
		c.blind = true
	case refused:
		c.lost = true
	case len(runs) == 1:
		c.unasked = true
	default:
		return
	}
	for _, h := range holes {
		c.Unread = withHole(c.Unread, h)
	}
}

// misuse ranks states by how far a key is from serving: 0 serves, 1 does not, 2
// will never again unless somebody stops it. A state unknown here has no rank.
func misuse(state string) (rank int, known bool) {
	switch state {
	case "Enabled", "Creating", "Updating":
		return 0, true
	case "Disabled", "PendingImport", "Unavailable":
		return 1, true
	case "PendingDeletion", "PendingReplicaDeletion":
		return 2, true
	}
	return 0, false
}

// stateChange names a change of state for what it is. The effect is negative
// where the key serves less than before: to lose a key is to lose what it
// encrypted, and no rule that stops to apply makes up for that.
func stateChange(old, now string, deletion *time.Time) (words string, effect int) {
	was, known := misuse(old)
	is, too := misuse(now)
	if known && too {
		effect = was - is
	}
	cancelled := ""
	if was == 2 && is < 2 {
		cancelled = "its deletion was cancelled; "
	}
	switch now {
	case "PendingDeletion", "PendingReplicaDeletion":
		words = "is scheduled for deletion"
		if deletion != nil {
			words += " on " + deletion.UTC().Format("2 Jan 2006")
		}
	case "Disabled":
		words = cancelled + "is disabled"
	case "PendingImport":
		words = cancelled + "has no key material and cannot be used (pending import)"
	case "Unavailable":
		words = cancelled + "cannot be used: its key store is not connected"
	case "Enabled":
		words = cancelled + "can be used again"
	default:
		words = "state " + old + " → " + now
	}
	return words + " (was " + old + ")", effect
}
