package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// What the configuration leaves out was in the inventory, and in no text.
func TestWhatTheConfigurationExcludesIsCounted(t *testing.T) {
	run := found(held(nil))
	run.Population.Places, run.Population.Read = 2, 2
	for _, region := range []string{"eu-central-1", "eu-north-1", "sa-east-1"} {
		run.Places = append(run.Places, keyrotor.Place{Account: here, Region: region, Status: keyrotor.PlaceExcluded})
	}
	for name, c := range map[string]struct {
		face func(*bytes.Buffer) error
		want string
	}{
		"scan":   {func(b *bytes.Buffer) error { return report.ScanText(b, run, nil, report.Style{}) }, "2 of 2 places read, 3 excluded by the configuration"},
		"assess": {func(b *bytes.Buffer) error { return report.AssessText(b, run, nil, report.Style{}) }, "Not read: 3 places excluded by the configuration. 2 places were read."},
	} {
		var text bytes.Buffer
		if err := c.face(&text); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), c.want) {
			t.Errorf("%s does not say %q:\n%s", name, c.want, text.String())
		}
	}
}

func TestARefusalThatCostNothingIsTold(t *testing.T) {
	run := found(held(nil))
	run.Population.Fallbacks = []keyrotor.Fallback{
		{Call: "account:ListRegions", Code: "AccessDeniedException", Instead: "ec2:DescribeRegions", Accounts: []string{here, there}},
		{Call: "organizations:ListAccounts", Code: "AccessDeniedException", Instead: "config"},
	}
	var text, page bytes.Buffer
	if err := report.ScanText(&text, run, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	if err := report.HTML(&page, run); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Nothing is lost: ec2:DescribeRegions gave what account:ListRegions refused in 2 accounts (AccessDeniedException).",
		"Nothing is lost: the configuration gave what organizations:ListAccounts refused (AccessDeniedException).",
	} {
		if !strings.Contains(text.String(), want) || !strings.Contains(page.String(), want) {
			t.Errorf("not told: %q\n%s", want, text.String())
		}
	}
}

func TestScanBreaksItsLinesBetweenWords(t *testing.T) {
	run := realisticRun(400)
	for _, width := range []int{80, 100} {
		var b bytes.Buffer
		if err := report.ScanText(&b, run, nil, report.Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if w := ansi.StringWidth(line); w > width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%d columns: %d in %q", width, w, line)
			}
		}
	}
}
