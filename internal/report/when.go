package report

import (
	"fmt"
	"strconv"
	"time"
)

// When is a moment for people: the distance, then the date, "in 23 days (14
// Dec)". The year is left out where it is the present one.
func When(t, now time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return Distance(t, now) + " (" + Day(t, now) + ")"
}

// Day is a date as people say it, with its year unless that is the present one.
func Day(t, now time.Time) string {
	t = t.UTC()
	if t.Year() == now.UTC().Year() {
		return t.Format("2 Jan")
	}
	return t.Format("2 Jan 2006")
}

// Distance is how far t is from now: "in 23 days", "3 minutes ago", "now".
func Distance(t, now time.Time) string {
	d := t.Sub(now)
	if d < 0 {
		return span(-d) + " ago"
	}
	if d < time.Second {
		return "now"
	}
	return "in " + span(d)
}

// span is a duration in its largest fitting unit.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return plural(int(d/time.Second), "second")
	case d < time.Hour:
		return plural(int(d/time.Minute), "minute")
	case d < 2*day:
		return plural(int(d/time.Hour), "hour")
	case d < 730*day:
		return plural(int((d+day/2)/day), "day") // a rotation in 365 days less a minute is in 365 days
	}
	return plural(int(d/(365*day)), "year")
}

// plural counts a noun: "1 key", "1,400 keys".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// count writes a number with separators: 1,400.
func count(n int) string {
	s := strconv.Itoa(n)
	neg := ""
	if n < 0 {
		neg, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return neg + s
}

// stamp is an absolute time with its zone, as files have it.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

// took is a duration as a person reads it off a clock.
func took(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// number is a plain number for machines.
func number(n int) string { return strconv.Itoa(n) }
