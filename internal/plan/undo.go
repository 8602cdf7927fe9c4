package plan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Undo plans what takes back the work of a run: what was done by us, as the
// receipts say, effects found after a crash among them. fresh is a look of
// today; what somebody else changed since is left alone. What cannot be taken
// back is said in the plan's warnings; when that is all, it is refused.
func Undo(p keyrotor.Plan, outcomes []keyrotor.Outcome, fresh func(keyrotor.Target) (keyrotor.Asset, bool), o Options) (keyrotor.Plan, error) {
	d, err := newDraft(o)
	if err != nil {
		return keyrotor.Plan{}, err
	}
	if len(p.Rollout.Production) > 0 {
		d.plan.Rollout = p.Rollout
	}
	for _, account := range p.Rollout.ProductionAccounts {
		d.accounts[account] = true
	}
	d.plan.Undoes = p.Run
	changes := map[keyrotor.ChangeID]keyrotor.Change{}
	for _, c := range p.Changes {
		changes[c.ID] = c
	}
	for _, out := range latest(outcomes) {
		d.plan.Undoes = cmp.Or(out.Run, d.plan.Undoes)
		c, known := changes[out.Change]
		if !known {
			d.left.note(out.Target, "its outcome is of a change that is not in the plan")
			continue
		}
		d.undo(c, out, fresh)
	}
	if len(d.plan.Changes) == 0 {
		why := d.left.lines()
		if len(why) == 0 {
			why = []string{"the run changed nothing"}
		}
		return keyrotor.Plan{}, refuse("an undo of run "+string(d.plan.Undoes), why, "keyrotor report --run "+string(d.plan.Undoes)+"   what the run did")
	}
	if has(d.plan.Changes, keyrotor.EnableRotation) {
		d.plan.Warnings = append(d.plan.Warnings, "turning rotation on again starts its clock anew")
	}
	if has(d.plan.Changes, keyrotor.SetPeriod) {
		d.plan.Warnings = append(d.plan.Warnings, "setting the period back starts its clock anew")
	}
	return d.finish()
}

// has reports whether a step of the changes has the verb.
func has(changes []keyrotor.Change, verb keyrotor.Verb) bool {
	return slices.ContainsFunc(changes, func(c keyrotor.Change) bool {
		return slices.ContainsFunc(c.Steps, func(s keyrotor.Step) bool { return s.Verb == verb })
	})
}

// latest keeps the last outcome of each change: a later turn of a run takes up
// what an earlier one left.
func latest(outcomes []keyrotor.Outcome) []keyrotor.Outcome {
	last := map[keyrotor.ChangeID]int{}
	for i, o := range outcomes {
		last[o.Change] = i
	}
	var kept []keyrotor.Outcome
	for i, o := range outcomes {
		if last[o.Change] == i {
			kept = append(kept, o)
		}
	}
	return kept
}

func (d *draft) undo(c keyrotor.Change, out keyrotor.Outcome, fresh func(keyrotor.Target) (keyrotor.Asset, bool)) {
	steps := done(c, out)
	if len(steps) == 0 {
		if out.State == keyrotor.Unproven {
			d.left.note(c.Target, "unproven: whether it was done is not known; look at it by hand")
		}
		return
	}
	undo, cannot := undoOf(steps)
	if cannot != "" {
		d.left.note(c.Target, cannot)
	}
	if len(undo) == 0 {
		return
	}
	a, ok := fresh(c.Target)
	switch {
	case !ok:
		d.left.note(c.Target, "it could not be looked at, or does not exist any more")
		return
	case a.KMS == nil:
		d.left.note(c.Target, "nothing is known of it today")
		return
	}
	back := propose(RecipeUndo, a, d.plan.Rollout.EnvTag, undo...)
	for i := range back.Steps {
		back.Steps[i].Before.State = a.KMS.State
		back.Steps[i].Before.Next = d.clockOf(back.Steps[i], steps, out, a.KMS)
		back.Steps[i].Target = c.Target
	}
	back.Target = c.Target
	back.Undo, back.CannotUndo = undoOf(back.Steps)
	back.Preconditions = []string{"the key is as the run left it"}
	if why := d.doneByUs(back); why != "" {
		d.left.note(c.Target, why)
		return
	}
	d.add(back, []string{undoWords + string(c.ID) + ofRun + string(cmp.Or(out.Run, d.plan.Undoes))}, "")
}

// clockOf is when a key was to rotate next, going by what we did to it: with a later
// date somebody turned its rotation off and on again, and a period alone does not
// tell. It is what the look of today saw where our own record cannot say: of a new
// period KMS does not document the clock, and once a rotation is due the clock goes on.
func (d *draft) clockOf(back keyrotor.Step, done []keyrotor.Step, out keyrotor.Outcome, k *keyrotor.KMSFacts) *time.Time {
	if back.Verb != keyrotor.DisableRotation && back.Verb != keyrotor.SetPeriod || k.Rotation == nil || k.Rotation.Next == nil {
		return nil
	}
	today := new(k.Rotation.Next.UTC())
	for _, s := range done {
		at := slices.IndexFunc(out.Receipts, func(r keyrotor.Receipt) bool { return r.Step == s.Number && r.Verb == s.Verb && !r.Found })
		if s.Verb != keyrotor.EnableRotation || at < 0 {
			continue
		}
		if next, first := k.FirstRotation(out.Receipts[at].At, s.Params.PeriodDays, d.Now); first {
			return &next
		}
	}
	return today
}

// doneByUs says which other run of ours is why a key is not as the undone run left
// it; "" where it is, or where somebody else is why.
func (d *draft) doneByUs(back proposal) string {
	v := back.verdict()
	if !v.Stops() || d.ByUs == nil {
		return ""
	}
	by := d.ByUs(back.asset)
	switch {
	case by == "":
		return ""
	case v.State == keyrotor.Unchanged:
		return v.Reason + ": " + by
	}
	return by + " since, which can be undone first"
}

// What a change of an undo is made for, as Reverts reads it again.
const undoWords, ofRun = "undo of change ", " of run "

// Reverts is the change, of which run, that a change of an undo takes back;
// false for a change that undoes nothing.
func Reverts(c keyrotor.Change) (keyrotor.ChangeID, keyrotor.RunID, bool) {
	for _, why := range c.Why {
		words, isUndo := strings.CutPrefix(why, undoWords)
		if id, run, whole := strings.Cut(words, ofRun); isUndo && whole && c.Recipe == RecipeUndo {
			return keyrotor.ChangeID(id), keyrotor.RunID(run), true
		}
	}
	return "", "", false
}

// done are the steps of a change that we did ourselves.
func done(c keyrotor.Change, out keyrotor.Outcome) []keyrotor.Step {
	if out.State == keyrotor.RolledBack {
		return nil
	}
	var steps []keyrotor.Step
	for _, s := range c.Steps {
		if slices.ContainsFunc(out.Receipts, func(r keyrotor.Receipt) bool { return r.Step == s.Number && r.Verb == s.Verb && !r.Found }) {
			steps = append(steps, s)
		}
	}
	return steps
}
