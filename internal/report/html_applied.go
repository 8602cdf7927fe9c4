package report

import (
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
)

// stretch is the time from the first of some moments to the last.
type stretch struct{ first, last time.Time }

// take adds a moment; one that was not recorded is none.
func (s *stretch) take(t time.Time) {
	if t.IsZero() {
		return
	}
	if s.first.IsZero() || t.Before(s.first) {
		s.first = t
	}
	if t.After(s.last) {
		s.last = t
	}
}

// words are both ends, exact, with their zone.
func (s stretch) words() string {
	if s.first.IsZero() {
		return "when was not recorded"
	}
	first, last := stamp(s.first), stamp(s.last)
	if first == last {
		return first
	}
	return first + " to " + last
}

// appliedFacts is when the plan was carried out and looked at again, and by whom
// as far as the record has it.
func (b *builder) appliedFacts() []pair {
	if b.run.Plan == nil && len(b.run.Outcomes) == 0 {
		return nil
	}
	var acts stretch
	begun := 0
	for _, o := range b.run.Outcomes {
		if o.State == keyrotor.NotStarted {
			continue
		}
		begun++
		acts.take(o.Started)
		acts.take(o.Ended)
		for _, r := range o.Receipts { // those of an earlier turn come before Started
			acts.take(r.At)
		}
	}
	if begun == 0 {
		return []pair{{"Applied", "nothing, when this page was made"}}
	}
	return []pair{
		{"Applied", acts.words() + ": " + plural(begun, "change") + " taken up"},
		{"Applied by", b.appliedBy()},
		{"Verified", b.verifiedWords()},
	}
}

// verifiedWords also counts the looks at what was taken back since.
func (b *builder) verifiedWords() string {
	if len(b.looks) == 0 {
		return "nothing, when this page was made"
	}
	var looks stretch
	for _, v := range b.looks {
		looks.take(v.At)
	}
	return looks.words() + ": " + plural(len(b.looks), "change") + " looked at"
}

// appliedBy does not guess: outcomes hold no identity, only AWS's words of a
// refusal may name the role, and request ids lead to it.
func (b *builder) appliedBy() string {
	text := "the record names no identity"
	var roles []string
	for _, g := range groupStuck(b.run.Outcomes) {
		if role := g.role(); role != "" {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	if roles = slices.Compact(roles); len(roles) > 0 {
		text += "; AWS's refusals name role " + joinClean(roles, ", ")
	}
	for _, o := range b.run.Outcomes {
		if len(requestIDs(o)) > 0 {
			return text + "; AWS's request ids under “Every change” lead to the caller in CloudTrail"
		}
	}
	return text
}

// endedCell is when a change ended its turn.
func endedCell(o keyrotor.Outcome) cell {
	if o.State == keyrotor.NotStarted || o.Ended.IsZero() {
		return cell{Text: "–", Sort: "~"}
	}
	return cell{Text: stamp(o.Ended), Class: "when"}
}
