package report

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// ApplyText shows what became of a plan, wave by wave, and what holds now.
func ApplyText(w io.Writer, plan keyrotor.Plan, outcomes []keyrotor.Outcome, now time.Time, next []Next, s Style) error {
	p := &page{Style: s}
	p.line("run %s%splan %s%s%s", plan.Run, p.dot(), plan.Digest.Short(), p.dot(), plural(len(plan.Changes), "change"))
	for _, wave := range outcomeWaves(outcomes) {
		p.outcomeWave(wave, outcomes, now)
	}
	p.blank()
	p.facts("", p.whatHolds(plan, outcomes))
	p.next(next)
	return p.write(w)
}

// stateOrder is the order in which outcomes are counted to a person.
var stateOrder = []keyrotor.OutcomeState{
	keyrotor.Succeeded, keyrotor.Unchanged, keyrotor.Skipped, keyrotor.Waiting,
	keyrotor.Failed, keyrotor.RolledBack, keyrotor.Unproven, keyrotor.NotStarted,
}

func stateMark(st keyrotor.OutcomeState) mark {
	switch st {
	case keyrotor.Succeeded:
		return markGood
	case keyrotor.Failed, keyrotor.Unproven:
		return markBad
	case keyrotor.Waiting, keyrotor.RolledBack:
		return markWarn
	case keyrotor.Unchanged:
		return markSame
	}
	return markNone
}

func outcomeWaves(outcomes []keyrotor.Outcome) []int {
	waves := map[int]bool{}
	for _, o := range outcomes {
		waves[o.Wave] = true
	}
	return slices.Sorted(maps.Keys(waves))
}

// countStates counts outcomes by what became of them.
func countStates(outcomes []keyrotor.Outcome) map[keyrotor.OutcomeState]int {
	counts := map[keyrotor.OutcomeState]int{}
	for _, o := range outcomes {
		counts[o.State]++
	}
	return counts
}

func (p *page) stateCounts(counts map[keyrotor.OutcomeState]int) string {
	var parts []string
	for _, st := range stateOrder {
		if n := counts[st]; n > 0 {
			parts = append(parts, p.sign(stateMark(st))+" "+count(n)+" "+string(st))
		}
	}
	return strings.Join(parts, "  ")
}

func (p *page) outcomeWave(wave int, outcomes []keyrotor.Outcome, now time.Time) {
	mine := slices.DeleteFunc(slices.Clone(outcomes), func(o keyrotor.Outcome) bool { return o.Wave != wave })
	p.line("%s  %s", p.bold("wave "+count(wave)), p.stateCounts(countStates(mine)))
	told := slices.DeleteFunc(mine, func(o keyrotor.Outcome) bool { return o.State == keyrotor.Succeeded })
	told = worstFirst(told)
	n, rest := p.first(len(told))
	for _, o := range told[:n] {
		p.line("  %s %s: %s", p.sign(stateMark(o.State)), p.text(o.Target.String()), p.outcomeWhy(o, now))
	}
	p.more("    ", rest)
}

// worstFirst puts what needs a person before what does not.
func worstFirst(outcomes []keyrotor.Outcome) []keyrotor.Outcome {
	slices.SortStableFunc(outcomes, func(a, b keyrotor.Outcome) int {
		return cmp.Compare(trouble(a.State), trouble(b.State))
	})
	return outcomes
}

func trouble(st keyrotor.OutcomeState) int {
	switch st {
	case keyrotor.Failed, keyrotor.Unproven:
		return 0
	case keyrotor.RolledBack:
		return 1
	case keyrotor.Waiting:
		return 2
	case keyrotor.Skipped:
		return 3
	case keyrotor.Unchanged:
		return 4
	case keyrotor.Succeeded:
		return 6
	}
	return 5
}

func (p *page) outcomeWhy(o keyrotor.Outcome, now time.Time) string {
	parts := []string{string(o.State)}
	if o.Reason != "" {
		parts = append(parts, p.text(o.Reason))
	}
	if o.Error != nil {
		parts = append(parts, p.text(o.Error.Code+" on "+o.Error.Call)+requestID(o.Error.RequestID))
	}
	if o.Until != nil {
		parts = append(parts, "look again "+When(*o.Until, now))
	}
	return strings.Join(parts, ", ")
}

func requestID(id string) string {
	if id == "" {
		return ""
	}
	return " (request " + Clean(id) + ")"
}

// whatHolds sums up a run for the person paged at night: what is done, what is
// half done, what is open and why.
func (p *page) whatHolds(plan keyrotor.Plan, outcomes []keyrotor.Outcome) [][2]string {
	c := countStates(outcomes)
	open := c[keyrotor.NotStarted] + c[keyrotor.Failed] + max(0, len(plan.Changes)-len(outcomes))
	holds := []string{doneWords(plan, c[keyrotor.Succeeded])}
	if n := c[keyrotor.Unproven]; n > 0 {
		holds = append(holds, plural(n, "change")+" may or may not have taken effect")
	} else {
		holds = append(holds, "nothing is half done")
	}
	if n := c[keyrotor.Waiting]; n > 0 {
		holds = append(holds, plural(n, "change")+" under way at AWS")
	}
	if open > 0 {
		holds = append(holds, plural(open, "change")+" open")
	}
	facts := [][2]string{{"What holds now", strings.Join(holds, "; ")}}
	if why := p.commonError(outcomes); why != "" {
		facts = append(facts, [2]string{"Why", why})
	}
	return facts
}

// doneWords says what the successes mean, where all of them mean the same.
func doneWords(plan keyrotor.Plan, n int) string {
	recipes := map[string]bool{}
	for _, c := range plan.Changes {
		recipes[c.Recipe] = true
	}
	if len(recipes) == 1 && recipes["enable-rotation"] {
		if n == 1 {
			return "1 key rotates that did not"
		}
		return count(n) + " keys rotate that did not"
	}
	return count(n) + " of " + plural(len(plan.Changes), "change") + " done"
}

// commonError is the failure seen most often, with where it was seen.
func (p *page) commonError(outcomes []keyrotor.Outcome) string {
	type failure struct{ account, code, call string }
	seen := map[failure]int{}
	messages := map[failure]string{}
	for _, o := range outcomes {
		if o.Error != nil && o.State == keyrotor.Failed {
			f := failure{o.Target.Account, o.Error.Code, o.Error.Call}
			seen[f]++
			messages[f] = o.Error.Message
		}
	}
	var worst failure
	for f, n := range seen {
		if n > seen[worst] || n == seen[worst] && f.account < worst.account {
			worst = f
		}
	}
	if seen[worst] == 0 {
		return ""
	}
	why := worst.code + " on " + worst.call + " in " + worst.account + " (" + plural(seen[worst], "time") + ")"
	if m := messages[worst]; m != "" {
		why += ": " + m
	}
	return p.text(why)
}
