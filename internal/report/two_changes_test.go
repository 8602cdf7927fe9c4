package report_test

import (
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// rotated adds the second change of a key that has one: to rotate it now.
func (e *estate) rotated(a keyrotor.Assessment, state keyrotor.OutcomeState, found *keyrotor.Verification) keyrotor.ChangeID {
	e.change(a, keyrotor.RotateNow, "kms-material-within-cryptoperiod", found)
	id := keyrotor.ChangeID("r-" + a.Asset.ID)
	e.plan.Changes[len(e.plan.Changes)-1].ID = id
	last := &e.run.Outcomes[len(e.run.Outcomes)-1]
	last.Change, last.State = id, state
	if found != nil {
		e.run.Verifications[len(e.run.Verifications)-1].Change = id
	}
	return id
}

// freshlyRotated is a look at a key that rotates and has new material.
func freshlyRotated() *keyrotor.Verification {
	v := foundOn(365, keyrotor.Confirmed)
	v.Key.MaterialSince = testNow
	return v
}

// The plan of --rotate-overdue switches a key on and rotates it: of the two
// changes only the last counted, and the keys stood as not rotating.
func TestTwoChangesOfOneKeyCountTogether(t *testing.T) {
	for name, looked := range map[string]bool{"before verify": false, "after verify": true} {
		t.Run(name, func(t *testing.T) {
			e := newEstate()
			look := func(v *keyrotor.Verification) *keyrotor.Verification {
				if looked {
					return v
				}
				return nil
			}
			both := e.key(keyrotor.ViewTarget, pastPeriod)
			e.change(both, keyrotor.EnableRotation, "kms-rotation-on", look(foundOn(365, keyrotor.Confirmed)))
			e.rotated(both, keyrotor.Succeeded, look(freshlyRotated()))
			shorter := e.key(keyrotor.ViewRotating, pastPeriod, failing("kms-period-within-cryptoperiod", keyrotor.Medium, "the period is 730 d"))
			e.change(shorter, keyrotor.SetPeriod, "kms-period-within-cryptoperiod", look(foundOn(365, keyrotor.Confirmed)))
			e.rotated(shorter, keyrotor.Succeeded, look(freshlyRotated()))
			text := htmlText(t, e.run)
			says(t, text, "Every key that can rotate automatically does.", "0 ✓ must rotate and do not", "2 ✓ rotate automatically",
				"0 ✓ past the cryptoperiod", "the period is 730 d ✓ good: cured by this run", "material is 1,095 d old ✓ good: cured by this run")
			saysNothingOf(t, text, "✗ needs action: fails", "✗ needs action: off")
		})
	}
}

func TestOfTwoChangesOfOneKeyTheWorseIsShown(t *testing.T) {
	e := newEstate()
	off := e.key(keyrotor.ViewTarget, pastPeriod)
	e.change(off, keyrotor.EnableRotation, "kms-rotation-on", nil)
	e.run.Outcomes[0].State = keyrotor.Failed
	e.rotated(off, keyrotor.Succeeded, nil)
	shorter := e.key(keyrotor.ViewRotating, pastPeriod, failing("kms-period-within-cryptoperiod", keyrotor.Medium, "the period is 730 d"))
	e.change(shorter, keyrotor.SetPeriod, "kms-period-within-cryptoperiod", foundOn(365, keyrotor.Confirmed))
	e.rotated(shorter, keyrotor.Failed, nil)
	says(t, htmlText(t, e.run), "1 of the 2 keys that can rotate automatically does not.",
		"kms-rotation-on, kms-material-within-cryptoperiod ✗ needs action: failed",
		"the period is 730 d ✓ good: cured by this run", "material is 1,095 d old ✗ needs action: fails")
}

// What verify saw while rotation was on says nothing of it once that was undone,
// though the other change of the key stands.
func TestAnUndoneChangeIsNotProvedByTheOtherOneOfItsKey(t *testing.T) {
	e := newEstate()
	both := e.key(keyrotor.ViewTarget, pastPeriod)
	e.change(both, keyrotor.EnableRotation, "kms-rotation-on", foundOn(365, keyrotor.Confirmed))
	e.rotated(both, keyrotor.Succeeded, freshlyRotated())
	for i := range e.run.Verifications {
		e.run.Verifications[i].At = testNow
	}
	e.run.TakenBack = map[keyrotor.ChangeID]report.TakenBack{e.plan.Changes[0].ID: {By: undoRunID, At: testNow.Add(24 * time.Hour)}}
	says(t, htmlText(t, e.run), "This run was undone in part. None of the 1 key that can rotate automatically does.",
		"off again: undone since", "0 ✓ past the cryptoperiod", "material is 1,095 d old ✓ good: cured by this run")
}

// Two changes of one key were undone by two changes: why the second one stayed
// was told of both.
func TestWhyAChangeStayedIsToldChangeByChange(t *testing.T) {
	run := undoRun()
	tagged := run.Undone.Plan.Changes[0]
	tagged.ID = "id-tagged"
	run.Undone.Plan.Changes = append(run.Undone.Plan.Changes, tagged)
	done := run.Undone.Outcomes[0]
	done.Change = tagged.ID
	run.Undone.Outcomes = append(run.Undone.Outcomes, done)
	second := run.Plan.Changes[0]
	second.ID = "u-2"
	run.Plan.Changes = append(run.Plan.Changes, second)
	run.Outcomes = append(run.Outcomes, keyrotor.Outcome{Change: "u-2", Recipe: "undo", Target: second.Target, Wave: 1, State: keyrotor.Skipped, Reason: "somebody made another tag since"})
	run.Undone.Reverted[tagged.ID] = "u-2"
	text := htmlText(t, run)
	says(t, text, "alias/back id-back payments-prod "+testAccount(0)+" eu-west-1 rotation off → every 365 d on, every 365 d somebody made another tag since")
}
