package report

import (
	"io"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
)

// VerifyText shows what a second, independent look says of what was done, and
// names what was left half done, at which nobody looked.
func VerifyText(w io.Writer, plan keyrotor.Plan, outcomes []keyrotor.Outcome, found []keyrotor.Verification, now time.Time, next []Next, s Style) error {
	p := &page{Style: s}
	counts := countVerdicts(found)
	halves := slices.DeleteFunc(halfDone(&plan, outcomes), func(h half) bool {
		return slices.ContainsFunc(found, func(v keyrotor.Verification) bool { return v.Change == h.outcome.Change })
	})
	p.line("%s %s confirmed%s%s discrepant%s%s unreadable",
		p.sign(goodUnless(counts[keyrotor.Confirmed] < len(found) || len(halves) > 0)),
		p.bold(count(counts[keyrotor.Confirmed])+" of "+count(len(found))),
		p.dot(), count(counts[keyrotor.Discrepant]), p.dot(), count(counts[keyrotor.Unreadable]))
	var told []keyrotor.Verification
	for _, verdict := range []keyrotor.VerificationVerdict{keyrotor.Discrepant, keyrotor.Unreadable} {
		for _, v := range found {
			if v.Verdict == verdict {
				told = append(told, v)
			}
		}
	}
	n, rest := p.first(len(told))
	for _, v := range told[:n] {
		p.verification(v)
	}
	p.more("    ", rest)
	p.notLookedAt(halves)
	p.soonest(found, now)
	p.next(next)
	return p.write(w)
}

// notLookedAt names what holds effects of ours and promises nothing as a whole.
func (p *page) notLookedAt(halves []half) {
	if len(halves) == 0 {
		return
	}
	p.line("  %s %s left half done, and not looked at:", p.sign(markWarn), plural(len(halves), "change")+oneOr(len(halves), " was", " were"))
	n, rest := p.first(len(halves))
	for _, h := range halves[:n] {
		p.line("      %s", p.text(h.String()))
	}
	p.more("    ", rest)
}

func countVerdicts(found []keyrotor.Verification) map[keyrotor.VerificationVerdict]int {
	counts := map[keyrotor.VerificationVerdict]int{}
	for _, v := range found {
		counts[v.Verdict]++
	}
	return counts
}

func (p *page) verification(v keyrotor.Verification) {
	m := markBad
	if v.Verdict == keyrotor.Unreadable {
		m = markWarn
	}
	p.line("  %s %s: promised %s, found %s (%s)", p.sign(m), p.text(v.Target.String()), p.text(v.Promised), p.text(v.Found), plural(v.Looks, "look"))
	for _, d := range v.Details {
		p.line("      %s", p.text(d))
	}
}

// soonest says when the first of the verified keys will rotate.
func (p *page) soonest(found []keyrotor.Verification, now time.Time) {
	var first time.Time
	for _, v := range found {
		if v.Next != nil && v.Verdict == keyrotor.Confirmed && (first.IsZero() || v.Next.Before(first)) {
			first = *v.Next
		}
	}
	if !first.IsZero() {
		p.line("  first of them rotates %s", When(first, now))
	}
}
