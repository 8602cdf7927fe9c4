package report

import (
	"fmt"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// header writes the verdict and what stands below it.
func (b *builder) header() {
	t := b.tally
	b.doc.Verdict, b.doc.Standing = b.verdict()
	b.doc.Lead = b.lead()
	scope := plural(len(b.run.Population.Accounts), "account") + ", " + plural(t.keys, "customer managed key")
	b.doc.Meta = []pair{
		{"Organization", Clean(orWord(b.run.Population.Organization, "single accounts"))},
		{"Scope", scope},
		{"Read", stamp(b.run.Population.Ended)},
		{"Run", Clean(string(b.run.Population.Run))},
	}
}

func orWord(t, word string) string {
	if t == "" {
		return word
	}
	return t
}

// verdict is the one sentence that a security officer reads.
func (b *builder) verdict() (string, status) {
	t := b.tally
	eligible, off, unknown := t.eligible(), t.targetNow(), t.unknownNow()
	incomplete := len(unexpected(b.run.Gaps)) > 0 || unknown > 0
	switch {
	case t.keys == 0 && incomplete:
		return "No customer managed key could be seen; not everything could be read.", warn
	case t.keys == 0:
		return "There are no customer managed keys to rotate.", good
	case eligible == 0:
		return "None of the " + plural(t.keys, "key") + " can rotate automatically.", warn
	case off > 0 && off == eligible:
		return fmt.Sprintf("None of the %s that can rotate automatically %s.", plural(eligible, "key"), doesDo(eligible)), bad
	case off > 0:
		return fmt.Sprintf("%s of the %s that can rotate automatically %s not.", count(off), plural(eligible, "key"), doesDo(off)), bad
	case incomplete:
		return "Every key that we could read and that can rotate automatically does; not everything could be read.", warn
	}
	return "Every key that can rotate automatically does.", good
}

func doesDo(n int) string {
	if n == 1 {
		return "does"
	}
	return "do"
}

// lead says what the verdict alone would hide.
func (b *builder) lead() []string {
	t := b.tally
	var out []string
	if t.switched > 0 {
		out = append(out, b.switchedWords())
	}
	if t.old > 0 {
		out = append(out, "Enabled is not rotated: "+keysAre(t.old)+" set to rotate and still "+holdWord(t.old)+" material older than a year.")
	}
	if n := t.views[keyrotor.ViewNotEligible]; n > 0 {
		out = append(out, plural(n, "key")+" cannot rotate automatically; below stands what to do instead.")
	}
	if n := len(unexpected(b.run.Gaps)); n > 0 {
		out = append(out, plural(n, "gap")+" in the reading: the figures are without what refused us.")
	}
	return out
}

// switchedWords tells apart what this run did, what somebody else did
// meanwhile, and what a second look has confirmed.
func (b *builder) switchedWords() string {
	ours, others, confirmed := 0, 0, 0
	for _, e := range b.switched {
		switch {
		case !e.on:
			continue
		case e.state == keyrotor.Succeeded:
			ours++
		default:
			others++
		}
		if e.check == keyrotor.Confirmed {
			confirmed++
		}
	}
	text := "This run switched rotation on for " + plural(ours, "key")
	if others > 0 {
		text += "; " + count(others) + " had been switched on meanwhile by somebody else"
	}
	switch confirmed {
	case ours + others:
		return text + ". A second look confirmed it."
	case 0:
		return text + ". It has not been verified yet."
	}
	return text + ". A second look confirmed " + count(confirmed) + " so far."
}

func holdWord(n int) string {
	if n == 1 {
		return "holds"
	}
	return "hold"
}

// figures are the five numbers and the bar of shares.
func (b *builder) figures() {
	t := b.tally
	rotate := "rotate automatically"
	note := percent(t.rotatingNow(), t.eligible()) + " of those that can"
	if t.switched > 0 {
		note = count(t.views[keyrotor.ViewRotating]) + " before this run"
	}
	b.doc.Figures = []figure{
		{Number: count(t.keys), Name: "customer managed keys", Note: plural(t.managed, "AWS managed key") + " beside them"},
		{Number: count(t.targetNow()), Name: "must rotate and do not", Note: percent(t.targetNow(), t.eligible()) + " of those that can", Status: zeroIsGood(t.targetNow(), bad)},
		{Number: count(t.rotatingNow()), Name: rotate, Note: note, Status: good},
		{Number: count(t.views[keyrotor.ViewNotEligible]), Name: "cannot, as they are", Note: "what to do instead is named below", Status: idle},
		b.unreadFigure(),
	}
	b.shares()
}

func zeroIsGood(n int, otherwise status) status {
	if n == 0 {
		return good
	}
	return otherwise
}

func (b *builder) unreadFigure() figure {
	open := unexpected(b.run.Gaps)
	places := b.run.Population.Places - b.run.Population.Read
	note := "every place answered"
	if places > 0 {
		note = count(places) + " of " + plural(b.run.Population.Places, "place") + " closed to us"
	} else if len(open) > 0 {
		note = "single keys or facts"
	}
	if n := len(b.run.Gaps) - len(open); n > 0 {
		note += ", " + count(n) + " foreseen"
	}
	return figure{Number: count(len(open)), Name: "could not be read", Note: note, Status: zeroIsGood(len(open), warn)}
}

func (b *builder) shares() {
	t := b.tally
	parts := []share{
		{Name: "rotate", Keys: t.rotatingNow(), Status: good},
		{Name: "do not", Keys: t.targetNow(), Status: bad},
		{Name: "status unknown", Keys: t.unknownNow(), Status: warn},
		{Name: "cannot", Keys: t.views[keyrotor.ViewNotEligible], Status: idle},
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
