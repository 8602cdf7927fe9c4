package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// pastPeriod makes a key fail the rule of its material.
func pastPeriod(a *keyrotor.Assessment) {
	failing("kms-material-within-cryptoperiod", keyrotor.High, "material is 1,095 d old")(a)
}

func TestSwitchedOnIsNotRotatedAndHasAFigureOfItsOwn(t *testing.T) {
	e := newEstate()
	e.change(e.key(keyrotor.ViewTarget, pastPeriod), keyrotor.EnableRotation, "kms-rotation-on", foundOn(365, keyrotor.Confirmed))
	e.key(keyrotor.ViewRotating, pastPeriod)
	e.key(keyrotor.ViewTarget, pastPeriod)
	fresh := func(a *keyrotor.Assessment) { a.Asset.KMS.Material.Since = testNow.AddDate(0, -1, 0) }
	e.key(keyrotor.ViewRotating, fresh)
	e.key(keyrotor.ViewRotating, func(a *keyrotor.Assessment) {
		pastPeriod(a)
		a.Findings[len(a.Findings)-1].Verdict = keyrotor.Waived
	})
	text := htmlText(t, e.run)
	says(t, text,
		"3 ✗ past the cryptoperiod 2 of them set to rotate: switched on is not rotated; 1 more waived",
		"4 rotate automatically 3 before this run, 2 with old material",
		"2 rotate", "2 are set to rotate, with material past the cryptoperiod",
		"set to rotate, its material older than a year: not rotated yet",
	)
	saysNothingOf(t, text, "✓ rotate automatically")
	// What is only switched on stands before what was switched on.
	if aged, done := strings.Index(text, "Enabled is not rotated"), strings.Index(text, "This run switched rotation on"); aged < 0 || done < aged {
		t.Errorf("the sentence of old material stands at %d, what was done at %d", aged, done)
	}
}

func TestWhatWasRotatedIsNotPastItsPeriod(t *testing.T) {
	e := newEstate()
	found := foundOn(365, keyrotor.Confirmed)
	found.Key.MaterialSince = testNow
	e.change(e.key(keyrotor.ViewRotating, pastPeriod), keyrotor.RotateNow, "kms-material-within-cryptoperiod", found)
	text := htmlText(t, e.run)
	says(t, text, "0 ✓ past the cryptoperiod no material is older than it may be", "1 ✓ rotates automatically")
}

func TestWithoutTheRuleAYearIsTheMeasure(t *testing.T) {
	e := newEstate()
	e.run.Rules = e.run.Rules[:1]
	e.key(keyrotor.ViewRotating)
	e.key(keyrotor.ViewTarget)
	says(t, htmlText(t, e.run), "2 ✗ with material older than a year 1 of them set to rotate")
}

func TestWhatIsNotOfAWSSaysSoOnEveryFace(t *testing.T) {
	const words = "from http://127.0.0.1:4599, not from AWS's own endpoints"
	run := reachRun(false).run
	saysNothingOf(t, htmlText(t, run)+scanText(t, run), "own endpoints.", "not from AWS")
	says(t, htmlText(t, run), "Answered by AWS's own endpoints")
	run.Population.Endpoints = []string{"http://127.0.0.1:4599"}
	says(t, htmlText(t, run), "! Read "+words+". KMS key rotation", "Answered by http://127.0.0.1:4599")
	says(t, scanText(t, run), "! read "+words+"\n")
	var b bytes.Buffer
	if err := report.MarkdownReport(&b, run); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "> ! Read "+words+".")
}
