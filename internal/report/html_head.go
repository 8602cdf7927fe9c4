package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// header writes the verdict and what stands below it.
func (b *builder) header() {
	t := b.tally
	b.doc.Verdict, b.doc.Standing = b.verdict()
	b.doc.Verdict = b.undoneBefore() + b.doc.Verdict
	b.doc.Lead = b.lead()
	scope := plural(len(b.run.Population.Accounts), "account")
	if words := reachOf(b.run).words(); words != "" {
		scope = words + " read"
	}
	scope += ", " + plural(t.keys, "customer managed key")
	b.doc.Meta = []pair{
		{"Organization", Clean(cmp.Or(b.run.Population.Organization, "single accounts"))},
		{"Scope", scope},
		{"Read", stamp(b.run.Population.Ended)},
		{"Run", Clean(string(b.run.Population.Run))},
	}
}

// verdict is the one sentence that a security officer reads.
func (b *builder) verdict() (string, status) {
	t := b.tally
	eligible, off, unknown := t.eligible(), t.targetNow(), t.unknownNow()
	incomplete := len(unexpected(b.run.Gaps)) > 0 || unknown > 0
	foreseen := len(b.run.Gaps) > 0 && !incomplete
	other := ""
	if n := t.otherPeriod; n > 0 {
		other = "; " + count(n) + " with another period than this run promised"
	}
	switch {
	case t.keys == 0 && (incomplete || foreseen):
		return "No customer managed key could be seen; not everything could be read.", warn
	case t.keys == 0:
		return "There are no customer managed keys to rotate.", good
	case eligible == 0 && t.cannot() == 0:
		return "Whether the " + plural(t.undecided, "key") + " can rotate automatically is not known to this version of keyrotor.", warn
	case eligible == 0 && t.undecided > 0:
		return "None of the " + plural(t.cannot(), "key") + " of kinds known here can rotate automatically; of " + plural(t.undecided, "other key") + " it is not known.", warn
	case eligible == 0:
		return "None of the " + plural(t.keys, "key") + " can rotate automatically.", warn
	case off > 0 && off == eligible:
		return fmt.Sprintf("None of the %s that can rotate automatically %s.", plural(eligible, "key"), oneOr(eligible, "does", "do")), bad
	case off > 0:
		return fmt.Sprintf("%s of the %s that can rotate automatically %s not.", count(off), plural(eligible, "key"), oneOr(off, "does", "do")), bad
	case incomplete:
		return "Every key that we could read and that can rotate automatically does" + other + "; not everything could be read.", warn
	case foreseen:
		return "Every key that we could read and that can rotate automatically does" + other + "; what could not be read was foreseen.", worseUnless(other == "")
	case other != "":
		return "Every key that can rotate automatically does" + other + ".", warn
	}
	return "Every key that can rotate automatically does.", good
}

// lead says what the verdict alone would hide, the gravest first: what does not
// stand, what is open to the world, what is only switched on; then what was done.
func (b *builder) lead() []string {
	t := b.tally
	out := slices.Concat(b.undoneWords(), b.critical())
	if words := t.aged.words("on " + t.aged.First.UTC().Format("2 January 2006")); words != "" {
		out = append(out, words)
	}
	out = slices.Concat(out, b.done(), b.notDone())
	if n := t.otherPeriod; n > 0 && t.targetNow() > 0 {
		out = append(out, plural(n, "key")+" "+oneOr(n, "rotates", "rotate")+" with another period than this run promised.")
	}
	out = append(out, b.gapSentence()...)
	if n := t.cannot(); n > 0 {
		out = append(out, plural(n, "key")+" cannot rotate automatically; below stands what to do instead.")
	}
	if n := t.undecided; n > 0 && t.eligible()+t.cannot() > 0 {
		out = append(out, "Of "+plural(n, "key")+" it is not known to this version of keyrotor whether "+oneOr(n, "it", "they")+" can rotate: AWS describes "+oneOr(n, "it", "them")+" in words that are new to it.")
	}
	return out
}

// done says what this run did, kind by kind, what others had done meanwhile,
// and what a second look has confirmed.
func (b *builder) done() []string {
	kinds := countKinds(b.run.Plan, b.run.Outcomes)
	did := kinds.did(kindsOf(b.run.Plan))
	counts := countStates(b.run.Outcomes)
	if len(did) == 0 {
		return nil
	}
	text := "This run " + sentence(did) + "."
	if n := counts[keyrotor.Unchanged]; n > 0 {
		text += " " + plural(n, "change") + " had been made meanwhile by somebody else."
	}
	return []string{text + " " + confirmedWords(b.run.Verifications)}
}

// confirmedWords says how far a second look agrees.
func confirmedWords(found []keyrotor.Verification) string {
	confirmed := countVerdicts(found)[keyrotor.Confirmed]
	switch {
	case len(found) == 0:
		return "It has not been verified yet."
	case confirmed == len(found) && confirmed == 1:
		return "A second, independent look confirmed it."
	case confirmed == len(found):
		return "A second, independent look confirmed all " + count(confirmed) + "."
	}
	return "A second, independent look confirmed " + count(confirmed) + " of " + count(len(found)) + "."
}

// notDone says how much of the plan was not done, and each cause once.
func (b *builder) notDone() []string {
	causes := mergeCauses(groupStuck(b.run.Outcomes))
	all := len(b.run.Outcomes)
	n := 0
	for _, g := range causes {
		n += len(g.outcomes)
	}
	if b.run.Plan != nil && all > 0 && len(b.run.Plan.Changes) > all { // no word of them at all
		n += len(b.run.Plan.Changes) - all
		all = len(b.run.Plan.Changes)
	}
	if n == 0 {
		return nil
	}
	share := "Not done: " + count(n) + " of " + plural(all, "change")
	if len(causes) == 1 && len(causes[0].outcomes) == n {
		g := causes[0]
		return []string{share + " (" + stateParts(countStates(g.outcomes)) + ") in " + Clean(g.where(b.names)+": "+g.why) + "." + b.halfNote()}
	}
	const most = 3
	var clauses []string
	for _, g := range causes[:min(most, len(causes))] {
		clauses = append(clauses, g.count()+" in "+Clean(g.where(b.names)+": "+g.why))
	}
	if rest := len(causes) - most; rest > 0 {
		clauses = append(clauses, "and "+plural(rest, "other cause")+", below")
	}
	text := share + "."
	if len(clauses) > 0 {
		text += " " + strings.Join(clauses, "; ") + "."
	}
	return []string{text + b.halfNote()}
}

// halfNote says that some of what was not done was begun.
func (b *builder) halfNote() string {
	n := len(halfDone(b.run.Plan, b.run.Outcomes))
	if n == 0 {
		return ""
	}
	return " " + plural(n, "change") + oneOr(n, " is", " are") + " half done: some steps took effect, as named below."
}

// figures are the six numbers and the bar of shares.
func (b *builder) figures() {
	t := b.tally
	note := percent(t.rotatingNow(), t.eligible()) + " of those that can"
	if t.switched > 0 {
		note = count(t.views[keyrotor.ViewRotating]) + " before this run"
	}
	rotating := good
	if t.overdueOn > 0 { // a tick would say that all is well with them
		rotating = ""
		note += ", " + count(t.overdueOn) + " with old material"
	}
	b.doc.Figures = []figure{
		{Number: count(t.keys), Name: oneOr(t.keys, "customer managed key", "customer managed keys"), Note: plural(t.managed, "AWS managed key") + " beside them"},
		{Number: count(t.targetNow()), Name: oneOr(t.targetNow(), "must rotate and does not", "must rotate and do not"), Note: percent(t.targetNow(), t.eligible()) + " of those that can", Status: zeroIsGood(t.targetNow(), bad)},
		b.overdueFigure(),
		{Number: count(t.rotatingNow()), Name: oneOr(t.rotatingNow(), "rotates automatically", "rotate automatically"), Note: note, Status: rotating},
		{Number: count(t.cannot()), Name: oneOr(t.cannot(), "cannot, as it is", "cannot, as they are"), Note: b.cannotNote(), Status: idle},
		b.unreadFigure(),
	}
	b.shares()
}

func (b *builder) cannotNote() string {
	if n := b.tally.undecided; n > 0 {
		return "beside them " + plural(n, "key") + " unknown to this version: it is not known whether " + oneOr(n, "it", "they") + " can"
	}
	return "what to do instead is named below"
}

// oneOr is the word for one thing, or for several.
func oneOr(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

func worseUnless(fine bool) status {
	if fine {
		return good
	}
	return warn
}

func zeroIsGood(n int, otherwise status) status {
	if n == 0 {
		return good
	}
	return otherwise
}

// unreadFigure counts foreseen gaps, too: that somebody approved one fills no hole.
func (b *builder) unreadFigure() figure {
	var notes []string
	r := reachOf(b.run)
	if n := len(r.closed); n > 0 {
		notes = append(notes, count(n)+" of "+plural(r.accounts, "account")+" closed to us")
	}
	if n := b.run.Population.Places - b.run.Population.Read; n > 0 {
		notes = append(notes, count(n)+" of "+plural(b.run.Population.Places, "place")+" closed to us")
	}
	switch {
	case len(notes) > 0:
	case len(b.run.Gaps) > 0:
		notes = append(notes, "single keys or facts")
	default:
		notes = append(notes, "every place answered")
	}
	if n := b.tally.unread; n > 0 {
		notes = append(notes, plural(n, "key")+" of unknown manager")
	}
	all, open := len(b.run.Gaps), len(unexpected(b.run.Gaps))
	f := figure{Number: count(all), Name: "could not be read", Status: zeroIsGood(open, warn)}
	switch {
	case open == 0 && all > 0:
		f.Status = idle
		notes = append(notes, oneOr(all, "foreseen", "all foreseen"))
	case open < all:
		notes = append(notes, count(all-open)+" foreseen")
	}
	f.Note = strings.Join(notes, ", ")
	return f
}

func (b *builder) shares() {
	t := b.tally
	fresh := t.rotatingNow() - t.overdueOn
	parts := []share{
		{Name: oneOr(fresh, "rotates", "rotate"), Keys: fresh, Status: good},
		{Name: oneOr(t.overdueOn, "is", "are") + " set to rotate, with material past the cryptoperiod", Keys: t.overdueOn, Status: warn},
		{Name: oneOr(t.targetNow(), "does not", "do not"), Keys: t.targetNow(), Status: bad},
		{Name: "status unknown", Keys: t.unknownNow(), Status: warn},
		{Name: "unknown to this version", Keys: t.undecided, Status: warn},
		{Name: "cannot", Keys: t.cannot(), Status: idle},
	}
	at := 0
	for _, s := range parts {
		if s.Keys <= 0 || t.keys == 0 {
			continue
		}
		s.From = 1000 * at / t.keys
		at += s.Keys
		s.Width = max(3, 1000*at/t.keys-s.From-2)
		b.doc.Shares = append(b.doc.Shares, s)
	}
}

// percent never rounds to 100 what is not all, nor to 0 what is something.
func percent(n, of int) string {
	switch {
	case of == 0:
		return "–"
	case n == of:
		return "100 %"
	case n == 0:
		return "0 %"
	}
	return number(min(99, max(1, 100*n/of))) + " %"
}

// joinClean cleans and joins words for one line.
func joinClean(parts []string, sep string) string { return Clean(strings.Join(parts, sep)) }
