package report

import (
	"time"

	"github.com/keyrotor/keyrotor"
)

// Aged is the keys that are set to rotate and still hold material older than a
// year: switching on starts a clock and rotates nothing.
type Aged struct {
	Before int       // as the keys were read
	Now    int       // after what this run did
	First  time.Time // when the first of those left rotates by itself; zero: not known
}

// EnabledNotRotated counts them before and after the run.
func EnabledNotRotated(r Run) (Aged, error) {
	b := newBuilder(r)
	if err := r.each(func(a keyrotor.Assessment) error { b.add(a); return nil }); err != nil {
		return Aged{}, err
	}
	return b.tally.aged, nil
}

// addOverdue counts a key whose material is past its cryptoperiod, as the rule of
// that name has it; where that rule is not held, older than a year.
func (b *builder) addOverdue(a keyrotor.Assessment, e effect, on bool) {
	switch verdict := b.materialVerdict(a); {
	case e.rotated:
	case verdict == keyrotor.Waived:
		b.tally.overdueWaived++
	case verdict == keyrotor.Fail && on:
		b.tally.overdue++
		b.tally.overdueOn++
	case verdict == keyrotor.Fail:
		b.tally.overdue++
	}
}

func (b *builder) materialVerdict(a keyrotor.Assessment) keyrotor.Verdict {
	held := b.tally.rules[ruleMaterial] != nil
	for _, f := range a.Findings {
		if f.Rule == ruleMaterial {
			return f.Verdict
		}
	}
	if !held && a.View != keyrotor.ViewNotEligible && olderThanAYear(a.Asset.KMS, b.run.Now) {
		return keyrotor.Fail
	}
	return keyrotor.NotApplicable
}

// overdueFigure is the number that “rotates automatically” hides: switched on is
// not rotated.
func (b *builder) overdueFigure() figure {
	t := b.tally
	name := "past the cryptoperiod"
	if t.rules[ruleMaterial] == nil {
		name = "with material older than a year"
	}
	f := figure{Number: count(t.overdue), Name: name, Note: "no material is older than it may be", Status: zeroIsGood(t.overdue, bad)}
	switch {
	case t.overdueOn > 0 && t.overdueOn == t.overdue:
		f.Note = oneOr(t.overdue, "set", "all set") + " to rotate: switched on is not rotated"
	case t.overdueOn > 0:
		f.Note = count(t.overdueOn) + " of them set to rotate: switched on is not rotated"
	case t.overdue > 0:
		f.Note = "none of them is set to rotate"
	}
	if t.overdueWaived > 0 {
		f.Note += "; " + count(t.overdueWaived) + " more waived"
	}
	return f
}

// read counts a key as it was read.
func (g *Aged) read(a keyrotor.Assessment, now time.Time) {
	if a.View == keyrotor.ViewRotating && olderThanAYear(a.Asset.KMS, now) {
		g.Before++
	}
}

// holds counts a key that is on now, with its next rotation.
func (g *Aged) holds(a keyrotor.Assessment, next, now time.Time) {
	if !olderThanAYear(a.Asset.KMS, now) {
		return
	}
	g.Now++
	if !next.IsZero() && (g.First.IsZero() || next.Before(g.First)) {
		g.First = next
	}
}

// nextAsRead is the next automatic rotation that the scan was told.
func nextAsRead(a keyrotor.Assessment) time.Time {
	if k := a.Asset.KMS; a.View == keyrotor.ViewRotating && k != nil && k.Rotation != nil && k.Rotation.Next != nil {
		return *k.Rotation.Next
	}
	return time.Time{}
}

// Words says it in a sentence or two, "" where there are none, with the command
// that rotates them at once.
func (g Aged) Words(now time.Time) string { return g.words(When(g.First, now)) }

// words takes when the first rotates: a page that is kept says it by the date alone.
func (g Aged) words(first string) string {
	if g.Now == 0 {
		return ""
	}
	text := "Enabled is not rotated: " + keysAre(g.Now) + " set to rotate and still " + oneOr(g.Now, "holds", "hold") + " material older than a year"
	if g.Before != g.Now {
		text += " (" + count(g.Before) + " before this run)"
	}
	text += "."
	if !g.First.IsZero() {
		text += " " + oneOr(g.Now, "It rotates", "The first of them rotates") + " by itself " + first + ";"
	} else {
		text += " When it rotates by itself is not known;"
	}
	return text + " keyrotor plan --rotate-overdue proposes to rotate now, once."
}
