package report

import (
	"io"
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
		p.wave(wave, len(plan.Waves), byID, wave.Canary && i < len(plan.Waves)-1)
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

func (p *page) wave(wave keyrotor.Wave, of int, byID map[keyrotor.ChangeID]keyrotor.Change, checked bool) {
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
	p.blank()
	p.line("%s (%s)%s", p.bold("Wave "+count(wave.Number)+" of "+count(of)), strings.Join(about, ", "), then)
	tab := &table{indent: "  ", shrink: []int{1, 4}}
	n, rest := p.first(len(wave.Changes))
	for _, id := range wave.Changes[:n] {
		tab.rows = append(tab.rows, p.changeRow(byID[id]))
	}
	p.table(tab)
	p.more("  ", rest)
}

func (p *page) changeRow(c keyrotor.Change) []string {
	var steps []string
	for _, st := range c.Steps {
		steps = append(steps, stepWords(st, p.pick("→", "->")))
	}
	sign := "~"
	if c.Target.ID == "" {
		sign = "+"
	}
	note := ""
	switch {
	case c.Seen.ManagedBy != nil:
		note = p.yellow("! " + p.text(c.Seen.ManagedBy.Tool))
	case c.Warning != "":
		note = p.yellow("! " + p.text(c.Warning))
	}
	return []string{p.yellow(sign), p.text(nameOf(c.Target)), c.Target.Account, c.Target.Region, strings.Join(steps, "; "), note}
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
	for _, c := range plan.Changes {
		if c.Template != "" {
			owned = append(owned, c)
		}
	}
	warnings := slices.DeleteFunc(slices.Clone(plan.Warnings), func(w string) bool {
		return len(owned) > 0 && aboutTemplates(w)
	})
	if len(owned)+len(warnings) > 0 {
		p.blank()
	}
	p.templates(owned)
	for _, warn := range warnings {
		p.line("%s %s", p.sign(markWarn), p.text(warn))
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
	p.line("%s %s %s to CloudFormation or Terraform: the next deployment may take the change back, unless the template says the same:", p.sign(markWarn), plural(len(owned), "key"), oneOr(len(owned), "belongs", "belong"))
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
	add("Calls", p.budgetWords(plan.Budget))
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

// budgetWords sums the calls of a plan and names the slowest quota.
func (p *page) budgetWords(budget []keyrotor.CallBudget) string {
	total := 0
	byCall := map[string]int{}
	slowest := keyrotor.CallBudget{}
	var order []string
	for _, b := range budget {
		total += b.Count
		if byCall[b.Call] == 0 {
			order = append(order, b.Call)
		}
		byCall[b.Call] += b.Count
		if b.PerSecond > 0 && (slowest.PerSecond == 0 || b.PerSecond < slowest.PerSecond) {
			slowest = b
		}
	}
	if total == 0 {
		return ""
	}
	var parts []string
	for _, call := range order {
		parts = append(parts, count(byCall[call])+" "+shortCall(call))
	}
	words := count(total) + " (" + Clean(strings.Join(parts, ", ")) + ")"
	if slowest.PerSecond > 0 {
		words += p.dot() + "at most " + count(slowest.PerSecond) + " " + Clean(shortCall(slowest.Call)) + "/s per account and Region"
	}
	return words
}

// shortCall drops the service where the operation says enough.
func shortCall(call string) string {
	_, op, found := strings.Cut(call, ":")
	if !found {
		return call
	}
	return op
}

func costWords(c keyrotor.Cost) string {
	today := "nothing today"
	if c.Now > 0 {
		today = dollars(c.Now) + " today"
	}
	later := "no more after that"
	words := today
	if c.FirstMonthly > 0 {
		words += "; +" + dollars(c.FirstMonthly) + " a month from the first rotation"
	}
	if c.SecondMonthly > 0 {
		words += ", +" + dollars(c.SecondMonthly) + " from the second"
	}
	if c.FirstMonthly > 0 {
		words += ", " + later
	}
	if c.PricesAsOf != "" {
		words += " (prices of " + Clean(c.PricesAsOf) + ")"
	}
	if c.Note != "" {
		words += "; " + Clean(c.Note)
	}
	return words
}

func undoWords(plan keyrotor.Plan) string {
	cannot := 0
	for _, c := range plan.Changes {
		if c.CannotUndo != "" {
			cannot++
		}
	}
	words := "keyrotor plan --undo " + string(plan.Run) + " restores what this changes"
	if cannot > 0 {
		words += ", except " + plural(cannot, "change") + " that cannot be undone"
	}
	return words
}

func needsWords(n keyrotor.Needs) string {
	words := plural(n.Approvals, "approval")
	if !n.AuthorMayApprove {
		words += ", not by its author"
	}
	if n.ValidHours > 0 {
		words += "; each valid for at most " + span(time.Duration(n.ValidHours)*time.Hour)
	}
	return words
}
