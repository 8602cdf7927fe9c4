package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// assessText is what assess says on a terminal of a width.
func assessText(t *testing.T, run report.Run, width int) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.AssessText(&b, run, []report.Next{{Command: "keyrotor --config somewhere/keyrotor.yaml plan --rotate-overdue", About: "and rotate once what is past its cryptoperiod"}}, report.Style{Width: width}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// At 80 columns aliases were cut, ids left out, rule ids cut to keep a column of
// cut controls, and the third of three Regions was "elsewhere".
func TestEightyColumnsKeepWhatCanBePasted(t *testing.T) {
	run := realisticRun(400)
	for _, width := range []int{80, 100, 120} {
		text := assessText(t, run, width)
		says(t, text, "eu-central-1  eu-west-1  us-east-1  total", "  kms-material-within-cryptoperiod", "and rotate once what is past its cryptoperiod")
		saysNothingOf(t, text, "elsewhere", "kms-material-within-c…")
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if w := ansi.StringWidth(line); w > width && !strings.Contains(line, "keyrotor --config") {
				t.Errorf("%d columns: %d in %q", width, w, line)
			}
			if cell, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(cell, "alias/") && strings.Contains(cell, "…") {
				t.Errorf("%d columns: an alias that cannot be pasted: %q", width, line)
			}
		}
	}
	saysNothingOf(t, assessText(t, run, 80), "mapped by")
	says(t, assessText(t, run, 120), "mapped by")
}

func TestASingleRegionKeepsItsName(t *testing.T) {
	for regions := range 12 {
		e := newEstate()
		for i := range regions {
			e.key(keyrotor.ViewRotating, func(a *keyrotor.Assessment) { a.Asset.Region = fmt.Sprintf("ap-southeast-%d", i+1) })
		}
		for width := 40; width < 200; width += 7 {
			head, _, _ := strings.Cut(assessText(t, e.run, width), "\n")
			named := strings.Count(head, "ap-southeast-")
			if strings.Contains(head, "elsewhere") && regions-named < 2 {
				t.Errorf("%d Regions, %d columns: %q", regions, width, head)
			}
		}
	}
}

func TestAnAliasTooLongForTheTerminalGivesWayToTheID(t *testing.T) {
	e := newEstate()
	a := e.key(keyrotor.ViewTarget, func(a *keyrotor.Assessment) { a.Asset.KMS.Aliases = []string{"alias/" + strings.Repeat("x", 80)} })
	says(t, assessText(t, e.run, 80), "  "+a.Asset.ID+"  "+testAccount(0)+"  us-east-1")
}

func TestAClassDoesNotSpeakForOneKey(t *testing.T) {
	e := newEstate()
	for i, region := range []string{"us-east-1", "eu-west-1", "us-east-1"} {
		e.key(keyrotor.ViewNotEligible, func(a *keyrotor.Assessment) {
			a.Eligibility = keyrotor.Eligibility{Class: "multi-Region replica", Reason: "A replica follows its primary key.", Instead: "set rotation on its primary key in " + region}
		})
		e.key(keyrotor.ViewNotEligible, func(a *keyrotor.Assessment) {
			where := []string{"a CloudHSM cluster", "an external key store", "a CloudHSM cluster"}[i]
			a.Eligibility = keyrotor.Eligibility{Class: "custom key store", Reason: "KMS cannot rotate material that it does not hold: it lives in " + where + ".", Instead: "create a new key"}
		})
	}
	says(t, assessText(t, e.run, 0), "multi-Region replica                    3  set rotation on its primary key\n")
	says(t, htmlText(t, e.run), "multi-Region replica 3 A replica follows its primary key. set rotation on its primary key", "custom key store 3 KMS cannot rotate material that it does not hold. create a new key")
}

// A usage that AWS invents tomorrow was counted among the keys that cannot.
func TestUnknownIsNotCannot(t *testing.T) {
	undecided := func(a *keyrotor.Assessment) {
		a.Eligibility = keyrotor.Eligibility{Ability: keyrotor.Manual, Class: keyrotor.ClassUnknown, Reason: `Its usage "" is unknown to this version of keyrotor, which leaves the key alone.`, Instead: "look at the key by hand, or use a newer keyrotor"}
		a.Findings = []keyrotor.Finding{{Rule: "kms-rotation-on", Severity: keyrotor.High, Verdict: keyrotor.Unknown}}
	}
	e := newEstate()
	for range 3 {
		e.key(keyrotor.ViewNotEligible, undecided)
	}
	text := htmlText(t, e.run)
	says(t, text, "Whether the 3 keys can rotate automatically is not known to this version of keyrotor.", "0 – cannot, as they are", "3 keys unknown to this version: it is not known whether they can", "! 3 unknown to this version")
	saysNothingOf(t, text, "None of the 3 keys")
	says(t, assessText(t, e.run, 0), "unknown to this version           3      3  ! see below\n", "not eligible (see below)          0      0\n", "! high       0       0        3     0  kms-rotation-on")
	e.key(keyrotor.ViewNotEligible)
	says(t, htmlText(t, e.run), "None of the 1 key of kinds known here can rotate automatically; of 3 other keys it is not known.")
	e.key(keyrotor.ViewRotating)
	says(t, htmlText(t, e.run), "Every key that can rotate automatically does.", "Of 3 keys it is not known to this version of keyrotor whether they can rotate")
}

func TestExplainOfAnUnreadableKeyInventsNothing(t *testing.T) {
	a := keyrotor.Assessment{View: keyrotor.ViewUnreadable, Eligibility: keyrotor.Eligibility{Ability: keyrotor.NoRotation, Class: "could not be read", Reason: "DescribeKey was refused.", Instead: "let the scan role in"},
		Asset: keyrotor.Asset{ID: "id-1", ARN: "arn:1", KMS: &keyrotor.KMSFacts{}, Unread: []keyrotor.Unread{{Fact: keyrotor.FactDescription, Call: "kms:DescribeKey", Code: "AccessDeniedException"}}}}
	var b bytes.Buffer
	if err := report.ExplainText(&b, report.Explanation{Assessment: a, Now: testNow}, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "key       nothing is known of it but its id", "can       not known: DescribeKey was refused.", "AccessDeniedException on kms:DescribeKey")
	saysNothingOf(t, b.String(), "1 Jan", "origin", "not rotate in its present state", "single Region", "last use")
}

// Nine rules were unknown, and the page said why eighteen times.
func TestExplainSaysOnceWhyRulesAreUnknown(t *testing.T) {
	unknown := func(rule, message string, needs ...string) keyrotor.Finding {
		return keyrotor.Finding{Rule: rule, Severity: keyrotor.High, Verdict: keyrotor.Unknown, Message: message, Needs: needs}
	}
	a := keyrotor.Assessment{View: keyrotor.ViewUnreadable, Asset: keyrotor.Asset{ID: "id-1", ARN: "arn:1", KMS: &keyrotor.KMSFacts{}}, Findings: []keyrotor.Finding{
		unknown("one", "not read: rotation, description", "rotation", "description"),
		{Rule: "two", Severity: keyrotor.High, Verdict: keyrotor.NotApplicable},
		unknown("three", "not read: rotation, description", "rotation", "description"),
		unknown("four", "AWS tells it of no such key", "history"),
	}}
	var b bytes.Buffer
	if err := report.ExplainText(&b, report.Explanation{Assessment: a, Now: testNow}, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "! one, three unknown: not read: rotation, description\n", "two not-applicable\n", "! four unknown: AWS tells it of no such key (not read: history)\n")
}

func TestExplainSaysWhatImportedMaterialWaitsFor(t *testing.T) {
	for name, tt := range map[string]struct {
		f    keyrotor.ImportFacts
		want string
	}{
		"a replica":    {keyrotor.ImportFacts{Pending: "m2", AwaitsReplicas: true}, "new material waits: import the same bytes into every replica first, then rotate on demand"},
		"its rotation": {keyrotor.ImportFacts{Pending: "m2"}, "new material waits for its rotation on demand"},
	} {
		t.Run(name, func(t *testing.T) {
			a := keyrotor.Assessment{View: keyrotor.ViewNotEligible, Asset: keyrotor.Asset{ID: "id-1", ARN: "arn:1", KMS: &keyrotor.KMSFacts{Origin: "EXTERNAL", Import: &tt.f}}}
			var b bytes.Buffer
			if err := report.ExplainText(&b, report.Explanation{Assessment: a, Now: testNow}, nil, report.Style{}); err != nil {
				t.Fatal(err)
			}
			says(t, b.String(), "import", tt.want)
		})
	}
}

func TestExplainSaysThatANetworkIsNobodys(t *testing.T) {
	a := keyrotor.Assessment{View: keyrotor.ViewRotating, Asset: keyrotor.Asset{ID: "id-1", ARN: "arn:1", KMS: &keyrotor.KMSFacts{Policy: &keyrotor.PolicyFacts{NetworkOnly: true}}}}
	var b bytes.Buffer
	if err := report.ExplainText(&b, report.Explanation{Assessment: a, Now: testNow}, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "open to everybody in a network, and whose that is the policy does not tell")
}
