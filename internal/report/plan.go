package report

import (
	"io"
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
		p.line("%s in %s", p.bold(plural(len(plan.Changes), "change")), plural(len(plan.Waves), "wave"))
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
	templates := map[string]int{}
	var order []string
	owned := 0
	for _, c := range plan.Changes {
		if c.Template == "" {
			continue
		}
		owned++
		if templates[c.Template] == 0 {
			order = append(order, c.Template)
		}
		templates[c.Template]++
	}
	if owned+len(plan.Warnings) > 0 {
		p.blank()
	}
	if owned > 0 {
		p.line("%s %s to CloudFormation or Terraform and will be turned back by the next deployment, unless:", p.sign(markWarn), keysBelong(owned))
		n, rest := p.first(len(order))
		for _, t := range order[:n] {
			p.line("    %s", p.text(t))
		}
		p.more("    ", rest)
	}
	for _, warn := range plan.Warnings {
		p.line("%s %s", p.sign(markWarn), p.text(warn))
	}
}

func keysBelong(n int) string {
	if n == 1 {
		return "1 key belongs"
	}
	return count(n) + " keys belong"
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
