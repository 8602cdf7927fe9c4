package aws_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// toldOf is how a scan tells of a refused call: as a gap, as a fallback, or not.
func toldOf(call, code string, gaps []keyrotor.Gap, p keyrotor.Population) string {
	if slices.ContainsFunc(gaps, func(g keyrotor.Gap) bool { return g.Call == call && g.Code == code }) {
		return "gap"
	}
	for _, f := range p.Fallbacks {
		if f.Call == call && f.Code == code {
			return "fallback to " + f.Instead
		}
	}
	return "nothing"
}

// Two calls of the walk were refused without a word: the organization's
// description, and with it the management account, and the list of Regions.
func TestEveryRefusalOnTheWalkIsTold(t *testing.T) {
	s := mixedWorld(t, nil)
	const code = "AccessDeniedException"
	for name, c := range map[string]struct {
		config  aws.Config
		refused []string // calls
		want    []string // of each
	}{
		"nothing is refused":                   {},
		"who manages the organization is lost": {refused: []string{"organizations:DescribeOrganization"}, want: []string{"gap"}},
		"the accounts are lost":                {refused: []string{"organizations:ListAccounts"}, want: []string{"gap"}},
		"the accounts are configured": {config: aws.Config{Accounts: []string{home, member}},
			refused: []string{"organizations:ListAccounts"}, want: []string{"fallback to config"}},
		"no account lets us in":    {refused: []string{"sts:AssumeRole"}, want: []string{"gap"}},
		"EC2 tells the Regions":    {refused: []string{"account:ListRegions"}, want: []string{"fallback to ec2:DescribeRegions"}},
		"EC2 need not tell":        {refused: []string{"ec2:DescribeRegions"}, want: []string{"nothing"}}, // it was not asked
		"nobody tells the Regions": {refused: []string{"account:ListRegions", "ec2:DescribeRegions"}, want: []string{"gap", "nothing"}},
		"the configuration tells the Regions": {config: aws.Config{Regions: []string{"eu-west-1"}},
			refused: []string{"account:ListRegions", "ec2:DescribeRegions"}, want: []string{"fallback to config", "fallback to config"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.ClearFaults()
			for _, call := range c.refused {
				service, operation, _ := strings.Cut(call, ":")
				if err := s.Inject(sandbox.Fault{Service: service, Operation: operation, Code: code, Status: 403}); err != nil {
					t.Fatal(err)
				}
			}
			_, _, gaps, p := collect(t, open(t, c.config))
			gaps = slices.DeleteFunc(gaps, func(g keyrotor.Gap) bool { return g.Account == untrusted && g.Code == "AccessDenied" })
			var told []string
			for _, call := range c.refused {
				told = append(told, toldOf(call, code, gaps, p))
			}
			if diff := cmp.Diff(c.want, told); diff != "" {
				t.Errorf("told (-want +got):\n%s\ngaps %+v\nfallbacks %+v", diff, gaps, p.Fallbacks)
			}
			if !slices.Contains(c.want, "gap") && len(gaps) > 0 {
				t.Errorf("what cost nothing is a gap: %+v", gaps)
			}
			if len(c.refused) == 0 && len(p.Fallbacks) > 0 {
				t.Errorf("nothing was refused: %+v", p.Fallbacks)
			}
		})
	}
}

func TestARefusalSaysWhereItWasAndWhatItCost(t *testing.T) {
	s := mixedWorld(t, nil)
	for _, operation := range []string{"DescribeOrganization", "ListRegions"} {
		if err := s.Inject(sandbox.Fault{Operation: operation, Code: "AccessDeniedException", Status: 403}); err != nil {
			t.Fatal(err)
		}
	}
	_, places, gaps, p := collect(t, open(t, aws.Config{}))
	if g := gapOf(t, gaps, home); g.Call != "organizations:DescribeOrganization" || !strings.Contains(g.Message, "which account manages it") {
		t.Errorf("gap %+v", g)
	}
	want := []keyrotor.Fallback{{Call: "account:ListRegions", Code: "AccessDeniedException", Instead: "ec2:DescribeRegions", Accounts: []string{home, member}}}
	if diff := cmp.Diff(want, p.Fallbacks); diff != "" {
		t.Errorf("fallbacks (-want +got):\n%s", diff)
	}
	if len(places) != 4 {
		t.Errorf("%d places, want all 4", len(places))
	}

	// Where nobody tells the Regions, the gap names everybody who was asked.
	if err := s.Inject(sandbox.Fault{Operation: "DescribeRegions", Code: "UnauthorizedOperation", Status: 403}); err != nil {
		t.Fatal(err)
	}
	_, _, gaps, _ = collect(t, open(t, aws.Config{}))
	if g := gapOf(t, gaps, member); g.Call != "account:ListRegions" || !strings.Contains(g.Message, "ec2:DescribeRegions: UnauthorizedOperation") {
		t.Errorf("gap %+v", g)
	}

	// Nor is the second refusal of an organization lost behind the first.
	if err := s.Inject(sandbox.Fault{Operation: "ListAccounts", Code: "AccessDeniedException", Status: 403}); err != nil {
		t.Fatal(err)
	}
	_, _, gaps, _ = collect(t, open(t, aws.Config{}))
	if g := gapOf(t, gaps, home); g.Call != "organizations:ListAccounts" || !strings.Contains(g.Message, "organizations:DescribeOrganization: AccessDeniedException") {
		t.Errorf("gap %+v", g)
	}
}
