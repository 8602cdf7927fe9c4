package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// newKeyRun is a plan to create a key, stopped at a step.
func newKeyRun(at int, state keyrotor.OutcomeState) (keyrotor.Plan, []keyrotor.Outcome) {
	target := keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: testAccount(0), Region: "us-east-1", Name: "alias/half"}
	c := keyrotor.Change{ID: "c1", Recipe: "create-key", Target: target}
	for i, v := range []keyrotor.Verb{keyrotor.CreateKey, keyrotor.CreateAlias, keyrotor.EnableRotation} {
		c.Steps = append(c.Steps, keyrotor.Step{Number: i + 1, Verb: v, Target: target})
	}
	o := keyrotor.Outcome{Change: c.ID, Recipe: c.Recipe, Target: target, Wave: 1, State: state, Reason: "AccessDenied"}
	for _, s := range c.Steps[:at-1] {
		o.Receipts = append(o.Receipts, keyrotor.Receipt{Change: c.ID, Step: s.Number, Verb: s.Verb, At: testNow})
	}
	if at > 1 {
		o.Receipts[0].Result = map[string]string{"key_id": "1234abcd"}
	}
	return keyrotor.Plan{Run: "run", Changes: []keyrotor.Change{c}}, []keyrotor.Outcome{o}
}

func TestAChangeThatStoppedMidwayIsNamedAsHalfDone(t *testing.T) {
	for name, tt := range map[string]struct {
		at    int
		state keyrotor.OutcomeState
		want  string
	}{
		"refused at its second step":       {2, keyrotor.Failed, "key 1234abcd: create-key done, create-alias failed"},
		"refused at its third step":        {3, keyrotor.Failed, "key 1234abcd: create-key and create-alias done, enable-rotation failed"},
		"interrupted before its third":     {3, keyrotor.Waiting, "key 1234abcd: create-key and create-alias done, enable-rotation waiting"},
		"every call made and nothing seen": {4, keyrotor.Failed, "key 1234abcd: create-key, create-alias and enable-rotation done, the effect not seen"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, outcomes := newKeyRun(tt.at, tt.state)
			var applied, verified bytes.Buffer
			if err := report.ApplyText(&applied, plan, outcomes, testNow, nil, report.Style{}); err != nil {
				t.Fatal(err)
			}
			says(t, applied.String(), "What holds now  1 change is half done\n", "Half done       alias/half "+testAccount(0)+"/us-east-1, "+tt.want+"\n")
			for _, not := range []string{"nothing was changed", "nothing is half done"} {
				if strings.Contains(applied.String(), not) {
					t.Errorf("it says %q of a key that exists:\n%s", not, applied.String())
				}
			}
			if err := report.VerifyText(&verified, plan, outcomes, nil, testNow, nil, report.Style{}); err != nil {
				t.Fatal(err)
			}
			says(t, verified.String(), "! 0 of 0 confirmed", "1 change was left half done, and not looked at:\n", tt.want)
			var html bytes.Buffer
			if err := report.HTML(&html, report.Run{Plan: &plan, Outcomes: outcomes, Now: testNow}); err != nil {
				t.Fatal(err)
			}
			_, words, _ := strings.Cut(tt.want, ": ")
			says(t, html.String(), "half done: "+words+", key 1234abcd")
		})
	}
}

func TestWhatIsWholeOrUntouchedIsNotHalfDone(t *testing.T) {
	for name, tt := range map[string]struct {
		at     int
		state  keyrotor.OutcomeState
		change func(*keyrotor.Outcome)
	}{
		"refused at its first step": {1, keyrotor.Failed, nil},
		"all of it done":            {4, keyrotor.Succeeded, nil},
		"taken back":                {3, keyrotor.RolledBack, nil},
		"accepted and under way":    {4, keyrotor.Waiting, nil},
		"only found so": {2, keyrotor.Failed, func(o *keyrotor.Outcome) {
			o.Receipts[0].Found = true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			plan, outcomes := newKeyRun(tt.at, tt.state)
			if tt.change != nil {
				tt.change(&outcomes[0])
			}
			var b bytes.Buffer
			if err := report.ApplyText(&b, plan, outcomes, testNow.Add(time.Minute), nil, report.Style{}); err != nil {
				t.Fatal(err)
			}
			says(t, b.String(), "nothing is half done")
		})
	}
}

// Nobody saw the answer to its call: what holds is not that nothing was changed.
func TestAFailureInDoubtIsNotSaidToHaveChangedNothing(t *testing.T) {
	plan, outcomes := newKeyRun(1, keyrotor.Failed)
	outcomes[0].InDoubt = true
	var b bytes.Buffer
	if err := report.ApplyText(&b, plan, outcomes, testNow, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "What holds now  1 change may or may not have taken effect\n")
	plan, outcomes = newKeyRun(2, keyrotor.Failed)
	outcomes[0].InDoubt = true
	b.Reset()
	if err := report.ApplyText(&b, plan, outcomes, testNow, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "What holds now  1 change is half done\n", "create-key done, create-alias in doubt\n")
}
