package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// ScanText shows what a scan read and what refused it.
func ScanText(w io.Writer, r Run, next []Next, s Style) error {
	p := &page{Style: s}
	pop := r.Population
	unknown, unread := 0, ""
	for _, place := range r.Places {
		unknown += place.Unreadable
	}
	if unknown > 0 {
		unread = ", " + count(unknown) + " unreadable"
	}
	reached := ofPlaces(pop.Read, pop.Places)
	if accounts := reachOf(r).words(); accounts != "" {
		reached = accounts + ", " + reached
	}
	excluded := ""
	if n := excludedPlaces(r.Places); n > 0 {
		excluded = ", " + count(n) + " excluded by the configuration"
	}
	p.hang("", fmt.Sprintf("%s %s read%s%s%s (%s customer managed, %s AWS managed%s)%s%s",
		p.sign(reachMark(r.Gaps)),
		p.bold(reached), excluded, p.dot(),
		plural(pop.Keys, "key"), count(pop.Customer), count(pop.Keys-pop.Customer-unknown), unread, p.dot(),
		took(pop.Ended.Sub(pop.Started))), 2)
	if words := elsewhere(pop); words != "" {
		p.hang(p.sign(markWarn)+" ", p.text(words), 2)
	}
	p.facts("  ", [][2]string{
		{"run", string(pop.Run)},
		{"accounts", plural(len(pop.Accounts), "account") + " from " + p.text(pop.AccountsFrom) + leftOut(pop)},
		{"regions", "from " + p.text(pop.RegionsFrom)},
		{"identity", p.text(pop.Identity)},
	})
	for _, words := range fallbackWords(pop) {
		p.prose(p.sign(markSame) + " " + p.text(words))
	}
	p.moved(r.Places)
	p.gaps(r.Gaps)
	p.next(next)
	return p.write(w)
}

// excludedPlaces counts what the configuration leaves out.
func excludedPlaces(places []keyrotor.Place) int {
	n := 0
	for _, place := range places {
		if place.Status == keyrotor.PlaceExcluded {
			n++
		}
	}
	return n
}

// fallbackWords say which calls were refused at no cost.
func fallbackWords(pop keyrotor.Population) []string {
	var all []string
	for _, f := range pop.Fallbacks {
		told, where := f.Instead, ""
		if told == fromConfig {
			told = "the configuration"
		}
		if len(f.Accounts) > 0 {
			where = " in " + plural(len(f.Accounts), "account")
		}
		all = append(all, "Nothing is lost: "+told+" gave what "+f.Call+" refused"+where+" ("+f.Code+").")
	}
	return all
}

// reachMark is a tick only where everything answered: what was foreseen is a hole,
// too, if an approved one.
func reachMark(gaps []keyrotor.Gap) mark {
	switch {
	case len(unexpected(gaps)) > 0:
		return markWarn
	case len(gaps) > 0:
		return markSame
	}
	return markGood
}

func goodUnless(trouble bool) mark {
	if trouble {
		return markWarn
	}
	return markGood
}

func ofPlaces(read, all int) string {
	return count(read) + " of " + plural(all, "place")
}

// leftOut says which accounts were not walked, by the reason.
func leftOut(pop keyrotor.Population) string {
	var parts []string
	if n := len(pop.Excluded); n > 0 {
		parts = append(parts, count(n)+" excluded by the configuration")
	}
	for _, state := range slices.Sorted(maps.Keys(pop.Inactive)) {
		parts = append(parts, count(pop.Inactive[state])+" "+strings.ToLower(Clean(state)))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (not walked: " + strings.Join(parts, ", ") + ")"
}

// moved names the keys that came or went while a place was read.
func (p *page) moved(places []keyrotor.Place) {
	var lines []string
	for _, pl := range places {
		at := pl.Account + "/" + pl.Region
		for _, id := range pl.Born {
			lines = append(lines, "born during the scan  "+p.text(id)+"  "+at)
		}
		for _, id := range pl.Gone {
			lines = append(lines, "gone during the scan  "+p.text(id)+"  "+at)
		}
	}
	n, rest := p.first(len(lines))
	for _, l := range lines[:n] {
		p.line("  %s %s", p.sign(markSame), l)
	}
	p.more("    ", rest)
}

// gapGroup is gaps that one person mends in one place.
type gapGroup struct {
	cause keyrotor.GapCause
	call  string
	code  string
	gaps  []keyrotor.Gap
}

// unexpected are the gaps that nobody has approved.
func unexpected(gaps []keyrotor.Gap) []keyrotor.Gap {
	var out []keyrotor.Gap
	for _, g := range gaps {
		if g.Expected == nil {
			out = append(out, g)
		}
	}
	return out
}

func groupGaps(gaps []keyrotor.Gap) []*gapGroup {
	groups := map[[3]string]*gapGroup{}
	for _, g := range gaps {
		key := [3]string{string(g.Cause), g.Call, g.Code}
		if groups[key] == nil {
			groups[key] = &gapGroup{cause: g.Cause, call: g.Call, code: g.Code}
		}
		groups[key].gaps = append(groups[key].gaps, g)
	}
	return slices.SortedFunc(maps.Values(groups), func(a, b *gapGroup) int {
		return cmp.Or(len(b.gaps)-len(a.gaps), cmp.Compare(a.cause, b.cause), cmp.Compare(a.call, b.call), cmp.Compare(a.code, b.code))
	})
}

// gaps shows what refused us, grouped by the cause; foreseen gaps after.
func (p *page) gaps(gaps []keyrotor.Gap) {
	open := unexpected(gaps)
	if len(open) > 0 {
		p.blank()
		p.line("%s %s: the totals are without what refused us", p.sign(markWarn), p.bold(plural(len(open), "gap")))
	}
	for _, g := range groupGaps(open) {
		p.hang("  ", fmt.Sprintf("%s%s%s on %s%s%s", p.bold(causeTitle(g.cause)), p.dot(), p.text(g.code), p.text(g.call), p.dot(), plural(len(g.gaps), "gap")), 4)
		n, rest := p.first(len(g.gaps))
		for _, gap := range g.gaps[:n] {
			p.hang("    ", p.text(gapPlace(gap)), 6)
			if gap.Lapsed != nil {
				p.hang("      ", p.text(lapsedWords(gap.Lapsed)), 8)
			}
		}
		p.more("    ", rest)
	}
	if n := len(gaps) - len(open); n > 0 {
		if len(open) > 0 {
			p.line("  %s %s foreseen by the configuration", p.sign(markSame), plural(n, "more gap"))
		} else {
			p.blank()
			p.line("%s %s: the totals are without what refused us", p.sign(markSame), gapsText(gaps, ""))
		}
		p.foreseen(gaps)
	}
}

// lapsedWords is what foresaw a gap and no longer does.
func lapsedWords(e *keyrotor.ExpectedGap) string {
	return "expectation ended on " + e.Until.UTC().Format("2 Jan 2006") + ", approved by " + e.Approver + ": " + e.Reason
}

// foreseen lists the approved gaps with who approved them, why and until when.
func (p *page) foreseen(gaps []keyrotor.Gap) {
	var known []keyrotor.Gap
	for _, g := range gaps {
		if g.Expected != nil {
			known = append(known, g)
		}
	}
	n, rest := p.first(len(known))
	for _, g := range known[:n] {
		e := g.Expected
		p.hang("    ", fmt.Sprintf("%s: %s (%s, until %s)", p.text(gapPlace(g)), p.text(e.Reason), p.text(e.Approver), e.Until.UTC().Format("2 Jan 2006")), 6)
	}
	p.more("    ", rest)
}

// gapPlace is where a gap is, in a form that can be pasted.
func gapPlace(g keyrotor.Gap) string {
	where := strings.Trim(g.Account+"/"+g.Region, "/")
	if g.Asset != "" {
		where = g.Asset
	}
	if g.Fact != "" {
		where += " (" + g.Fact + ")"
	}
	return where
}

// causeTitle says who has to mend gaps of a cause.
func causeTitle(c keyrotor.GapCause) string {
	switch c {
	case keyrotor.CauseSCP:
		return "denied by a service control policy"
	case keyrotor.CauseTrust:
		return "role missing or not trusting us"
	case keyrotor.CauseKeyPolicy:
		return "key policy does not let us in"
	case keyrotor.CauseIAM:
		return "role lacks the permission"
	case keyrotor.CauseRegionOff:
		return "Region not enabled"
	case keyrotor.CauseNoRole:
		return "no scan role there by default"
	case keyrotor.CauseThrottled:
		return "throttled to the end"
	case keyrotor.CauseNetwork:
		return "no answer"
	}
	return "other cause"
}
