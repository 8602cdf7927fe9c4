package report_test

import (
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

const undoRunID = "20261122T090000Z-beef"

// undone marks the first changes of a run as taken back a day later.
func (e *estate) undone(n int) {
	e.run.TakenBack = map[keyrotor.ChangeID]report.TakenBack{}
	for _, c := range e.plan.Changes[:n] {
		e.run.TakenBack[c.ID] = report.TakenBack{By: undoRunID, At: testNow.Add(24 * time.Hour)}
	}
}

// switchedOn is a run that switched on three keys, all of them confirmed.
func switchedOn() *estate {
	e := newEstate()
	for range 3 {
		found := foundOn(365, keyrotor.Confirmed)
		found.At = testNow
		e.change(e.key(keyrotor.ViewTarget), keyrotor.EnableRotation, "kms-rotation-on", found)
	}
	return e
}

func TestTheReportOfAnUndoneRunDoesNotCountWhatWasTakenBack(t *testing.T) {
	e := switchedOn()
	e.undone(3)
	text := htmlText(t, e.run)
	says(t, text,
		"This run was undone. None of the 3 keys that can rotate automatically do.",
		"This run was undone by run "+undoRunID+" on 2026-11-22 10:15:02 UTC: none of the 3 changes that it made stands.",
		"3 ✗ must rotate and do not", "0 ✓ rotate automatically",
		"3 – undone by a later run", "switch rotation on 0 0 0 0 0 3",
		"off again: undone since", "confirmed, before that",
		"undone by run "+undoRunID+" on",
	)
	saysNothingOf(t, text, "This run switched rotation on", "look confirmed", "on, confirmed", "3 ✓ succeeded", "half done", "Not done:")
}

func TestARunThatWasUndoneInPartSaysHowMuchStands(t *testing.T) {
	e := switchedOn()
	e.undone(2)
	says(t, htmlText(t, e.run),
		"This run was undone in part. 2 of the 3 keys that can rotate automatically do not.",
		"2 of the 3 changes that this run made were undone by run "+undoRunID,
		"This run switched rotation on for 1 key. A second, independent look confirmed it.",
		"1 ✓ succeeded", "2 – undone by a later run", "switch rotation on 1 0 0 0 0 2", "on, confirmed",
	)
}

func TestWhatWasSwitchedOnAgainSinceTheUndoRotates(t *testing.T) {
	e := switchedOn()
	e.undone(3)
	e.run.Verifications[0].At = testNow.Add(48 * time.Hour) // somebody did it by hand
	says(t, htmlText(t, e.run), "2 of the 3 keys that can rotate automatically do not.", "since then: on, every 365 d", "undone, and found on, every 365 d since")
}

func TestAPeriodThatWasRestoredIsNoBrokenPromise(t *testing.T) {
	e := newEstate()
	found := foundOn(730, keyrotor.Discrepant)
	found.At = testNow.Add(48 * time.Hour)
	e.change(e.key(keyrotor.ViewRotating), keyrotor.SetPeriod, "kms-period-within-cryptoperiod", found)
	e.undone(1)
	text := htmlText(t, e.run)
	says(t, text, "This run was undone. Every key that can rotate automatically does.", "its one change does not stand")
	saysNothingOf(t, text, "another period")
}
