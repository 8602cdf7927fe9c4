package report

import (
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// undoView is what a run that takes back another one has to say: nothing of an
// estate, for it looked at a few keys alone.
type undoView struct {
	Run   string
	Left  tableView
	Notes []string // of the plan
}

// leftKind is why a change of the undone run stays.
type leftKind int

const (
	leftOthers leftKind = iota // somebody changed it since
	leftCannot                 // nothing takes it back
	leftUnread                 // it could not be looked at
	leftUnchosen
)

// words are those for one change, or for several.
func (k leftKind) words(n int) string {
	switch k {
	case leftOthers:
		return oneOr(n, "was left as others made it since", "were left as others made them since")
	case leftCannot:
		return "cannot be taken back"
	case leftUnread:
		return "could not be looked at"
	}
	return oneOr(n, "was not chosen", "were not chosen")
}

// undoTally is what became of the changes of the undone run.
type undoTally struct {
	total    int
	restored int
	open     int // in the plan and not taken back
	left     map[leftKind]int
	rows     [][]cell
}

func (b *builder) finishUndo() {
	run := Clean(string(b.run.undoes()))
	t := b.undoTally()
	b.doc.Undo = &undoView{Run: run, Left: b.leftTable(run, t)}
	if b.run.Plan != nil {
		for _, w := range b.run.Plan.Warnings {
			if b.run.Undone != nil && strings.Contains(w, " left out: ") {
				continue // the table names these one by one
			}
			b.doc.Undo.Notes = append(b.doc.Undo.Notes, Clean(w))
		}
	}
	b.doc.Verdict, b.doc.Standing = b.undoVerdict(run, t)
	b.doc.Lead = b.undoLead(run, t)
	b.doc.Meta = []pair{
		{"Undoes", "run " + run},
		{"Looked at", plural(b.run.Population.Keys, "key") + " of its plan"},
		{"Read", stamp(b.run.Population.Ended)},
		{"Run", Clean(string(b.run.Population.Run))},
	}
	b.doc.Figures = b.undoFigures(t)
	b.doc.Outcome = b.outcome()
	b.doc.Gaps = b.gapTable()
	b.doc.Audit = b.audit()
}

// undoTally goes through what the undone run did, change by change.
func (b *builder) undoTally() undoTally {
	t := undoTally{left: map[leftKind]int{}}
	counts := countStates(b.run.Outcomes)
	t.restored = counts[keyrotor.Succeeded]
	t.left[leftOthers] = counts[keyrotor.Skipped] + counts[keyrotor.Unchanged]
	planned := 0
	if b.run.Plan != nil {
		planned = len(b.run.Plan.Changes)
	}
	t.open = max(0, planned-t.restored-t.left[leftOthers])
	t.total = planned
	if b.run.Undone == nil {
		return t
	}
	last := map[keyrotor.ChangeID]keyrotor.Outcome{}
	for _, o := range b.run.Undone.Outcomes {
		last[o.Change] = o
	}
	t.total = 0
	for _, c := range b.run.Undone.Plan.Changes {
		o, decided := last[c.ID]
		steps := ownSteps(c, o)
		if !decided || len(steps) == 0 && o.State != keyrotor.Unproven {
			continue
		}
		t.total++
		taken := b.run.Undone.Reverted[c.ID]
		if taken && c.CannotUndo == "" {
			continue
		}
		kind, why := b.whyLeft(c, steps)
		if !taken {
			t.left[kind]++
		}
		t.rows = append(t.rows, b.leftRow(c, why))
	}
	return t
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
func (b *builder) whyLeft(c keyrotor.Change, steps []keyrotor.Step) (leftKind, string) {
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
	case asLeft(a, steps):
		return leftUnchosen, "it is as the run left it, and was not chosen for this undo"
	case speaksOfRotation(steps) && !a.KMS.Rotation.On:
		return leftOthers, "somebody switched rotation off since"
	case speaksOfRotation(steps) && a.KMS.Rotation.PeriodDays > 0:
		return leftOthers, "somebody set it to every " + days(a.KMS.Rotation.PeriodDays) + " since"
	}
	return leftOthers, "somebody changed it since"
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

// undoVerdict is the one sentence: was it taken back.
func (b *builder) undoVerdict(run string, t undoTally) (string, status) {
	discrepant := countVerdicts(b.run.Verifications)[keyrotor.Discrepant]
	switch {
	case b.run.Plan == nil:
		return "Run " + run + " is not undone: no plan was made to take it back.", warn
	case len(b.run.Outcomes) == 0:
		return "Run " + run + " is not undone: a plan that takes back " + ofThem(len(b.run.Plan.Changes), t.total) + " has not been carried out.", warn
	case t.restored == 0:
		return "Nothing of run " + run + " was undone.", bad
	case discrepant > 0:
		return "Run " + run + " was undone, and a second look found " + plural(discrepant, "change") + " otherwise.", bad
	case t.restored < t.total:
		return "Run " + run + " was undone in part: " + ofThem(t.restored, t.total) + " " + oneOr(t.restored, "was", "were") + " taken back.", worse(t.open > 0)
	}
	return "Run " + run + " was undone: " + ofThem(t.restored, t.total) + " " + oneOr(t.restored, "was", "were") + " taken back.", good
}

func worse(failed bool) status {
	if failed {
		return bad
	}
	return warn
}

// ofThem is a share of the undone run's changes in words.
func ofThem(n, all int) string {
	switch {
	case n == all && n == 1:
		return "its one change"
	case n == all:
		return "all " + count(n) + " of its changes"
	}
	return count(n) + " of its " + plural(all, "change")
}

// undoLead says what was done, what was not, what stays and what is not said.
func (b *builder) undoLead(run string, t undoTally) []string {
	out := append(b.done(), b.notDone()...)
	var left []string
	for _, kind := range []leftKind{leftOthers, leftCannot, leftUnread, leftUnchosen} {
		if n := t.left[kind]; n > 0 {
			left = append(left, plural(n, "change")+" "+kind.words(n))
		}
	}
	if len(left) > 0 {
		out = append(out, "Of what run "+run+" did, "+sentence(left)+".")
	}
	if b.run.Undone == nil {
		out = append(out, "The record of run "+run+" is not at hand here: what of it was left out cannot be named key by key.")
	}
	return append(out, "Only the keys of that run's plan were looked at. This page says nothing of any other key; a scan does.")
}

func (b *builder) undoFigures(t undoTally) []figure {
	confirmed := countVerdicts(b.run.Verifications)[keyrotor.Confirmed]
	note := "not verified yet"
	if len(b.run.Verifications) > 0 {
		note = count(confirmed) + " confirmed by a second look"
	}
	if t.restored == 0 {
		note = ""
	}
	why := "each cause stands below"
	if t.open == 0 {
		why = "nothing stayed behind"
	}
	rest := t.left[leftCannot] + t.left[leftUnread] + t.left[leftUnchosen]
	return []figure{
		{Number: count(t.total), Name: "changed by the undone run", Note: plural(b.run.Population.Keys, "key") + " looked at again"},
		{Number: count(t.restored), Name: "taken back", Note: note, Status: good},
		{Number: count(t.open), Name: "planned and not taken back", Note: why, Status: zeroIsGood(t.open, bad)},
		{Number: count(t.left[leftOthers]), Name: "changed by others since", Note: "left as they made it", Status: idle},
		{Number: count(rest), Name: "cannot be taken back", Note: "or not looked at, or not chosen", Status: idle},
	}
}
