package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor/internal/guard"
)

func TestWhoSignsIsToldWhichFreezeHoldsUpApply(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 12, d, 0, 0, 0, 0, time.UTC) }
	holidays := guard.Window{From: day(20), To: day(27), Reason: "holidays"}
	audit := guard.Window{From: day(27), To: day(30), Reason: "audit"}
	for name, tt := range map[string]struct {
		now, expires time.Time
		want         []string
	}{
		"none is near":                                          {day(1), day(8), nil},
		"one lies between now and the end":                      {day(19), day(31), nil},
		"one holds now, and ends in time":                       {day(28), day(31), []string{"apply starts nothing until 30 Dec 2026 00:00 UTC (audit)"}},
		"two that follow each other are one, which is too long": {day(21), day(28), []string{"apply starts nothing until 30 Dec 2026 00:00 UTC (audit), and by then this approval has run out: 28 Dec 2026 00:00 UTC"}},
		"one begins before the approval ends":                   {day(18), day(25), []string{"apply starts nothing from 20 Dec 2026 00:00 UTC until 30 Dec 2026 00:00 UTC (audit), and this approval runs out in between: 25 Dec 2026 00:00 UTC"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := frozenWords([]guard.Window{audit, holidays}, tt.now, tt.expires)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnExpectedGapHoldsThroughItsLastDay(t *testing.T) {
	c := &Config{ExpectedGaps: []GapConfig{{Until: "2027-03-31"}}}
	until := c.expectedGaps()[0].Until
	if last := time.Date(2027, 3, 31, 23, 59, 59, 500_000_000, time.UTC); !last.Before(until) {
		t.Errorf("it ends at %s, before the last second of its day is over", until)
	}
	if got := until.Format(time.DateOnly); got != "2027-03-31" {
		t.Errorf("it is shown as %s", got)
	}
}
