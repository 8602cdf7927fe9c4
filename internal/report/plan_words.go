package report

import (
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

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
	if c.Now == 0 && c.FirstMonthly == 0 && c.SecondMonthly == 0 {
		return "nothing, today or later" + pricesOf(c)
	}
	words += pricesOf(c)
	if c.Note != "" {
		words += "; " + Clean(c.Note)
	}
	return words
}

// pricesOf says how old the prices are.
func pricesOf(c keyrotor.Cost) string {
	if c.PricesAsOf == "" {
		return ""
	}
	return " (prices of " + Clean(c.PricesAsOf) + ")"
}

func undoWords(plan keyrotor.Plan) string {
	var why []string
	cannot := 0
	for _, c := range plan.Changes {
		if c.CannotUndo == "" {
			continue
		}
		cannot++
		if !slices.Contains(why, c.CannotUndo) {
			why = append(why, c.CannotUndo)
		}
	}
	command := "keyrotor plan --undo " + string(plan.Run)
	switch {
	case cannot == len(plan.Changes) && len(why) == 1:
		return "none: " + Clean(why[0])
	case cannot == len(plan.Changes):
		return "none: no change of this plan can be taken back"
	case cannot > 0:
		return command + " restores what this changes, except " + plural(cannot, "change") + " that cannot be undone"
	}
	return command + " restores what this changes"
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
