package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

const policyARN = "arn:aws:organizations::111111111111:policy/o-x/service_control_policy/p-1"

// mixedRun holds changes of three kinds, of which one account refuses twelve.
func mixedRun() (keyrotor.Plan, []keyrotor.Outcome) {
	plan := keyrotor.Plan{Run: "r", Digest: testDigest(1)}
	var outcomes []keyrotor.Outcome
	add := func(account, name string, verb keyrotor.Verb, alter func(*keyrotor.Outcome)) {
		n := len(plan.Changes)
		target := keyrotor.Target{Account: account, Region: "eu-west-1", ID: fmt.Sprintf("id-%02d", n), ARN: fmt.Sprintf("arn:aws:kms:eu-west-1:%s:key/id-%02d", account, n), Name: "alias/" + name}
		c := keyrotor.Change{ID: keyrotor.ChangeID(target.ID), Target: target, Steps: []keyrotor.Step{{Number: 1, Verb: verb, Target: target, Params: keyrotor.Params{PeriodDays: 365}}}}
		o := keyrotor.Outcome{Change: c.ID, Target: target, Wave: 1, State: keyrotor.Succeeded}
		if alter != nil {
			alter(&o)
		}
		plan.Changes, outcomes = append(plan.Changes, c), append(outcomes, o)
	}
	for i := range 3 {
		add(testAccount(0), fmt.Sprintf("on-%d", i), keyrotor.EnableRotation, nil)
	}
	add(testAccount(0), "longer", keyrotor.SetPeriod, nil)
	add(testAccount(0), "fresh", keyrotor.RotateNow, nil)
	for i := range 12 {
		add(testAccount(1), fmt.Sprintf("no-%d", i), keyrotor.EnableRotation, func(o *keyrotor.Outcome) {
			if i >= 5 {
				o.State, o.Reason = keyrotor.NotStarted, "account "+o.Target.Account+" stopped after 5 failures: step 1 (enable-rotation): …"
				return
			}
			o.State = keyrotor.Failed
			o.Error = &keyrotor.CallError{Call: "kms:EnableKeyRotation", Code: "AccessDeniedException", RequestID: fmt.Sprintf("req-%d", i),
				Message: "User: arn:aws:sts::1:assumed-role/keyrotor-apply/s is not authorized to perform: kms:EnableKeyRotation on resource: " + o.Target.ARN + " with an explicit deny in a service control policy: " + policyARN}
			o.Reason = "step 1 (enable-rotation): kms key " + o.Target.String() + ": " + o.Error.Message
		})
	}
	return plan, outcomes
}

func TestApplySaysEachCauseOnce(t *testing.T) {
	plan, outcomes := mixedRun()
	var b bytes.Buffer
	if err := report.ApplyText(&b, plan, outcomes, testNow, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	says(t, text,
		"✗ 12 changes not done (5 failed, 7 not started) in account "+testAccount(1)+": denied by a service control policy on kms:EnableKeyRotation\n",
		"alias/no-0 eu-west-1, alias/no-1 eu-west-1, alias/no-2 eu-west-1, and 9 more: --all-rows\n",
		"What holds now  5 of 17 changes done: 3 keys rotate that did not, 1 key has another rotation period, 1 key has new key material; nothing is half done; 12 changes of one account open\n",
		"Why             role keyrotor-apply in account "+testAccount(1)+": denied by a service control policy on kms:EnableKeyRotation\n",
		"service control policy: "+policyARN+" (request req-0)\n", // whole: who mends it needs the id
	)
	if n := strings.Count(text, "is not authorized to perform"); n != 1 {
		t.Errorf("AWS's message stands there %d times, want once:\n%s", n, text)
	}
}

func TestSkippedForOneReasonIsOneLine(t *testing.T) {
	plan, outcomes := mixedRun()
	for i := range outcomes {
		outcomes[i].State, outcomes[i].Reason, outcomes[i].Error = keyrotor.Skipped, "pending deletion", nil
	}
	var b bytes.Buffer
	if err := report.ApplyText(&b, plan, outcomes, testNow, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "– 17 changes: skipped, pending deletion\n", "What holds now  nothing was changed; nothing is half done\n")
}

func TestRemediesFitTheCause(t *testing.T) {
	for name, c := range map[string]struct {
		call, code, message string
		want                []string
	}{
		"a service control policy": {"kms:EnableKeyRotation", "AccessDeniedException", "with an explicit deny in a service control policy: p", []string{"keyrotor iam-policy --role apply apply"}},
		"the role's own policy":    {"kms:EnableKeyRotation", "AccessDeniedException", "because no identity-based policy allows it", []string{"keyrotor iam-policy --role apply apply"}},
		"the role cannot be had":   {"sts:AssumeRole", "AccessDenied", "not authorized", []string{"keyrotor doctor --all"}},
		"the key's policy":         {"kms:EnableKeyRotation", "AccessDeniedException", "because no resource-based policy allows it", []string{"keyrotor explain arn:k"}},
		"no reason given":          {"kms:EnableKeyRotation", "AccessDeniedException", "no", []string{"keyrotor iam-policy --role apply apply"}},
		"nothing of permissions":   {"kms:RotateKeyOnDemand", "LimitExceededException", "25", nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := keyrotor.Outcome{State: keyrotor.Failed, Target: keyrotor.Target{ARN: "arn:k", Account: "1"}, Error: &keyrotor.CallError{Call: c.call, Code: c.code, Message: c.message}}
			var got []string
			for _, n := range report.Remedies([]keyrotor.Outcome{o, o}) {
				got = append(got, n.Command)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheReportSaysEveryKindOfChangeAndWhatWasNotDone(t *testing.T) {
	plan, outcomes := mixedRun()
	run := report.Run{Now: testNow, Plan: &plan, Outcomes: outcomes, Places: []keyrotor.Place{{Account: testAccount(1), AccountName: "security", Region: "eu-west-1", Status: keyrotor.PlaceRead}}}
	text := htmlText(t, run)
	cause := "12 changes not done (5 failed, 7 not started) in account " + testAccount(1) + " (security): denied by a service control policy on kms:EnableKeyRotation"
	says(t, text,
		"This run switched rotation on for 3 keys, changed the rotation period of 1 key and rotated 1 key on demand. It has not been verified yet.",
		"Not done: 12 of 17 changes (5 failed, 7 not started) in account "+testAccount(1)+" (security): denied by a service control policy on kms:EnableKeyRotation.",
		"switch rotation on 3 0 0 0 ✗ needs action: 12", "change the rotation period 1 0 0 0 0",
		cause+" AWS's own words and the keys AccessDeniedException: User: arn:aws:sts::1:assumed-role/keyrotor-apply/s is not authorized",
		policyARN+" (request req-0)", "alias/no-11 eu-west-1 (not started)",
	)
	if n := strings.Count(text, "is not authorized to perform"); n != 1 {
		t.Errorf("AWS's message stands there %d times, want once", n)
	}
}

func TestAKeyOfUnknownManagerIsALineOfItsOwn(t *testing.T) {
	run := report.Run{Now: testNow, Assessments: assessments([]keyrotor.Assessment{
		{Asset: keyrotor.Asset{ARN: "a", Account: "1", Region: "r", KMS: &keyrotor.KMSFacts{}}, View: keyrotor.ViewRotating},
		{Asset: keyrotor.Asset{ARN: "b", Account: "1", Region: "r", KMS: &keyrotor.KMSFacts{}}, View: keyrotor.ViewUnreadable, Eligibility: keyrotor.Eligibility{Class: "could not be read"}},
		{Asset: keyrotor.Asset{ARN: "c", Account: "2", Region: "r", KMS: &keyrotor.KMSFacts{}}, View: keyrotor.ViewUnreadable},
	}), Gaps: []keyrotor.Gap{{Asset: "b", Fact: keyrotor.FactDescription}, {Asset: "c", Fact: keyrotor.FactDescription}}}
	var b bytes.Buffer
	if err := report.AssessText(&b, run, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "2 more keys could not be read: who manages them is not known, so they are in none of the lines above.")
	saysNothingOf(t, b.String(), "NOT ELIGIBLE FOR")
	text := htmlText(t, run)
	says(t, text, "1 customer managed key ", "2 ! could not be read single keys or facts, 2 keys of unknown manager", "2 ! attention: not read")
	saysNothingOf(t, text, "cannot rotate automatically; below")
}

func TestTheBlockOfTemplatesNamesKeyPlaceAndLine(t *testing.T) {
	plan, _ := mixedRun()
	plan.Changes[0].Seen.ManagedBy = &keyrotor.Manager{Tool: "terraform", Name: "eks"}
	plan.Changes[0].Template = "enable_key_rotation = true in resource aws_kms_key <name> of eks"
	plan.Warnings = []string{"1 key belongs to a template: its change may be taken back by the next deployment unless its template says the same", "another warning"}
	for width, want := range map[int]string{
		0:  "    alias/on-0  " + testAccount(0) + "  eu-west-1  terraform eks: " + plan.Changes[0].Template + "\n! another warning\n",
		80: "    alias/on-0  " + testAccount(0) + "  eu-west-1\n      terraform eks: " + plan.Changes[0].Template + "\n! another warning\n",
	} {
		var b bytes.Buffer
		if err := report.PlanText(&b, plan, testNow, nil, report.Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		says(t, b.String(), want, "! 1 key belongs to CloudFormation or Terraform: ")
		if n := strings.Count(b.String(), "next deployment"); n != 1 {
			t.Errorf("the next deployment is spoken of %d times, want once", n)
		}
	}
}

// Of 853 keys that rotate after a run, 98 were said to hold old material: those
// that rotated before it. The 207 that the run had only switched on were left out.
func TestWhatARunSwitchedOnIsNotRotatedByThat(t *testing.T) {
	since := testNow.AddDate(-3, 0, 0)
	key := func(arn string, view keyrotor.View) keyrotor.Assessment {
		return keyrotor.Assessment{View: view, Asset: keyrotor.Asset{ARN: arn, Account: "1", Region: "r", KMS: &keyrotor.KMSFacts{Created: since, Material: &keyrotor.MaterialFacts{Since: since}}}}
	}
	change := func(arn string, verbs ...keyrotor.Verb) (keyrotor.Change, keyrotor.Outcome) {
		c := keyrotor.Change{ID: keyrotor.ChangeID(arn), Target: keyrotor.Target{ARN: arn, Account: "1"}}
		for i, v := range verbs {
			c.Steps = append(c.Steps, keyrotor.Step{Number: i + 1, Verb: v})
		}
		return c, keyrotor.Outcome{Change: c.ID, Target: c.Target, State: keyrotor.Succeeded}
	}
	plan := keyrotor.Plan{}
	run := report.Run{Now: testNow, Plan: &plan, Assessments: assessments([]keyrotor.Assessment{
		key("on", keyrotor.ViewRotating), key("on-and-rotated", keyrotor.ViewRotating), key("off", keyrotor.ViewTarget),
		key("switched-on", keyrotor.ViewTarget), key("switched-on-and-rotated", keyrotor.ViewTarget),
	})}
	for arn, verbs := range map[string][]keyrotor.Verb{
		"on-and-rotated": {keyrotor.RotateNow}, "switched-on": {keyrotor.EnableRotation}, "switched-on-and-rotated": {keyrotor.EnableRotation, keyrotor.RotateNow},
	} {
		c, o := change(arn, verbs...)
		plan.Changes, run.Outcomes = append(plan.Changes, c), append(run.Outcomes, o)
	}
	says(t, htmlText(t, run),
		"1 of the 5 keys that can rotate automatically does not.",
		"Enabled is not rotated: 2 keys are set to rotate and still hold material older than a year.",
		"3 keys with material older than a year.",
	)
}

func TestApplyBreaksItsLinesBetweenWords(t *testing.T) {
	plan, outcomes := mixedRun()
	for _, width := range []int{80, 100, 120} {
		var b bytes.Buffer
		if err := report.ApplyText(&b, plan, outcomes, testNow, nil, report.Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if w := ansi.StringWidth(line); w > width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%d columns: %d in %q", width, w, line)
			}
		}
		says(t, strings.Join(strings.Fields(b.String()), " "), "denied by a service control policy on kms:EnableKeyRotation", "service control policy: "+policyARN+" (request req-0)")
	}
}
