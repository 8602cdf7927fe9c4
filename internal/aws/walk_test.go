package aws_test

import (
	"iter"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

const (
	member    = "222222222222"
	closed    = "333333333333"
	untrusted = "444444444444"
)

// mixedWorld is an organization in which not everything is as it should be.
func mixedWorld(t *testing.T, change func(*sandbox.WorldSpec)) *sandbox.Sandbox {
	t.Helper()
	keys := func(start time.Time) iter.Seq2[string, sandbox.KeySeed] {
		return func(yield func(string, sandbox.KeySeed) bool) {
			_ = yield("eu-west-1", sandbox.KeySeed{Created: start.AddDate(-1, 0, 0)})
		}
	}
	roles := []sandbox.RoleSpec{{Name: aws.DefaultScanRole}, {Name: aws.DefaultApplyRole}}
	on := []string{"eu-west-1", "us-east-1"}
	w := sandbox.WorldSpec{Name: "mixed", Organization: "o-mixed00world", Management: home, Accounts: []sandbox.AccountSpec{
		{ID: home, Name: "management", On: on},
		{ID: member, Name: "good", OU: "Work", On: on, Roles: roles, Keys: keys},
		{ID: closed, Name: "closed", State: "SUSPENDED", On: on, Roles: roles},
		{ID: untrusted, Name: "untrusting", On: on},
	}}
	if change != nil {
		change(&w)
	}
	s := sandbox.New(sandbox.Options{})
	if err := s.Load(w); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	useEndpoint(t, server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", home)
	return s
}

func gapOf(t *testing.T, gaps []keyrotor.Gap, account string) keyrotor.Gap {
	t.Helper()
	i := slices.IndexFunc(gaps, func(g keyrotor.Gap) bool { return g.Account == account })
	if i < 0 {
		t.Fatalf("no gap for %s in %+v", account, gaps)
	}
	return gaps[i]
}

func TestWhoeverRefusesUsIsRecorded(t *testing.T) {
	mixedWorld(t, nil)
	assets, places, gaps, p := collect(t, open(t, aws.Config{}))
	if g := gapOf(t, gaps, untrusted); g.Cause != keyrotor.CauseTrust || g.Call != "sts:AssumeRole" || g.Code == "" {
		t.Errorf("account without our role: %+v", g)
	}
	if len(p.Accounts) != 3 || p.Inactive["SUSPENDED"] != 1 || p.Gaps != len(gaps) || p.Identity == "" {
		t.Errorf("population %+v", p)
	}
	if len(assets) != 1 || assets[0].OU == "" || assets[0].KMS.Policy.Outside == nil {
		t.Errorf("assets %+v", assets)
	}
	if len(places) != 4 {
		t.Errorf("read %d places, want 4: management and member, two Regions each", len(places))
	}
}

func TestTheConfigurationLeavesOutAndCounts(t *testing.T) {
	mixedWorld(t, nil)
	_, places, gaps, p := collect(t, open(t, aws.Config{
		Accounts: []string{home, member}, Regions: []string{"eu-west-1", "me-south-1"}, Own: aws.AccessGap,
	}))
	if !slices.Equal(p.Excluded, []string{untrusted}) {
		t.Errorf("excluded %v", p.Excluded)
	}
	if g := gapOf(t, gaps, home); g.Cause != keyrotor.CauseNoRole {
		t.Errorf("own account: %+v", g)
	}
	status := make(map[string]keyrotor.PlaceStatus)
	for _, at := range places {
		status[at.Account+" "+at.Region] = at.Status
	}
	if status[member+" us-east-1"] != keyrotor.PlaceExcluded || status[member+" eu-west-1"] != keyrotor.PlaceRead {
		t.Errorf("places %v", status)
	}
	if status[member+" me-south-1"] != keyrotor.PlaceGap {
		t.Errorf("a configured Region that is off must be a gap: %v", status)
	}
	for _, g := range gaps {
		if g.Region == "me-south-1" && g.Cause != keyrotor.CauseRegionOff {
			t.Errorf("Region that is off: %+v", g)
		}
	}
}

func TestAMemberThatMayNotListAccountsScansItselfAndSaysSo(t *testing.T) {
	mixedWorld(t, nil)
	t.Setenv("AWS_ACCESS_KEY_ID", member)
	_, places, gaps, p := collect(t, open(t, aws.Config{}))
	if len(p.Accounts) != 1 || p.Accounts[0].ID != member || p.AccountsFrom != "sts:GetCallerIdentity" || len(places) != 2 {
		t.Errorf("population %+v", p)
	}
	if g := gapOf(t, gaps, member); g.Call != "organizations:ListAccounts" {
		t.Errorf("gap %+v", g)
	}

	_, _, gaps, p = collect(t, open(t, aws.Config{Accounts: []string{member}}))
	if len(gaps) != 0 || p.AccountsFrom != "config" {
		t.Errorf("with the account configured: %+v, %+v", gaps, p)
	}
}

func TestASingleAccountWithoutOrganizationIsNoGap(t *testing.T) {
	actorWorldEstate := func() *aws.Estate {
		s := sandbox.New(sandbox.Options{Home: home})
		server := httptest.NewServer(s)
		t.Cleanup(server.Close)
		useEndpoint(t, server.URL)
		t.Setenv("AWS_ACCESS_KEY_ID", home)
		return open(t, aws.Config{Regions: []string{"eu-west-1"}})
	}
	_, _, gaps, p := collect(t, actorWorldEstate())
	if len(gaps) != 0 || len(p.Accounts) != 1 || p.Organization != "" {
		t.Errorf("gaps %+v, population %+v", gaps, p)
	}
}

func TestKeysBornAndGoneMeanwhileAreNamed(t *testing.T) {
	s := mixedWorld(t, nil)
	if err := s.Inject(sandbox.Fault{Service: "kms", Operation: "ListKeyRotations", Delay: 400 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	go func() {
		time.Sleep(200 * time.Millisecond)
		_, _ = s.SeedKey(member, "eu-west-1", sandbox.KeySeed{})
	}()
	_, places, _, _ := collect(t, open(t, aws.Config{Accounts: []string{member}}))
	var born int
	for _, at := range places {
		born += len(at.Born)
	}
	if born != 1 {
		t.Errorf("%d keys were named as born meanwhile, want 1: %+v", born, places)
	}
}

func TestRefusalsHaveACause(t *testing.T) {
	s := mixedWorld(t, nil)
	for name, c := range map[string]struct {
		fault sandbox.Fault
		want  keyrotor.GapCause
	}{
		"service control policy": {sandbox.Fault{Operation: "ListKeys", Code: "AccessDeniedException", Message: "not authorized with an explicit deny in a service control policy"}, keyrotor.CauseSCP},
		"key policy":             {sandbox.Fault{Operation: "DescribeKey", Code: "AccessDeniedException", Message: "because no resource-based policy allows the kms:DescribeKey action"}, keyrotor.CauseKeyPolicy},
		"key without a reason":   {sandbox.Fault{Operation: "DescribeKey", Code: "AccessDeniedException", Message: "not authorized"}, keyrotor.CauseKeyPolicy},
		"list without a reason":  {sandbox.Fault{Operation: "ListKeys", Code: "AccessDeniedException", Message: "not authorized"}, keyrotor.CauseIAM},
		"identity policy":        {sandbox.Fault{Operation: "GetKeyPolicy", Code: "AccessDeniedException", Message: "because no identity-based policy allows the action"}, keyrotor.CauseIAM},
		"permissions boundary":   {sandbox.Fault{Operation: "ListResourceTags", Code: "AccessDeniedException", Message: "because no permissions boundary allows the action"}, keyrotor.CauseIAM},
		"Region not enabled":     {sandbox.Fault{Operation: "ListKeys", Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid."}, keyrotor.CauseRegionOff},
		"opt in required":        {sandbox.Fault{Operation: "ListKeys", Code: "OptInRequired"}, keyrotor.CauseRegionOff},
		"anything else":          {sandbox.Fault{Operation: "ListKeys", Code: "SomethingNew"}, keyrotor.CauseOther},
	} {
		t.Run(name, func(t *testing.T) {
			s.ClearFaults()
			c.fault.Service, c.fault.Account = "kms", member
			if err := s.Inject(c.fault); err != nil {
				t.Fatal(err)
			}
			_, _, gaps, _ := collect(t, open(t, aws.Config{Accounts: []string{member}, Regions: []string{"eu-west-1"}}))
			if len(gaps) == 0 {
				t.Fatal("no gap")
			}
			for _, g := range gaps {
				if g.Cause != c.want || !strings.HasSuffix(g.Call, c.fault.Operation) {
					t.Errorf("gap %+v, want cause %s", g, c.want)
				}
			}
		})
	}
}
