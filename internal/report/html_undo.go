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
	rows     rows
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
	b.doc.Verdict = b.undoneBefore() + b.doc.Verdict
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
		_, taken := b.run.Undone.Reverted[c.ID]
		if taken && c.CannotUndo == "" {
			if why := b.whyStayed(c); why != "" {
				t.rows.add(b.leftRow(c, why)...)
			}
			continue
		}
		kind, why := b.whyLeft(c, steps, o)
		if !taken {
			t.left[kind]++
		}
		t.rows.add(b.leftRow(c, why)...)
	}
	return t
}

// undoVerdict is the one sentence: was it taken back.
func (b *builder) undoVerdict(run string, t undoTally) (string, status) {
	discrepant := countVerdicts(b.run.Verifications)[keyrotor.Discrepant]
	switch {
	case b.run.Plan == nil:
		return "Run " + run + " is not undone: no plan was made to take it back.", warn
	case len(b.run.Outcomes) == 0:
		return "Run " + run + " is not undone: a plan that takes back " + ofThem(len(b.run.Plan.Changes), t.total) + " has not been carried out.", warn
	case t.restored == 0 && len(b.run.TakenBack) > 0:
		return "What it took back of run " + run + " is in effect again.", warn
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
	out := slices.Concat(b.undoneWords(), b.done(), b.notDone())
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
