package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// period is how often a key shall rotate, within what KMS can, and the warning
// when that is not what the rules ask for.
func (o Options) period(a keyrotor.Assessment) (days int, warning string) {
	if o.PeriodDays != 0 {
		return o.PeriodDays, o.tooLong(a)
	}
	want := o.RulePeriod(a)
	if want == 0 {
		want = keyrotor.DefaultRotationPeriodDays
		if o.CryptoperiodDays > 0 {
			want = min(want, o.CryptoperiodDays)
		}
	}
	days = min(max(want, keyrotor.MinRotationPeriodDays), keyrotor.MaxRotationPeriodDays)
	if days != want {
		warning = fmt.Sprintf("the rules ask for a rotation every %d d; KMS allows %d to %d d", want, keyrotor.MinRotationPeriodDays, keyrotor.MaxRotationPeriodDays)
	}
	return days, warning
}

// longPeriod begins the warnings about periods that rules do not allow, so that
// a plan can count them.
const longPeriod = "a period of "

// tooLong says which rules the period that was asked for will make fail.
func (o Options) tooLong(a keyrotor.Assessment) string {
	var over []string
	for _, f := range a.Findings {
		if most := o.mostDays(a, f); most > 0 && o.PeriodDays > most {
			over = append(over, fmt.Sprintf("%s (%d d)", f.Rule, most))
		}
	}
	if len(over) == 0 {
		return ""
	}
	slices.Sort(over)
	return fmt.Sprintf("%s%d d is longer than rules allow, which will fail: %s", longPeriod, o.PeriodDays, strings.Join(over, ", "))
}

// mostDays is the longest period with which a rule holds for an asset, 0 where
// the rule does not speak of it or is waived.
func (o Options) mostDays(a keyrotor.Assessment, f keyrotor.Finding) int {
	most := o.PeriodOf(f.Rule)
	ofPeriods := false
	if verb, known := o.Remedy(f.Rule); known && verb == keyrotor.SetPeriod {
		most, ofPeriods = cmp.Or(most, o.CryptoperiodDays), true
	}
	switch f.Verdict {
	case keyrotor.Waived:
		return 0
	case keyrotor.NotApplicable:
		// A rule about periods does not apply to a key that is off, and will once it is on.
		if r := a.Asset.KMS.Rotation; !ofPeriods || r == nil || r.On {
			return 0
		}
	case keyrotor.Pass, keyrotor.Fail, keyrotor.Unknown:
	}
	return most
}

// longPeriods counts the keys whose new period rules do not allow.
func longPeriods(changes []keyrotor.Change) []string {
	keys := map[string]int{}
	for _, c := range changes {
		for _, sentence := range strings.Split(c.Warning, "; ") {
			if strings.HasPrefix(sentence, longPeriod) {
				keys[sentence]++
			}
		}
	}
	var lines []string
	for _, sentence := range sortedKeys(keys) {
		lines = append(lines, count(keys[sentence], "key")+": "+sentence)
	}
	return lines
}

// nextDates says when keys rotate next whose period is set: KMS counts from the
// day that is done, which can put off a rotation that was due soon.
func nextDates(changes []keyrotor.Change, taken time.Time) []string {
	type moved struct{ keys, later int }
	byPeriod := map[int]moved{}
	for _, c := range changes {
		for _, s := range c.Steps {
			if s.Verb != keyrotor.SetPeriod {
				continue
			}
			m := byPeriod[s.Params.PeriodDays]
			m.keys++
			if c.Seen.Next != nil && c.Seen.Next.Before(taken.AddDate(0, 0, s.Params.PeriodDays)) {
				m.later++
			}
			byPeriod[s.Params.PeriodDays] = m
		}
	}
	var lines []string
	for _, days := range sortedKeys(byPeriod) {
		m := byPeriod[days]
		line := fmt.Sprintf("setting the period moves the next rotation of %s to %d d after that", count(m.keys, "key"), days)
		if !taken.IsZero() {
			line += ", not before " + taken.UTC().AddDate(0, 0, days).Format(time.DateOnly)
		}
		if m.later > 0 && !taken.IsZero() {
			line += fmt.Sprintf(": later than now for %d", m.later)
		}
		lines = append(lines, line)
	}
	return lines
}

// noteFailing counts the rules that a key goes on failing after its changes, for
// want of a period that nobody told the plan.
func (d *draft) noteFailing(a keyrotor.Assessment, changes []keyrotor.Change) {
	days := 0
	for _, c := range changes {
		for _, s := range c.Steps {
			days = max(days, s.Params.PeriodDays)
		}
	}
	if days == 0 && a.View != keyrotor.ViewRotating {
		return
	}
	for _, rule := range d.StillFails(a, days) {
		d.failing[rule]++
	}
}

// stillFailing says which rules a plan does not mend, and what they lack.
func stillFailing(keys map[string]int) []string {
	var lines []string
	for _, rule := range sortedKeys(keys) {
		goOn := " go on failing "
		if keys[rule] == 1 {
			goOn = " goes on failing "
		}
		lines = append(lines, count(keys[rule], "key")+goOn+rule+": the rule names no period_days, by which a plan would set the period it asks for")
	}
	return lines
}
