package main

import (
	"fmt"
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/cycle"
)

// foresee holds what refused the doctor against expected_gaps: what somebody
// approved is nothing to mend. It adds a check for each entry that does no good.
func (s *session) foresee(checks []aws.DoctorCheck, all bool) ([]aws.DoctorCheck, error) {
	expected := s.cfg.expectedGaps()
	if len(expected) == 0 {
		return checks, nil
	}
	match, err := s.gapMatcher()
	if err != nil {
		return nil, err
	}
	met := make([]bool, len(expected))
	meet := func(g keyrotor.Gap) (first *keyrotor.ExpectedGap) {
		for i, e := range expected {
			if match(e, g) {
				met[i] = true
				if first == nil && s.now().Before(e.Until) {
					first = &expected[i]
				}
			}
		}
		return first
	}
	for i, c := range checks {
		if c.Gap == nil {
			continue
		}
		if e := meet(*c.Gap); e != nil {
			checks[i].Status, checks[i].Fix = aws.CheckForeseen, ""
			checks[i].Detail = fmt.Sprintf("foreseen until %s by %s: %s (%s)", e.Until.Format("2 Jan 2006"), e.Approver, e.Reason, c.Detail)
		}
	}
	scanned := s.gapsOfLastScan()
	for _, g := range scanned {
		meet(g)
	}
	return append(s.checkExpected(expected, met, all || scanned != nil), checks...), nil
}

// gapsOfLastScan are those of the latest scan; nil where there was none, or none
// that can be read: who looks for what is broken must not stop at that.
func (s *session) gapsOfLastScan() []keyrotor.Gap {
	run, found, err := s.newest(isSurvey)
	if err != nil || !found {
		return nil
	}
	inv, err := cycle.ReadInventory(run, nil)
	if err != nil {
		return nil
	}
	return slices.Concat([]keyrotor.Gap{}, inv.Gaps) // not nil: there was a scan
}

// checkExpected names the entries of expected_gaps that have ended, and, where
// enough was looked at to say so, those that no gap needs: an exemption that is
// left lying hides the next gap that fits it.
func (s *session) checkExpected(expected []keyrotor.ExpectedGap, met []bool, told bool) []aws.DoctorCheck {
	var checks []aws.DoctorCheck
	for i, e := range expected {
		c := aws.DoctorCheck{Check: fmt.Sprintf("expected_gaps[%d]", i), Status: aws.CheckWarn, Detail: e.Match}
		switch {
		case !s.now().Before(e.Until):
			c.Detail += " ended on " + e.Until.Format("2 Jan 2006")
			c.Fix = "take it out, or have it approved for longer, in a reviewed change"
		case !met[i] && told:
			c.Detail += " fits nothing that refused the doctor or the latest scan"
			c.Fix = "take it out where it is not needed any more, or correct its match: it would hide the next gap that fits it"
		default:
			continue
		}
		checks = append(checks, c)
	}
	return checks
}
