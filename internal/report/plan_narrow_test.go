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

// narrowPlan turns rotation on for keys whose names differ at their end only.
func narrowPlan() keyrotor.Plan {
	pl := keyrotor.Plan{Waves: []keyrotor.Wave{{Number: 1}}}
	for i := range 3 {
		c := keyrotor.Change{
			ID:     keyrotor.ChangeID(fmt.Sprint("c", i)),
			Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: "111122223333", Region: "ap-southeast-1", ID: fmt.Sprint(i), Name: fmt.Sprintf("alias/payments/settlement-prod-%d", 710+i)},
			Steps:  []keyrotor.Step{{Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: 365}}},
		}
		if i == 1 {
			c.Seen.ManagedBy = &keyrotor.Manager{Tool: "CloudFormation"}
		}
		pl.Waves[0].Changes, pl.Changes = append(pl.Waves[0].Changes, c.ID), append(pl.Changes, c)
	}
	return pl
}

func TestAPlanOnANarrowTerminalKeepsTheChangeAndTellsNamesApart(t *testing.T) {
	for width := 72; width <= 140; width += 4 {
		var b bytes.Buffer
		if err := report.PlanText(&b, narrowPlan(), testNow, nil, report.Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		wave, _, _ := strings.Cut(text[strings.Index(text, "Wave"):], "\n\n")
		if got := strings.Count(wave, "365 d"); got != 3 {
			t.Errorf("%d columns: the new period stands there %d times, want 3\n%s", width, got, wave)
		}
		for i := range 3 {
			if name := fmt.Sprint("-", 710+i); !strings.Contains(wave, name+" ") {
				t.Errorf("%d columns: no name ends in %s\n%s", width, name, wave)
			}
		}
		says(t, wave, "! CloudFormation")
		for line := range strings.Lines(wave) {
			if w := ansi.StringWidth(strings.TrimSuffix(line, "\n")); w > width {
				t.Errorf("%d columns: %d in %q", width, w, line)
			}
		}
	}
}

func TestANameIsCutInItsMiddle(t *testing.T) {
	for _, c := range []struct {
		name  string
		width int
		want  string
	}{
		{"alias/payments/settlement-prod-712", 40, "alias/payments/settlement-prod-712"},
		{"alias/payments/settlement-prod-712", 15, "alias/p…rod-712"},
		{"alias/payments/settlement-prod-712", 2, "a…"},
		{"alias/größe/日本語の鍵", 14, "alias/g…語の鍵"},
	} {
		if got := report.Shorten(c.name, c.width, "…"); got != c.want || ansi.StringWidth(got) > c.width {
			t.Errorf("Shorten(%q, %d) = %q, want %q", c.name, c.width, got, c.want)
		}
	}
}

func TestTheCostOfARotationTodayIsMonthly(t *testing.T) {
	pl := narrowPlan()
	pl.Cost = keyrotor.Cost{Now: 2100, FirstMonthly: 2200}
	var b bytes.Buffer
	if err := report.PlanText(&b, pl, testNow, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "+$21 a month from today; +$22 a month from the first rotation")
}

func TestTagsThatNobodyAskedForWereNotRefused(t *testing.T) {
	for name, c := range map[string]struct {
		asset keyrotor.Asset
		want  string
	}{
		"AWS's own":      {keyrotor.Asset{KMS: &keyrotor.KMSFacts{KeyManager: "AWS"}}, "not asked for"},
		"nobody asked":   {keyrotor.Asset{KMS: &keyrotor.KMSFacts{}}, "unknown: they were not asked for"},
		"it was refused": {keyrotor.Asset{KMS: &keyrotor.KMSFacts{}, Unread: []keyrotor.Unread{{Fact: keyrotor.FactTags}}}, "unknown: they could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			c.asset.ID, c.asset.ARN = "id-1", "arn:1"
			var b bytes.Buffer
			if err := report.ExplainText(&b, report.Explanation{Assessment: keyrotor.Assessment{View: keyrotor.ViewRotating, Asset: c.asset}, Now: testNow}, nil, report.Style{}); err != nil {
				t.Fatal(err)
			}
			says(t, b.String(), c.want)
		})
	}
}
