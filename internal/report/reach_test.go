package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// reachRun is an estate whose management account was not entered; there every
// other place answered.
func reachRun(foreseen bool) *estate {
	e := newEstate()
	e.key(keyrotor.ViewRotating)
	e.run.Places = []keyrotor.Place{{Account: testAccount(0), AccountName: "payments-prod", Region: "us-east-1", Status: keyrotor.PlaceRead}}
	e.run.Population.Accounts = []keyrotor.Account{{ID: testAccount(0), Name: "payments-prod"}, {ID: testAccount(1), Name: "management"}}
	e.run.Population.Places, e.run.Population.Read = 1, 1
	e.run.Gaps = []keyrotor.Gap{
		{Account: testAccount(1), Call: "sts:AssumeRole", Code: "NotConfigured", Cause: keyrotor.CauseNoRole},
		{Account: testAccount(0), Region: "us-east-1", Asset: "arn:closed", Call: "kms:DescribeKey", Code: "AccessDeniedException", Cause: keyrotor.CauseKeyPolicy},
	}
	e.run.Population.Gaps = len(e.run.Gaps)
	if foreseen {
		e.run.Population.Expected = len(e.run.Gaps)
		for i := range e.run.Gaps {
			e.run.Gaps[i].Expected = &keyrotor.ExpectedGap{Reason: "the vault team's", Approver: "ciso@example.com", Until: testNow.AddDate(0, 2, 0)}
		}
	}
	return e
}

func scanText(t *testing.T, run report.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.ScanText(&b, run, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAForeseenGapIsAHoleAllTheSame(t *testing.T) {
	run := reachRun(true).run
	text := htmlText(t, run)
	says(t, text,
		"Scope 1 of 2 accounts read, 1 customer managed key",
		"2 – could not be read 1 of 2 accounts closed to us, all foreseen",
		"Every key that we could read and that can rotate automatically does; what could not be read was foreseen.",
		"2 gaps in the reading, all foreseen by the configuration: the figures are without what refused us. 1 of 2 accounts were read, not management (foreseen).",
		"management "+testAccount(1)+" – not read foreseen",
	)
	saysNothingOf(t, text, "every place answered", "Scope 2 accounts")
	scan := scanText(t, run)
	says(t, scan, "~ 1 of 2 accounts, 1 of 1 place read", "~ 2 gaps, all foreseen by the configuration: the totals are without what refused us", "the vault team's (ciso@example.com")
	saysNothingOf(t, scan, "✓", "more gap")
}

func TestAnAccountThatWasNotReadIsARowAndNoPlace(t *testing.T) {
	run := reachRun(false).run
	text := htmlText(t, run)
	says(t, text,
		"Scope 1 of 2 accounts read", "2 ! could not be read 1 of 2 accounts closed to us",
		"2 gaps in the reading: the figures are without what refused us. 1 of 2 accounts were read, not management.",
		"management "+testAccount(1)+" ! attention: not read",
	)
	saysNothingOf(t, text, "every place answered", "foreseen by")
	says(t, scanText(t, run), "! 1 of 2 accounts, 1 of 1 place read", "! 2 gaps: the totals are without what refused us")
}

func TestAPlaceThatRefusedUsForeseenSaysSo(t *testing.T) {
	e := reachRun(true)
	e.run.Places = append(e.run.Places, keyrotor.Place{Account: testAccount(1), Region: "us-east-1", Status: keyrotor.PlaceRead},
		keyrotor.Place{Account: testAccount(1), Region: "eu-west-1", Status: keyrotor.PlaceGap})
	e.run.Population.Places, e.run.Population.Read = 3, 2
	e.run.Gaps[0] = keyrotor.Gap{Account: testAccount(1), Region: "eu-west-1", Call: "kms:ListKeys", Code: "AccessDeniedException", Cause: keyrotor.CauseSCP, Expected: e.run.Gaps[0].Expected}
	e.run.Gaps[1].Expected = nil
	text := htmlText(t, e.run)
	says(t, text, "Scope 2 accounts, 1 customer", "2 ! could not be read 1 of 3 places closed to us, 1 foreseen",
		"1 gap in the reading, and 1 more foreseen by the configuration: the figures are without what refused us.", "– not read foreseen")
	says(t, scanText(t, e.run), "! 2 of 3 places read", "! 1 gap: the totals", "~ 1 more gap foreseen by the configuration")
}

func TestWhereEverythingAnsweredTheReportSaysSo(t *testing.T) {
	e := reachRun(false)
	e.run.Gaps, e.run.Population.Accounts = nil, e.run.Population.Accounts[:1]
	text := htmlText(t, e.run)
	says(t, text, "0 ✓ could not be read every place answered", "Scope 1 account, ", "Every key that can rotate automatically does.")
	saysNothingOf(t, text, "in the reading", "foreseen")
	if scan := scanText(t, e.run); !strings.HasPrefix(scan, "✓ 1 of 1 place read") {
		t.Errorf("got %q", scan)
	}
}
