package report

import (
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// budgetFacts are the calls that a plan makes: of apply by name, those of verify
// apart, and the place with the most of them beside the pace that its quotas allow.
func (p *page) budgetFacts(budget []keyrotor.CallBudget) [][2]string {
	total, later := 0, 0
	byCall := map[string]int{}
	var order []string
	for _, b := range budget {
		total, later = total+b.Count, later+b.Verify
		if b.Count > 0 && byCall[b.Call] == 0 {
			order = append(order, b.Call)
		}
		byCall[b.Call] += b.Count
	}
	if total == 0 {
		return nil
	}
	var parts []string
	for _, call := range order {
		parts = append(parts, count(byCall[call])+" "+shortCall(call))
	}
	words := count(total) + " (" + Clean(strings.Join(parts, ", ")) + ")"
	if later > 0 {
		words += "; verify makes " + count(later) + " more"
	}
	return [][2]string{{"Calls", words}, {" ", Clean(busiest(budget))}}
}

// busiest is the account and Region with the most calls, and the call that takes
// longest there at its documented quota.
func busiest(budget []keyrotor.CallBudget) string {
	type place struct{ account, region string }
	calls, slowest := map[place]int{}, map[place]keyrotor.CallBudget{}
	most := place{}
	for _, b := range budget {
		at := place{b.Account, b.Region}
		calls[at] += b.Count
		if b.PerSecond > 0 && (slowest[at].PerSecond == 0 || b.Count*slowest[at].PerSecond > slowest[at].Count*b.PerSecond) {
			slowest[at] = b
		}
		if most == (place{}) {
			most = at
		}
	}
	for at, n := range calls {
		if n > calls[most] || n == calls[most] && at.account+at.region < most.account+most.region {
			most = at
		}
	}
	where := most.account + "/" + most.region
	words := "all in " + where
	if len(calls) > 1 {
		words = "at most in one account and Region, " + where + ": " + plural(calls[most], "call")
	}
	if b := slowest[most]; b.PerSecond > 0 {
		words += "; " + count(b.PerSecond) + " " + shortCall(b.Call) + " a second"
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
		today = "+" + dollars(c.Now) + " a month from today"
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
