package report_test

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// undoRun takes back what a run did to four keys: one is taken back, one was
// given another period since, one was rotated, one cannot be looked at.
func undoRun() report.Run {
	const undone keyrotor.RunID = "20261101T000000Z-aaaa"
	on := func(period int) *keyrotor.RotationFacts {
		return &keyrotor.RotationFacts{On: true, PeriodDays: period}
	}
	asset := func(name string, r *keyrotor.RotationFacts) keyrotor.Asset {
		return keyrotor.Asset{Kind: keyrotor.KindKMSKey, ID: "id-" + name, ARN: "arn:" + name, Account: testAccount(0), Region: "eu-west-1",
			KMS: &keyrotor.KMSFacts{Aliases: []string{"alias/" + name}, State: "Enabled", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT", Origin: "AWS_KMS", KeyManager: "CUSTOMER", Rotation: r}}
	}
	keys := []keyrotor.Asset{asset("back", on(365)), asset("theirs", on(200)), asset("rotated", on(365)), asset("closed", nil)}
	old := keyrotor.Plan{Run: undone, Digest: testDigest(20)}
	var outcomes []keyrotor.Outcome
	for i, k := range keys {
		c := keyrotor.Change{ID: keyrotor.ChangeID(k.ID), Recipe: "enable-rotation", Target: k.Target(),
			Steps: []keyrotor.Step{{Number: 1, Verb: keyrotor.EnableRotation, Target: k.Target(), Params: keyrotor.Params{PeriodDays: 365}, Before: keyrotor.Before{RotationOn: new(false)}}}}
		if i == 2 {
			c.Steps[0].Verb, c.CannotUndo = keyrotor.RotateNow, "a rotation cannot be taken back"
		}
		old.Changes = append(old.Changes, c)
		outcomes = append(outcomes, keyrotor.Outcome{Run: undone, Change: c.ID, Target: c.Target, State: keyrotor.Succeeded,
			Receipts: []keyrotor.Receipt{{Change: c.ID, Step: 1, Verb: c.Steps[0].Verb}}})
	}
	back := keyrotor.Change{ID: "u-1", Recipe: "undo", Target: keys[0].Target(),
		Steps: []keyrotor.Step{{Number: 1, Verb: keyrotor.DisableRotation, Target: keys[0].Target(), Before: keyrotor.Before{RotationOn: new(true), PeriodDays: 365}}}}
	var seen []keyrotor.Assessment
	for _, k := range keys[:3] {
		seen = append(seen, keyrotor.Assessment{Asset: k, View: keyrotor.ViewRotating})
	}
	return report.Run{
		Now: testNow, Assessments: assessments(seen),
		Population: keyrotor.Population{Run: "20261121T101502Z-5f3c", Undoes: undone, Keys: 3, Customer: 3, Started: testNow, Ended: testNow, AccountsFrom: "the changes of run", RegionsFrom: "the changes of run"},
		Gaps:       []keyrotor.Gap{{Account: testAccount(0), Region: "eu-west-1", Asset: "arn:closed", Call: "kms:DescribeKey", Code: "AccessDeniedException", Cause: keyrotor.CauseOther}},
		Plan: &keyrotor.Plan{Run: "20261121T101502Z-5f3c", Undoes: undone, Digest: testDigest(21), Changes: []keyrotor.Change{back}, Waves: []keyrotor.Wave{{Number: 1, Changes: []keyrotor.ChangeID{"u-1"}}},
			Author: keyrotor.Author{Identity: "arn:aws:sts::999988887777:assumed-role/keyrotor/carol"}, Warnings: []string{"1 key left out: somebody set the period to 200 d since"}},
		Outcomes:      []keyrotor.Outcome{{Change: "u-1", Recipe: "undo", Target: back.Target, Wave: 1, State: keyrotor.Succeeded}},
		Verifications: []keyrotor.Verification{{Change: "u-1", Target: back.Target, Verdict: keyrotor.Confirmed, At: testNow}},
		Undone:        &report.Undone{Plan: old, Outcomes: outcomes, Reverted: map[keyrotor.ChangeID]keyrotor.ChangeID{"id-back": "u-1"}, Accounts: []keyrotor.Account{{ID: testAccount(0), Name: "payments-prod"}}},
	}
}

var tags = regexp.MustCompile(`(?s)<(style|script).*?</(style|script)>|<[^>]+>`)

// htmlText is what the report says, without its markup.
func htmlText(t *testing.T, run report.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, run); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(b.String(), " "))), " ")
}

func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("does not say %q in:\n%s", w, text)
		}
	}
}

func saysNothingOf(t *testing.T, text string, unwanted ...string) {
	t.Helper()
	for _, w := range unwanted {
		if strings.Contains(text, w) {
			t.Errorf("says %q in:\n%s", w, text)
		}
	}
}

func TestTheReportOfAnUndoSpeaksOfTheUndoneRun(t *testing.T) {
	text := htmlText(t, undoRun())
	says(t, text,
		"Run 20261101T000000Z-aaaa was undone in part: 1 of its 4 changes was taken back.",
		"This run switched rotation off again for 1 key. A second, independent look confirmed it.",
		"1 change was left as others made it since, 1 change cannot be taken back and 1 change could not be looked at.",
		"This page says nothing of any other key",
		"alias/theirs id-theirs payments-prod", "somebody set it to every 200 d since",
		"alias/rotated", "a rotation cannot be taken back",
		"alias/closed", "it could not be looked at: AccessDeniedException on kms:DescribeKey",
		"Keys chosen by the changes of run 20261101T000000Z-aaaa", string(testDigest(20)),
		"Identity arn:aws:sts::999988887777:assumed-role/keyrotor/carol",
	)
	saysNothingOf(t, text, "can rotate automatically", "Coverage", "Target list", "customer managed", "Next rotations", "Findings", "active account",
		"No place was read", "left out: somebody") // the table names that key
}

func TestAnUndoSaysHowFarItCame(t *testing.T) {
	for name, c := range map[string]struct {
		alter func(*report.Run)
		want  string
	}{
		"whole": {func(r *report.Run) { r.Undone.Outcomes = r.Undone.Outcomes[:1] }, "was undone: its one change was taken back."},
		"only planned": {func(r *report.Run) { r.Outcomes, r.Verifications = nil, nil },
			"is not undone: a plan that takes back 1 of its 4 changes has not been carried out."},
		"not planned": {func(r *report.Run) { r.Plan, r.Outcomes, r.Verifications = nil, nil, nil }, "is not undone: no plan was made to take it back."},
		"failed":      {func(r *report.Run) { r.Outcomes[0].State = keyrotor.Failed }, "Nothing of run 20261101T000000Z-aaaa was undone."},
		"found otherwise": {func(r *report.Run) { r.Verifications[0].Verdict = keyrotor.Discrepant },
			"was undone, and a second look found 1 change otherwise."},
		"the other run is elsewhere": {func(r *report.Run) { r.Undone = nil }, "The record of run 20261101T000000Z-aaaa is not at hand here"},
		"not chosen": {func(r *report.Run) {
			r.Undone.Plan.Changes[2].CannotUndo, r.Undone.Plan.Changes[2].Steps[0].Verb = "", keyrotor.EnableRotation
			r.Undone.Outcomes[2].Receipts[0].Verb = keyrotor.EnableRotation
		}, "1 change was not chosen"},
	} {
		t.Run(name, func(t *testing.T) {
			run := undoRun()
			c.alter(&run)
			says(t, htmlText(t, run), c.want)
		})
	}
}

func TestTheTerminalNamesTheUndoneRun(t *testing.T) {
	run := undoRun()
	var b bytes.Buffer
	if err := report.PlanText(&b, *run.Plan, testNow, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "1 change in 1 wave, to take back what run 20261101T000000Z-aaaa did")
	b.Reset()
	if err := report.ApplyText(&b, *run.Plan, run.Outcomes, testNow.Add(time.Minute), nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "undoes run 20261101T000000Z-aaaa", "rotation is off again for 1 key; nothing is half done")
	b.Reset()
	if err := report.AssessText(&b, run, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "This run takes back run 20261101T000000Z-aaaa: it looked at the 3 keys")
}
