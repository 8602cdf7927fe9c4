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

// ApplyText shows what became of a plan, wave by wave, what was not done by
// account and cause, and what holds now.
func ApplyText(w io.Writer, plan keyrotor.Plan, outcomes []keyrotor.Outcome, now time.Time, next []Next, s Style) error {
	p := &page{Style: s}
	undoes := ""
	if plan.Undoes != "" {
		undoes = p.dot() + "undoes run " + p.text(string(plan.Undoes))
	}
	p.line("run %s%splan %s%s%s%s", plan.Run, p.dot(), plan.Digest.Short(), p.dot(), plural(len(plan.Changes), "change"), undoes)
	for _, wave := range outcomeWaves(outcomes) {
		p.outcomeWave(wave, outcomes, now)
	}
	groups := groupStuck(outcomes)
	p.stuck(groups)
	p.blank()
	p.facts("", p.whatHolds(plan, outcomes, groups))
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
			parts = append(parts, p.sign(stateMark(st))+" "+count(n)+" "+stateText(st))
		}
	}
	return strings.Join(parts, "  ")
}

// outcomeWave counts a wave, and names below it what was left alone or is under
// way, each reason once. What was not done stands after the waves: its cause
// is the same in all of them.
func (p *page) outcomeWave(wave int, outcomes []keyrotor.Outcome, now time.Time) {
	mine := slices.DeleteFunc(slices.Clone(outcomes), func(o keyrotor.Outcome) bool { return o.Wave != wave })
	p.line("%s  %s", p.bold("wave "+count(wave)), p.stateCounts(countStates(mine)))
	told := slices.DeleteFunc(mine, func(o keyrotor.Outcome) bool { return o.State == keyrotor.Succeeded || open(o.State) })
	groups := p.byReason(worstFirst(told), now)
	n, rest := p.first(len(groups))
	for _, g := range groups[:n] {
		o := g.outcomes[0]
		if len(g.outcomes) == 1 {
			p.hang("  "+p.sign(stateMark(o.State))+" ", p.text(o.Target.String())+": "+g.why, 4)
			continue
		}
		p.hang("  "+p.sign(stateMark(o.State))+" ", plural(len(g.outcomes), "change")+": "+g.why, 4)
		p.hang("    ", p.names(g.outcomes), 4)
	}
	p.more("    ", rest)
}

// byReason groups outcomes that have the same to say, in their order.
func (p *page) byReason(outcomes []keyrotor.Outcome, now time.Time) []*stuck {
	var groups []*stuck
	for _, o := range outcomes {
		why := p.outcomeWhy(o, now)
		i := slices.IndexFunc(groups, func(g *stuck) bool { return g.why == why })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &stuck{why: why})
		}
		groups[i].outcomes = append(groups[i].outcomes, o)
	}
	return groups
}

// names lists the targets of outcomes, the first few of many.
func (p *page) names(outcomes []keyrotor.Outcome) string {
	n, rest := p.first(len(outcomes))
	if rest != "" && !p.All {
		n, rest = 3, "and "+count(len(outcomes)-3)+" more: --all-rows"
	}
	var names []string
	for _, o := range outcomes[:n] {
		names = append(names, p.text(nameOf(o.Target)+" "+o.Target.Region))
	}
	if rest != "" {
		names = append(names, rest)
	}
	return p.dim(strings.Join(names, ", "))
}

// stuck shows what was not done: account, count and cause once, and the keys.
func (p *page) stuck(groups []*stuck) {
	n, rest := p.first(len(groups))
	for _, g := range groups[:n] {
		p.hang(p.sign(stateMark(g.outcomes[0].State))+" ", g.count()+" in "+g.where(nil)+": "+p.text(g.why), 2)
		p.hang("    ", p.names(g.outcomes), 4)
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
	parts := []string{stateText(o.State)}
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
func (p *page) whatHolds(plan keyrotor.Plan, outcomes []keyrotor.Outcome, groups []*stuck) [][2]string {
	halves := halfDone(&plan, outcomes)
	said := halfWords(halves)
	c, doubts := map[keyrotor.OutcomeState]int{}, 0
	for _, o := range outcomes {
		switch {
		case said[o.Change] != "":
		case doubtful(o):
			doubts++
		default:
			c[o.State]++
		}
	}
	notDone := c[keyrotor.NotStarted] + c[keyrotor.Failed] + max(0, len(plan.Changes)-len(outcomes))
	holds := doneWords(plan, outcomes)
	if len(holds) == 0 && len(halves) == 0 && doubts == 0 {
		holds = append(holds, "nothing was changed")
	}
	switch {
	case len(halves) > 0:
		holds = append(holds, plural(len(halves), "change")+oneOr(len(halves), " is", " are")+" half done")
	case doubts == 0:
		holds = append(holds, "nothing is half done")
	}
	if doubts > 0 {
		holds = append(holds, plural(doubts, "change")+" may or may not have taken effect")
	}
	if n := c[keyrotor.Waiting]; n > 0 {
		holds = append(holds, plural(n, "change")+" under way at AWS")
	}
	if notDone > 0 {
		holds = append(holds, plural(notDone, "change")+openIn(outcomes))
	}
	facts := [][2]string{{"What holds now", strings.Join(holds, "; ")}}
	facts = append(facts, p.halves(halves)...)
	return append(facts, p.whyNot(groups)...)
}

// doneWords says what the successes mean, of several kinds also their sum; none
// where nothing came to its end.
func doneWords(plan keyrotor.Plan, outcomes []keyrotor.Outcome) []string {
	kinds := countKinds(&plan, outcomes).hold(kindsOf(&plan))
	if len(kinds) < 2 {
		return kinds
	}
	done := countStates(outcomes)[keyrotor.Succeeded]
	return []string{count(done) + " of " + plural(max(len(plan.Changes), len(outcomes)), "change") + " done: " + strings.Join(kinds, ", ")}
}

// openIn says where what is open belongs, when that is one account.
func openIn(outcomes []keyrotor.Outcome) string {
	accounts := map[string]bool{}
	for _, o := range outcomes {
		if open(o.State) {
			accounts[o.Target.Account] = true
		}
	}
	if len(accounts) == 1 {
		return " of one account open"
	}
	return " open"
}

// whyNot gives each cause once: in a sentence, then in the service's own words,
// whole, for who mends it needs the ids in them.
func (p *page) whyNot(groups []*stuck) [][2]string {
	var facts [][2]string
	causes := mergeCauses(groups)
	n, rest := p.first(len(causes))
	for _, g := range causes[:n] {
		facts = append(facts, [2]string{firstLabel(len(facts), "Why"), p.text(g.who() + g.why)})
		if g.message != "" {
			facts = append(facts, [2]string{" ", "AWS: " + p.text(g.code+": "+g.message) + requestID(g.request)})
		}
	}
	if rest != "" {
		facts = append(facts, [2]string{" ", p.dim(rest)})
	}
	return facts
}

// who begins the sentence of a cause: whose role was refused, and where.
func (g *stuck) who() string {
	if role := g.role(); role != "" && g.cause != keyrotor.CauseOther {
		return "role " + role + " in " + g.where(nil) + ": "
	}
	if len(g.accounts) > 0 && g.call != "" {
		return g.where(nil) + ": "
	}
	return ""
}
