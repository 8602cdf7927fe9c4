package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// estate is a run over keys of three years, of which it was to switch on those
// of the target list; test cases alter what became of that.
type estate struct {
	run  report.Run
	plan keyrotor.Plan
	keys []keyrotor.Assessment
}

func newEstate() *estate {
	e := &estate{}
	e.run.Now, e.run.Rules = testNow, testRules()
	e.run.Population = keyrotor.Population{Run: "20261121T101502Z-5f3c", Ended: testNow.Add(-time.Hour)}
	return e
}

// key adds a key to the estate, last in name and order.
func (e *estate) key(view keyrotor.View, alter ...func(*keyrotor.Assessment)) keyrotor.Assessment {
	since := testNow.AddDate(-3, 0, 0)
	id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", len(e.keys))
	a := keyrotor.Assessment{View: view, Asset: keyrotor.Asset{ID: id, ARN: "arn:" + id, Account: testAccount(0), Region: "us-east-1",
		KMS: &keyrotor.KMSFacts{Aliases: []string{fmt.Sprintf("alias/key-%d", len(e.keys))}, State: "Enabled", KeyManager: "CUSTOMER", Created: since, Material: &keyrotor.MaterialFacts{Since: since},
			Rotation: &keyrotor.RotationFacts{On: view == keyrotor.ViewRotating}}}}
	verdict := keyrotor.Pass
	if view == keyrotor.ViewTarget {
		verdict = keyrotor.Fail
	}
	a.Findings = []keyrotor.Finding{{Rule: "kms-rotation-on", Severity: keyrotor.High, Verdict: verdict, Message: "rotation is off"}}
	for _, f := range alter {
		f(&a)
	}
	e.keys = append(e.keys, a)
	e.run.Assessments = assessments(e.keys)
	return a
}

// change adds a change to a key that succeeded, and what a second look found.
func (e *estate) change(a keyrotor.Assessment, verb keyrotor.Verb, why string, found *keyrotor.Verification) {
	id := keyrotor.ChangeID("c-" + a.Asset.ID)
	e.plan.Changes = append(e.plan.Changes, keyrotor.Change{ID: id, Target: a.Asset.Target(), Why: []string{why},
		Steps: []keyrotor.Step{{Number: 1, Verb: verb, Params: keyrotor.Params{PeriodDays: 365}}}})
	e.run.Plan = &e.plan
	e.run.Outcomes = append(e.run.Outcomes, keyrotor.Outcome{Change: id, Target: a.Asset.Target(), State: keyrotor.Succeeded, Started: testNow, Ended: testNow})
	if found != nil {
		found.Change, found.Target, found.Promised = id, a.Asset.Target(), "on, every 365 d"
		e.run.Verifications = append(e.run.Verifications, *found)
	}
}

func foundOn(period int, verdict keyrotor.VerificationVerdict) *keyrotor.Verification {
	next := testNow.AddDate(0, 0, period)
	return &keyrotor.Verification{Verdict: verdict, Found: fmt.Sprintf("on, every %d d", period), Next: &next,
		Key: &keyrotor.FoundKey{State: "Enabled", Rotation: &keyrotor.RotationFacts{On: true, PeriodDays: period, Next: &next}}}
}

func foundOff() *keyrotor.Verification {
	return &keyrotor.Verification{Verdict: keyrotor.Discrepant, Found: "off", Key: &keyrotor.FoundKey{State: "Enabled", Rotation: &keyrotor.RotationFacts{}}}
}

// A later run had set another period; the report of the first one said that
// keys which verify had found on do not rotate.
func TestAKeyWithAnotherPeriodThanPromisedRotates(t *testing.T) {
	e := newEstate()
	for range 7 {
		e.change(e.key(keyrotor.ViewTarget), keyrotor.EnableRotation, "kms-rotation-on", foundOn(180, keyrotor.Discrepant))
	}
	e.change(e.key(keyrotor.ViewTarget), keyrotor.EnableRotation, "kms-rotation-on", foundOn(365, keyrotor.Confirmed))
	for range 7 {
		e.key(keyrotor.ViewRotating)
	}
	text := htmlText(t, e.run)
	says(t, text,
		"Every key that can rotate automatically does; 7 with another period than this run promised.",
		"0 ✓ must rotate and do not", "15 ✓ rotate automatically", "100 % 15 of 15",
		"found on, every 180 d; not as promised", "on, confirmed",
	)
	saysNothingOf(t, text, "do not.", "found otherwise Why", "switched on, found otherwise")
}

func TestAKeyFoundOffDoesNotRotateWhateverItWas(t *testing.T) {
	e := newEstate()
	e.change(e.key(keyrotor.ViewTarget), keyrotor.EnableRotation, "kms-rotation-on", foundOff())
	e.change(e.key(keyrotor.ViewRotating), keyrotor.SetPeriod, "kms-period-within-cryptoperiod", foundOff())
	e.key(keyrotor.ViewRotating)
	says(t, htmlText(t, e.run), "2 of the 3 keys that can rotate automatically do not.", "33 % 1 of 3", "done, and found off", "off now")
}

func TestFindingsSayOfWhenTheyAre(t *testing.T) {
	e := newEstate()
	for range 3 {
		e.change(e.key(keyrotor.ViewTarget), keyrotor.EnableRotation, "kms-rotation-on", foundOn(365, keyrotor.Confirmed))
	}
	e.key(keyrotor.ViewTarget)
	e.change(e.key(keyrotor.ViewRotating, failing("kms-period-within-cryptoperiod", keyrotor.Medium, "the period is 730 d")), keyrotor.SetPeriod, "kms-period-within-cryptoperiod", foundOn(365, keyrotor.Confirmed))
	text := htmlText(t, e.run)
	says(t, text,
		"Findings by rule, as read on 21 November 2026, before the changes",
		"Fail now", "automatic rotation is on where KMS offers it 4 ✗ needs action: 1 0 0 1",
		"the rotation period fits the cryptoperiod 1 ✓ good: 0 0 0 0",
		"the period is 730 d ✓ good: cured by this run",
	)
	e.run.Outcomes, e.run.Verifications = nil, nil
	saysNothingOf(t, htmlText(t, e.run), "Fail now", "before the changes", "cured")
}

// failing makes a key fail a rule besides what it fails already.
func failing(rule string, severity keyrotor.Severity, message string) func(*keyrotor.Assessment) {
	return func(a *keyrotor.Assessment) {
		a.Findings = append(a.Findings, keyrotor.Finding{Rule: rule, Severity: severity, Verdict: keyrotor.Fail, Message: message})
	}
}

func TestEnabledIsNotRotatedIsTheSameFigureEverywhere(t *testing.T) {
	e := newEstate()
	next := testNow.AddDate(0, 0, 23)
	for range 2 {
		e.key(keyrotor.ViewRotating, func(a *keyrotor.Assessment) { a.Asset.KMS.Rotation.Next = &next })
	}
	e.change(e.key(keyrotor.ViewTarget), keyrotor.EnableRotation, "kms-rotation-on", foundOn(365, keyrotor.Confirmed))
	e.key(keyrotor.ViewTarget) // old too, and off: not enabled
	e.key(keyrotor.ViewNotEligible)
	got, err := report.EnabledNotRotated(e.run)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report.Aged{Before: 2, Now: 3, First: next}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	says(t, htmlText(t, e.run), "Enabled is not rotated: 3 keys are set to rotate and still hold material older than a year (2 before this run). The first of them rotates by itself on 14 December 2026; keyrotor plan --rotate-overdue proposes to rotate now, once.")
	var b bytes.Buffer
	if err := report.AssessText(&b, e.run, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "Enabled is not rotated: 2 keys are set to rotate", "All of this is as the scan read it: 1 change was made since")
}

func TestKeysWithCriticalFindingsCanBeFound(t *testing.T) {
	e := newEstate()
	for i := range 2 {
		e.key(keyrotor.ViewRotating, failing("kms-public-policy", keyrotor.Critical, fmt.Sprintf("allows everybody, %d", i)))
	}
	for range 7 {
		e.key(keyrotor.ViewTarget, failing("kms-usable-from-outside", keyrotor.High, "usable by 999988887777"))
	}
	e.key(keyrotor.ViewTarget, failing("kms-owner-tag", keyrotor.Low, "no tag names an owner"))
	e.run.Rules = append(e.run.Rules, keyrotor.RuleInfo{ID: "kms-public-policy", Severity: keyrotor.Critical}, keyrotor.RuleInfo{ID: "kms-usable-from-outside", Severity: keyrotor.High})
	says(t, htmlText(t, e.run),
		"Critical: 2 keys are open to everybody:",
		"alias/key-1 "+e.keys[1].Asset.ID+" "+testAccount(0)+" us-east-1 – kms-public-policy critical allows everybody, 1",
		"alias/key-9 "+e.keys[9].Asset.ID+" "+testAccount(0)+" us-east-1 – kms-owner-tag low")
	saysNothingOf(t, htmlText(t, e.run), "kms-rotation-on high rotation is off") // the target list has them
	var b bytes.Buffer
	if err := report.AssessText(&b, e.run, nil, report.Style{Width: 80}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(),
		"✗ kms-public-policy critical 2 keys fail\n  alias/key-0  "+testAccount(0)+"  us-east-1  allows everybody, 0\n",
		"✗ kms-usable-from-outside high 7 keys fail\n", "  and 2 more: --rule kms-usable-from-outside\n")
	saysNothingOf(t, b.String(), "kms-owner-tag low 1 key", "✗ kms-rotation-on high")
}

func TestOneRuleIsShownKeyByKey(t *testing.T) {
	e := newEstate()
	for i := range 12 {
		e.key(keyrotor.ViewRotating, failing("kms-owner-tag", keyrotor.Low, "no tag names an owner"))
		if i < 2 {
			e.keys[i].Findings[1].Verdict = keyrotor.Unknown
		}
	}
	e.run.Rules = []keyrotor.RuleInfo{{ID: "kms-owner-tag", Severity: keyrotor.Low, Title: "The key has an owner"}}
	var b bytes.Buffer
	if err := report.RuleText(&b, e.run, "kms-owner-tag", nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "! kms-owner-tag low · The key has an owner\n", "10 keys fail\n", "2 keys: unknown, a fact was not read\n  alias/key-0 ", "0 keys pass\n")
	if n := strings.Count(b.String(), "alias/"); n != 12 {
		t.Errorf("got %d keys, want 12:\n%s", n, b.String())
	}
}
