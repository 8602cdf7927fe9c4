package verify

import (
	"cmp"
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
)

// tolerance is how far the next date may lie from the day that was promised:
// clocks differ, and KMS documents a day, not an hour.
const tolerance = 48 * time.Hour

const dayLength = 24 * time.Hour

// rotates: on, with the promised period and a next date that fits it.
func (l *look) rotates(s keyrotor.Step) {
	r := l.status()
	if r == nil {
		return
	}
	if r.Next != nil {
		next := r.Next.UTC()
		l.Next = &next
	}
	if !r.On {
		l.find("off")
		l.discrepant("rotation is off")
		return
	}
	want := cmp.Or(s.Params.PeriodDays, keyrotor.DefaultRotationPeriodDays)
	switch {
	case r.PeriodDays == 0 && s.Verb == keyrotor.SetPeriod:
		l.find("on, every ? d")
		l.unreadable("the endpoint reports no period, and the period of %d d is all that was promised", want)
	case r.PeriodDays == 0:
		l.find("on")
		l.detail("the endpoint reports no period: that it is %d d was not seen", want)
	default:
		l.find("on, every %d d", r.PeriodDays)
		if r.PeriodDays != want {
			l.discrepant("the period is %d d, promised were %d d", r.PeriodDays, want)
			return
		}
	}
	l.nextDate(s, want)
}

// nextDate checks the date of the next rotation against the moment the step
// took effect. Looked at a year later it lies whole periods further on.
func (l *look) nextDate(s keyrotor.Step, periodDays int) {
	if l.Next == nil {
		l.detail("the endpoint reports no date of the next rotation: when it is due was not seen")
		return
	}
	if l.key.State != "Enabled" && l.key.State != "" {
		return // its dates pass without a rotation; compare has said so
	}
	period := time.Duration(periodDays) * dayLength
	if latest := l.now.Add(period + tolerance); l.Next.After(latest) {
		l.discrepant("the next rotation is %s, more than a period away", date(*l.Next))
		return
	}
	if l.Next.Before(l.now.Add(-tolerance)) {
		l.discrepant("the next rotation was due %s and has not happened", date(*l.Next))
		return
	}
	at, exact := l.effective(s)
	if !exact {
		return
	}
	// Which of at+period, at+2·period, … is nearest to the date found?
	n := max(1, (l.Next.Sub(at)+period/2)/period)
	if want := at.Add(time.Duration(int64(n) * int64(period))); l.Next.Sub(want).Abs() > tolerance {
		l.discrepant("the next rotation is %s, promised was %s", date(*l.Next), date(want))
	}
}

// effective is when the clock of the rotation was started by the step; not
// exact for an effect found after a crash, nor where the key was on before,
// for KMS does not document what a new period does to a clock that runs.
func (l *look) effective(s keyrotor.Step) (at time.Time, exact bool) {
	if s.Verb != keyrotor.EnableRotation {
		return time.Time{}, false
	}
	for _, r := range l.outcome.Receipts {
		if r.Step == s.Number && r.Verb == s.Verb && !r.At.IsZero() {
			return r.At, !r.Recovered && !r.Found
		}
	}
	return time.Time{}, false
}

func (l *look) rotatesNot() {
	r := l.status()
	if r == nil {
		return
	}
	if r.On {
		l.find("on")
		l.discrepant("rotation is still on")
		return
	}
	l.find("off")
}

// rotated: the material is another one, or one more on-demand rotation is in
// the history, than when the plan was made. Either proves it.
func (l *look) rotated(s keyrotor.Step) {
	newMaterial := s.Before.MaterialID != "" && l.key.Material != nil && l.key.Material.ID != "" && l.key.Material.ID != s.Before.MaterialID
	comparable := s.Before.MaterialID != "" && l.key.Material != nil && l.key.Material.ID != ""
	more := 0
	if s.Before.OnDemand != nil && l.key.History != nil {
		comparable = true
		more = l.key.History.OnDemand - *s.Before.OnDemand
	}
	switch {
	case more > 1:
		l.find("rotated on demand %d times", more)
		l.discrepant("%d on-demand rotations since the plan, one was promised", more)
	case more == 1:
		l.find("%s", l.lastRotation())
	case newMaterial:
		l.find("new key material")
		l.detail("the key material is another one; its history does not show an on-demand rotation")
	case !comparable:
		l.find("unknown whether it rotated")
		l.unreadable("neither its key material id nor its rotations could be read to compare with the plan")
	case l.key.Rotation != nil && l.key.Rotation.OnDemandStarted != nil:
		l.find("a rotation under way")
		l.discrepant("the on-demand rotation is under way since %s and not finished", date(*l.key.Rotation.OnDemandStarted))
	default:
		l.find("not rotated")
		l.discrepant("its key material and the count of its rotations are those of before the plan")
	}
}

func (l *look) lastRotation() string {
	if last, ok := l.key.History.Last(); ok {
		return fmt.Sprintf("rotated on demand, %s", date(last.At))
	}
	return "rotated on demand"
}

// status is the rotation status, or nil after saying why there is none.
func (l *look) status() *keyrotor.RotationFacts {
	if r := l.key.Rotation; r != nil {
		return r
	}
	l.find("rotation unknown")
	for _, u := range l.asset.Unread {
		if u.Fact == keyrotor.FactRotation {
			l.unreadable("%s answered %s", u.Call, u.Code)
			return nil
		}
	}
	l.unreadable("its rotation status was not read")
	return nil
}

func date(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04 UTC") }
