package report_test

import (
	"bytes"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

func planText(t *testing.T, p keyrotor.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.PlanText(&b, p, testNow, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func onePlan(steps ...keyrotor.Step) keyrotor.Plan {
	c := keyrotor.Change{ID: "c1", Target: keyrotor.Target{Account: testAccount(0), Region: "us-east-1", ID: "k1", Name: "alias/a"}, Steps: steps}
	return keyrotor.Plan{Changes: []keyrotor.Change{c}, Waves: []keyrotor.Wave{{Number: 1, Changes: []keyrotor.ChangeID{"c1"}}}}
}

func TestAPlanSaysWhenAKeyWillRotateFirst(t *testing.T) {
	off := keyrotor.Before{RotationOn: new(false)}
	says(t, planText(t, onePlan(keyrotor.Step{Verb: keyrotor.EnableRotation, Before: off, Params: keyrotor.Params{PeriodDays: 90}})),
		"off → every 90 d  next "+report.Day(testNow.AddDate(0, 0, 90), testNow))
	// What a new period does to a clock that runs already is not documented.
	for _, s := range []keyrotor.Step{{Verb: keyrotor.SetPeriod, Params: keyrotor.Params{PeriodDays: 90}}, {Verb: keyrotor.RotateNow}, {Verb: keyrotor.DisableRotation}} {
		saysNothingOf(t, planText(t, onePlan(s)), " next ")
	}
}

func TestAPlanNamesThePlaceWithTheMostCalls(t *testing.T) {
	p := onePlan(keyrotor.Step{Verb: keyrotor.EnableRotation})
	p.Budget = []keyrotor.CallBudget{
		{Account: "1", Region: "a", Call: "kms:DescribeKey", Count: 40, Verify: 40, PerSecond: 2000},
		{Account: "1", Region: "a", Call: "kms:EnableKeyRotation", Count: 40, PerSecond: 15},
		{Account: "2", Region: "b", Call: "kms:DescribeKey", Count: 3, Verify: 3, PerSecond: 2000},
		{Account: "2", Region: "b", Call: "kms:ListAliases", Verify: 3, PerSecond: 500},
	}
	says(t, planText(t, p), "83 (43 DescribeKey, 40 EnableKeyRotation); verify makes 46 more\n", "at most in one account and Region, 1/a: 80 calls; 15 EnableKeyRotation a second\n")
	p.Budget = p.Budget[:2]
	says(t, planText(t, p), "all in 1/a; 15 EnableKeyRotation a second\n")
}

func TestTheTemplateOfAKeyHidesNoWarningOfItsChange(t *testing.T) {
	const grants = "tags can grant or take access: a policy elsewhere may have a condition on owner"
	p := onePlan(keyrotor.Step{Verb: keyrotor.TagKey, Params: keyrotor.Params{Tags: map[string]string{"owner": "a"}}})
	c := &p.Changes[0]
	c.Seen.ManagedBy, c.Template = &keyrotor.Manager{Tool: "terraform", Name: "eks"}, "tags = { owner = \"a\" }"
	c.Warning = grants + "; terraform eks owns this key: its next deployment may take this back unless the template says the same"
	text := planText(t, p)
	says(t, text, "! terraform; "+grants)
	saysNothingOf(t, text, "owns this key")
	for _, format := range []report.Format{report.CSV, report.Markdown} {
		var b bytes.Buffer
		if err := report.Write(&b, format, report.PlanRows(p)); err != nil {
			t.Fatal(err)
		}
		says(t, b.String(), "warning", grants)
	}
}
