package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// lapsedWaiver is the finding that an expired waiver is: it stands behind the keys.
func lapsedWaiver() keyrotor.Assessment {
	return keyrotor.Assessment{
		Asset: keyrotor.Asset{Kind: keyrotor.KindWaiver, ID: "waivers.yaml:7"},
		Findings: []keyrotor.Finding{{
			Rule: "waiver-expired", Severity: keyrotor.Medium, Verdict: keyrotor.Fail, Message: "the waiver of kms-rotation-on ended",
		}},
	}
}

func TestAnExpiredWaiverIsAFindingOnEveryFaceAndNoKeyOnAny(t *testing.T) {
	run := realisticRun(40)
	run.Outcomes, run.Plan = nil, nil
	faces := map[string]func(report.Run) (string, error){
		"html": func(r report.Run) (string, error) { return htmlText(t, r), nil },
		"markdown": func(r report.Run) (string, error) {
			var b bytes.Buffer
			err := report.MarkdownReport(&b, r)
			return b.String(), err
		},
		"terminal": func(r report.Run) (string, error) {
			var b bytes.Buffer
			err := report.RuleText(&b, r, "waiver-expired", nil, report.Style{})
			return b.String(), err
		},
		"csv": func(r report.Run) (string, error) {
			var b bytes.Buffer
			err := report.Write(&b, report.CSV, report.AssessmentRows(r.Assessments))
			return b.String(), err
		},
		"json": func(r report.Run) (string, error) {
			var b bytes.Buffer
			err := report.Write(&b, report.JSON, report.AssessmentRows(r.Assessments))
			return b.String(), err
		},
	}
	keys := run.Assessments
	run.Rules = append(run.Rules, keyrotor.RuleInfo{ID: "waiver-expired", Severity: keyrotor.Medium, Title: "No waiver has expired"})
	before := summaryOf(t, run)
	run.Assessments = func(yield func(keyrotor.Assessment) error) error {
		if err := keys(yield); err != nil {
			return err
		}
		return yield(lapsedWaiver())
	}
	for name, face := range faces {
		text, err := face(run)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "waivers.yaml:7") || !strings.Contains(text, "waiver-expired") {
			t.Errorf("%s does not name the waiver that ended", name)
		}
		if strings.Contains(text, "no alias waivers") || strings.Contains(text, "1 key fails") {
			t.Errorf("%s takes the waiver for a key", name)
		}
	}
	if after := summaryOf(t, run); before != after {
		t.Errorf("the table of keys has changed by a waiver:\n%s\n%s", before, after)
	}
}

// summaryOf is the terminal's table of views, which counts keys.
func summaryOf(t *testing.T, run report.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.AssessText(&b, run, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(b.String(), "FINDINGS")
	return head
}

func TestAGapNamesTheExpectationThatEnded(t *testing.T) {
	ended := &keyrotor.ExpectedGap{Reason: "until the move", Approver: "carol@example.com", Until: time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC)}
	run := realisticRun(5)
	run.Gaps = []keyrotor.Gap{{Account: testAccount(0), Region: "eu-west-1", Call: "kms:ListKeys", Code: "AccessDenied", Cause: keyrotor.CauseSCP, Lapsed: ended}}
	const want = "expectation ended on 31 Oct 2026, approved by carol@example.com: until the move"
	var b bytes.Buffer
	if err := report.ScanText(&b, run, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), want)
	says(t, htmlText(t, run), want)
}

func TestAWaiverIsNotMarkedAsEndedOnItsLastDay(t *testing.T) {
	today := testNow.Truncate(24 * time.Hour)
	marked := func(until time.Time) string {
		run := report.Run{Now: testNow, Waivers: []keyrotor.Exemption{{Rule: "r", Match: "m", Reason: "x", Until: until, Signer: "alice@example.com"}}}
		var b bytes.Buffer
		if err := report.HTML(&b, run); err != nil {
			t.Fatal(err)
		}
		_, table, _ := strings.Cut(b.String(), `id="waivers"`)
		table, _, _ = strings.Cut(table, "</table>")
		return table
	}
	if text := marked(today.AddDate(0, 0, -1)); !strings.Contains(text, "bad") {
		t.Errorf("a waiver of yesterday is not marked:\n%s", text)
	}
	if text := marked(today); strings.Contains(text, "bad") {
		t.Errorf("one that holds through today is marked as ended:\n%s", text)
	}
}
