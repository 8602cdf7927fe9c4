package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// whyStayed is why a change stays though this run's plan takes it back, "" when
// it was taken back or nothing was carried out yet.
func (b *builder) whyStayed(c keyrotor.Change) string {
	for _, o := range b.run.Outcomes {
		if o.Change != b.run.Undone.Reverted[c.ID] {
			continue
		}
		switch o.State {
		case keyrotor.Succeeded:
			return ""
		case keyrotor.Unchanged:
			return cmp.Or(o.Reason, "others had taken it back already")
		case keyrotor.Skipped:
			return cmp.Or(o.Reason, "others changed it since")
		}
		return stateText(o.State) + ": " + outcomeReason(o)
	}
	return ""
}

// ownSteps are the steps of a change that the run did itself.
func ownSteps(c keyrotor.Change, o keyrotor.Outcome) []keyrotor.Step {
	var steps []keyrotor.Step
	for _, s := range c.Steps {
		ours := func(r keyrotor.Receipt) bool { return r.Step == s.Number && r.Verb == s.Verb && !r.Found }
		if o.State != keyrotor.RolledBack && slices.ContainsFunc(o.Receipts, ours) {
			steps = append(steps, s)
		}
	}
	return steps
}

// whyLeft says why a change stays, by the fresh look that this run took.
func (b *builder) whyLeft(c keyrotor.Change, steps []keyrotor.Step, o keyrotor.Outcome) (leftKind, string) {
	a, seen := b.seen[c.Target.ARN]
	switch {
	case len(steps) == 0:
		return leftCannot, "whether it was done is not known; look at it by hand"
	case c.CannotUndo != "":
		return leftCannot, c.CannotUndo
	case !seen:
		for _, g := range b.run.Gaps {
			if g.Asset == c.Target.ARN {
				return leftUnread, "it could not be looked at: " + g.Code + " on " + g.Call
			}
		}
		return leftOthers, "it does not exist any more"
	case a.KMS == nil:
		return leftUnread, "nothing is known of it today"
	case a.KMS.State != "Enabled":
		return leftOthers, "it is " + stateWords(a.KMS.State) + " now"
	case speaksOfRotation(steps) && a.KMS.Rotation == nil:
		return leftUnread, "its rotation status is not known"
	case asLeft(a, steps) && !b.anew(a, steps, o):
		return leftUnchosen, "it is as the run left it, and was not chosen for this undo"
	case speaksOfRotation(steps) && b.byUs(a) != "":
		return leftOthers, b.byUs(a) + " since"
	case speaksOfRotation(steps) && !a.KMS.Rotation.On:
		return leftOthers, "somebody switched rotation off since"
	case b.anew(a, steps, o):
		return leftOthers, "somebody switched rotation off and on again since"
	case speaksOfRotation(steps) && a.KMS.Rotation.PeriodDays > 0:
		return leftOthers, "somebody set it to every " + days(a.KMS.Rotation.PeriodDays) + " since"
	}
	return leftOthers, "somebody changed it since"
}

// anew reports whether the rotation that the run switched on was switched off and on
// again since: the key then rotates later than it would have.
func (b *builder) anew(a keyrotor.Asset, steps []keyrotor.Step, o keyrotor.Outcome) bool {
	for _, s := range steps {
		for _, r := range o.Receipts {
			if s.Verb != keyrotor.EnableRotation || r.Step != s.Number || r.Verb != s.Verb || a.KMS.Rotation == nil {
				continue
			}
			next, first := a.KMS.FirstRotation(r.At, s.Params.PeriodDays, b.run.Population.Ended)
			if first && a.KMS.Rotation.LaterThan(next) {
				return true
			}
		}
	}
	return false
}

// byUs is the other run of ours that left a key as it is now, "" for none.
func (b *builder) byUs(a keyrotor.Asset) string {
	if b.run.Undone == nil || b.run.Undone.ByUs == nil {
		return ""
	}
	return Clean(b.run.Undone.ByUs(a))
}

func speaksOfRotation(steps []keyrotor.Step) bool {
	return slices.ContainsFunc(steps, func(s keyrotor.Step) bool {
		return s.Verb == keyrotor.EnableRotation || s.Verb == keyrotor.SetPeriod || s.Verb == keyrotor.DisableRotation
	})
}

// asLeft reports whether a key is as steps left it.
func asLeft(a keyrotor.Asset, steps []keyrotor.Step) bool {
	for _, s := range steps {
		switch s.Verb {
		case keyrotor.EnableRotation, keyrotor.SetPeriod:
			if r := a.KMS.Rotation; !r.On || r.PeriodDays != s.Params.PeriodDays {
				return false
			}
		case keyrotor.DisableRotation:
			if a.KMS.Rotation.On {
				return false
			}
		case keyrotor.TagKey:
			for k, v := range s.Params.Tags {
				if a.Tags[k] != v {
					return false
				}
			}
		}
	}
	return true
}

func (b *builder) leftTable(run string, t undoTally) tableView {
	v := tableView{
		ID: "left", Paper: 250, Caption: "What run " + run + " changed and this one left",
		Columns: []column{
			{Title: "Key", Sub: "Key id", Kind: words}, {Title: "Account", Sub: "Account id", Kind: words}, {Title: "Region", Kind: words},
			{Title: "That run", Kind: words}, {Title: "Found now", Kind: words}, {Title: "Why it was left", Kind: words},
		},
		Rows:  t.rows,
		Empty: "Nothing was left: this undo takes up every change of run " + run + ".",
	}
	if b.run.Undone == nil {
		v.Empty = ""
	}
	return v
}

func (b *builder) leftRow(c keyrotor.Change, why string) []cell {
	var steps []string
	for _, st := range c.Steps {
		steps = append(steps, strings.ReplaceAll(stepWords(st, "→"), "  ", " "))
	}
	now := "not seen"
	if a, seen := b.seen[c.Target.ARN]; seen {
		now = rotationWords(a)
		if a.KMS != nil && a.KMS.State != "Enabled" {
			now = stateWords(a.KMS.State)
		}
	}
	return []cell{
		keyCell(nameOf(c.Target), c.Target.ID), b.accountCell(c.Target.Account), nameCell(c.Target.Region),
		{Text: strings.Join(steps, "; "), Class: "rules"}, textCell(now), {Text: Clean(why), Class: "reason"},
	}
}
