package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// Rows of one rule did not say what it found: a failure, a waiver and an unknown
// looked alike but for their other columns.
func TestRowsOfOneRuleSayWhatItFound(t *testing.T) {
	const rule = "kms-owner-tag"
	e := newEstate()
	for _, verdict := range []keyrotor.Verdict{keyrotor.Fail, keyrotor.Waived, keyrotor.Unknown, keyrotor.Pass, keyrotor.NotApplicable} {
		e.key(keyrotor.ViewTarget, failing(rule, keyrotor.Low, "says "+string(verdict)), func(a *keyrotor.Assessment) {
			f := &a.Findings[1]
			f.Verdict = verdict
			if verdict == keyrotor.Waived {
				f.Waiver = &keyrotor.AppliedWaiver{Until: time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)}
			}
		})
	}
	var b bytes.Buffer
	if err := report.Write(&b, report.CSV, report.RuleFindingRows(e.run.Assessments, rule)); err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, row := range table {
		got = append(got, append([]string{row[1]}, row[len(row)-4:]...))
	}
	want := [][]string{
		{"key", "rule", "verdict", "message", "waived_until"},
		{"alias/key-0", rule, "fail", "says fail", ""},
		{"alias/key-1", rule, "waived", "says waived", "2027-03-31T00:00:00Z"},
		{"alias/key-2", rule, "unknown", "says unknown", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	b.Reset()
	if err := report.Write(&b, report.JSON, report.RuleFindingRows(e.run.Assessments, rule)); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(&b)
	for _, row := range want[1:] {
		var line struct {
			Body keyrotor.Assessment `json:"body"`
		}
		if err := dec.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if f := line.Body.Findings; len(f) != 1 || f[0].Rule != rule || string(f[0].Verdict) != row[2] || f[0].Message != row[3] {
			t.Errorf("of %s stand %+v, want the finding of %s alone", row[0], f, rule)
		}
	}
}

// At 80 columns the reason was left away, and nobody was told.
func TestTheReasonOfAFailureOutlivesANarrowTerminal(t *testing.T) {
	e := newEstate()
	e.key(keyrotor.ViewNotEligible, failing("kms-imported-material-expiring", keyrotor.High, "imported material expires on 26 Nov 2026"), func(a *keyrotor.Assessment) {
		a.Asset.KMS.Aliases = []string{"alias/ml/reports-prod-943-of-some-length"}
		a.Asset.Region = "ap-southeast-2"
	})
	for _, width := range []int{60, 72, 80, 100} {
		text := assessText(t, e.run, width)
		says(t, text, testAccount(0))
		says(t, strings.Join(strings.Fields(text), " "), "imported material expires on 26 Nov 2026")
	}
	says(t, assessText(t, e.run, 80), "ap-southeast-2\n      imported material expires on 26 Nov 2026\n")
}
