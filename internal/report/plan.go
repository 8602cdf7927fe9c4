package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// PlanText shows a plan wave by wave: what changes, what it calls, what it
// costs, how it is undone and who must agree.
func PlanText(w io.Writer, plan keyrotor.Plan, now time.Time, next []Next, s Style) error {
	p := &page{Style: s}
	byID := make(map[keyrotor.ChangeID]keyrotor.Change, len(plan.Changes))
	for _, c := range plan.Changes {
		byID[c.ID] = c
	}
	if len(plan.Changes) == 0 {
		p.line("%s Nothing to change.", p.sign(markGood))
	} else {
		p.line("%s in %s%s", p.bold(plural(len(plan.Changes), "change")), plural(len(plan.Waves), "wave"), undoing(plan))
	}
	for i, wave := range plan.Waves {
		p.wave(wave, len(plan.Waves), byID, wave.Canary && i < len(plan.Waves)-1, now)
	}
	p.planWarnings(plan)
	p.blank()
	p.planFacts(plan, now)
	p.next(next)
	return p.write(w)
}

// undoing says which run a plan takes back.
func undoing(plan keyrotor.Plan) string {
	if plan.Undoes == "" {
		return ""
	}
	return ", to take back what run " + Clean(string(plan.Undoes)) + " did"
}

func (p *page) wave(wave keyrotor.Wave, of int, byID map[keyrotor.ChangeID]keyrotor.Change, checked bool, now time.Time) {
	var about []string
	if wave.Canary && !strings.HasPrefix(wave.About, "canary") {
		about = append(about, "canary")
	}
	about = append(about, plural(len(wave.Changes), "change"))
	if wave.About != "" {
		about = append(about, p.text(wave.About))
	}
	then := ""
	if checked {
		then = ", then a check"
	}
	// What is approved is the change: names and notes give way to it.
	tab := &table{indent: "  ", shrink: []int{1}, keep: map[int]int{1: leastName}, middle: map[int]bool{1: true}}
	n, rest := p.first(len(wave.Changes))
	for _, id := range wave.Changes[:n] {
		tab.rows = append(tab.rows, p.changeRow(byID[id], now))
	}
	p.blank()
	p.hang("", fmt.Sprintf("%s (%s)%s%s", p.bold("Wave "+count(wave.Number)+" of "+count(of)), strings.Join(about, ", "), then, p.datesAside(tab)), 2)
	p.table(tab)
	p.more("  ", rest)
}

// datesAside takes the column of the next rotations out of a table that says
// none or has no room for it: what the change is must not be cut for them. It
// returns them for the heading, where there is but one.
func (p *page) datesAside(tab *table) string {
	dates := map[string]bool{}
	for _, row := range tab.rows {
		if row[nextColumn] != "" {
			dates[row[nextColumn]] = true
		}
	}
	wide := len(tab.indent) - tab.spacing()
	for _, w := range (&table{rows: tab.rows}).widths() {
		wide += w + tab.spacing()
	}
	fits := p.Width <= 0 || wide <= p.Width
	if len(dates) > 0 && fits {
		return ""
	}
	tab.below = []int{nextColumn, nextColumn - 1} // without the dates: the note, then the change
	for i, row := range tab.rows {
		tab.rows[i] = slices.Delete(row, nextColumn, nextColumn+1)
	}
	if len(dates) != 1 {
		return ""
	}
	return strings.Replace(slices.Collect(maps.Keys(dates))[0], "next", ", first rotations", 1)
}

// leastName is what a name keeps beside a change.
const leastName = 16

// nextColumn is where the row of a change says when its key will rotate.
const nextColumn = 5

func (p *page) changeRow(c keyrotor.Change, now time.Time) []string {
	var steps []string
	for _, st := range c.Steps {
		steps = append(steps, stepWords(st, p.pick("→", "->")))
	}
	sign := "~"
	if c.Target.ID == "" {
		sign = "+"
	}
	var notes []string
	if c.Seen.ManagedBy != nil && (c.Template != "" || setsRotation(c)) {
		notes = append(notes, c.Seen.ManagedBy.Tool)
	}
	if warning := WarningBeside(c); warning != "" {
		notes = append(notes, warning)
	}
	note := ""
	if len(notes) > 0 {
		note = p.yellow("! " + p.text(strings.Join(notes, "; ")))
	}
	return []string{p.yellow(sign), p.text(nameOf(c.Target)), c.Target.Account, c.Target.Region, strings.Join(steps, "; "), firstRotation(c, now), note}
}

// WarningBeside is what a change warns of beside its template, which is named for
// itself wherever this is shown.
func WarningBeside(c keyrotor.Change) string {
	if c.Seen.ManagedBy == nil {
		return c.Warning
	}
	owns := ownerOf(c) + " owns this key: "
	return strings.Join(slices.DeleteFunc(strings.Split(c.Warning, "; "), func(sentence string) bool {
		return strings.HasPrefix(sentence, owns)
	}), "; ")
}

// firstRotation is when a key rotates first that a change switches rotation on
// for, as if that were now. What a new period does to a clock that runs already,
// KMS does not document.
func firstRotation(c keyrotor.Change, now time.Time) string {
	for _, s := range c.Steps {
		if s.Verb == keyrotor.EnableRotation {
			return "next " + Day(now.AddDate(0, 0, cmp.Or(s.Params.PeriodDays, keyrotor.DefaultRotationPeriodDays)), now)
		}
	}
	return ""
}

// setsRotation reports whether a change sets what a template may set too; a
// rotation on demand is no setting.
func setsRotation(c keyrotor.Change) bool {
	return hasStep(c, keyrotor.EnableRotation) || hasStep(c, keyrotor.SetPeriod) || hasStep(c, keyrotor.DisableRotation)
}

// nameOf is the name of a target without its place.
func nameOf(t keyrotor.Target) string {
	switch {
	case t.Name != "":
		return t.Name
	case t.ID != "":
		return t.ID
	}
	return "new " + string(t.Kind)
}

// planWarnings shows what a reviewer must not overlook, templates first.
func (p *page) planWarnings(plan keyrotor.Plan) {
	var owned []keyrotor.Change
	unnamed := map[string]int{} // keys by tool, of which nobody knows what their template says
	for _, c := range plan.Changes {
		switch {
		case c.Template != "":
			owned = append(owned, c)
		case c.Seen.ManagedBy != nil && setsRotation(c):
			unnamed[c.Seen.ManagedBy.Tool]++
		}
	}
	warnings := slices.DeleteFunc(slices.Clone(plan.Warnings), func(w string) bool {
		return len(owned) > 0 && aboutTemplates(w)
	})
	if len(owned)+len(unnamed)+len(warnings) > 0 {
		p.blank()
	}
	p.templates(owned)
	for _, tool := range slices.Sorted(maps.Keys(unnamed)) {
		n := unnamed[tool]
		p.prose(fmt.Sprintf("%s %s %s to %s: where the template speaks of rotation, its next deployment sets that again.", p.sign(markWarn), plural(n, "key"), oneOr(n, "belongs", "belong"), p.text(tool)))
	}
	for _, warn := range warnings {
		p.prose(p.sign(markWarn) + " " + p.text(warn))
	}
}

// aboutTemplates reports whether a warning of a plan counts the keys that the
// block of templates names one by one.
func aboutTemplates(warning string) bool {
	return strings.Contains(warning, "to templates: ") || strings.Contains(warning, "to a template: ")
}

// templates names each key that a template owns, and what to set there.
func (p *page) templates(owned []keyrotor.Change) {
	if len(owned) == 0 {
		return
	}
	p.prose(fmt.Sprintf("%s %s %s to CloudFormation or Terraform: the next deployment may take the change back, unless the template says the same:", p.sign(markWarn), plural(len(owned), "key"), oneOr(len(owned), "belongs", "belong")))
	tab := &table{indent: "    "}
	n, rest := p.first(len(owned))
	for _, c := range owned[:n] {
		set := p.text(strings.TrimPrefix(ownerOf(c)+": "+c.Template, ": "))
		if p.roomy() {
			tab.rows = append(tab.rows, []string{p.text(nameOf(c.Target)), c.Target.Account, c.Target.Region, set})
			continue
		}
		// Neither the name nor the line to set may be cut: each has its own line.
		p.line("    %s  %s  %s", p.text(nameOf(c.Target)), c.Target.Account, c.Target.Region)
		p.line("      %s", set)
	}
	p.table(tab)
	p.more("    ", rest)
}

// ownerOf is the template that owns a key: its tool and the name its tags give.
func ownerOf(c keyrotor.Change) string {
	if m := c.Seen.ManagedBy; m != nil {
		return strings.TrimSpace(m.Tool + " " + m.Name)
	}
	return ""
}

func (p *page) planFacts(plan keyrotor.Plan, now time.Time) {
	facts := [][2]string{}
	add := func(label, text string) {
		if text != "" {
			facts = append(facts, [2]string{label, text})
		}
	}
	facts = append(facts, p.budgetFacts(plan.Budget)...)
	if len(plan.Changes) > 0 {
		add("Cost", costWords(plan.Cost))
		add("Undo", undoWords(plan))
	}
	add("Inputs", "inventory "+plan.Inputs.Inventory.Short()+" taken "+When(plan.Inputs.InventoryTaken, now))
	if plan.From != "" {
		add("From", string(plan.From)+chosen(plan.Selection))
	} else {
		add("Chosen", p.text(plan.Selection))
	}
	add("Ticket", p.text(plan.Ticket))
	add("Reason", p.text(plan.Reason))
	add("Author", p.text(authorWords(plan.Author)))
	add("Digest", string(plan.Digest)+"   ("+plural(len(plan.Changes), "change")+")")
	add("Needs", needsWords(plan.Needs))
	p.facts("", facts)
}

func chosen(selection string) string {
	if selection == "" {
		return ""
	}
	return ", chosen by " + Clean(selection)
}

func authorWords(a keyrotor.Author) string {
	if a.Principal == "" {
		return a.Identity
	}
	return a.Principal + " (" + a.Identity + ")"
}
