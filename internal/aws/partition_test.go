package aws_test

import (
	"iter"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

const security = "555555555555"

// delegatedWorld is an organization that is scanned from a security account, the
// delegated administrator, whose role the scan roles trust. Its people sign in
// in an account of their own.
func delegatedWorld(t *testing.T, regions ...string) *sandbox.Sandbox {
	t.Helper()
	keys := func(start time.Time) iter.Seq2[string, sandbox.KeySeed] {
		return func(yield func(string, sandbox.KeySeed) bool) {
			for _, region := range regions {
				if !yield(region, sandbox.KeySeed{Created: start.AddDate(-1, 0, 0)}) {
					return
				}
			}
		}
	}
	roles := []sandbox.RoleSpec{{Name: aws.DefaultScanRole, Trusts: []string{security}}, {Name: aws.DefaultApplyRole, Trusts: []string{security}}}
	s := sandbox.New(sandbox.Options{})
	if err := s.Load(sandbox.WorldSpec{
		Name: "delegated", Organization: "o-delegated00", Management: home, Delegated: []string{security},
		Accounts: []sandbox.AccountSpec{
			{ID: home, Name: "management", On: regions, Keys: keys},
			{ID: security, Name: "security", On: regions, Keys: keys, Roles: []sandbox.RoleSpec{{Name: "hub", Trusts: []string{member}}}},
			{ID: member, Name: "people", On: regions, Keys: keys, Roles: roles},
		},
	}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	useEndpoint(t, server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", member)
	t.Setenv("AWS_REGION", "")
	return s
}

// TestEveryPartitionIsScannedFromADelegatedAdministrator goes the whole way of a
// bank: sign in somewhere, take on the role of the security account, list the
// organization, enter each account, read its Regions, change a key.
func TestEveryPartitionIsScannedFromADelegatedAdministrator(t *testing.T) {
	for partition, c := range map[string]struct {
		regions []string
		cfg     aws.Config
		home    string
	}{
		"aws":        {[]string{"eu-west-1", "us-east-1"}, aws.Config{}, "us-east-1"},
		"aws-cn":     {[]string{"cn-north-1", "cn-northwest-1"}, aws.Config{HomeRegion: "cn-north-1"}, "cn-north-1"},
		"aws-us-gov": {[]string{"us-gov-east-1", "us-gov-west-1"}, aws.Config{Regions: []string{"us-gov-east-1", "us-gov-west-1"}}, "us-gov-west-1"},
	} {
		t.Run(partition, func(t *testing.T) {
			delegatedWorld(t, c.regions...)
			c.cfg.AssumeFrom = "arn:" + partition + ":iam::" + security + ":role/hub"
			c.cfg.SessionName, c.cfg.SourceIdentity = "keyrotor-run", "alice"
			e := open(t, c.cfg)
			if want := (aws.Identity{ARN: "arn:" + partition + ":sts::" + security + ":assumed-role/hub/keyrotor-run", Account: security, Partition: partition}); e.Identity() != want {
				t.Errorf("identity %+v, want %+v", e.Identity(), want)
			}
			assets, places, gaps, p := collect(t, e)
			if len(assets) != 4 || len(places) != 4 || p.Organization != "o-delegated00" || len(p.Accounts) != 3 {
				t.Errorf("%d keys in %d places of %d accounts, want two Regions of two accounts", len(assets), len(places), len(p.Accounts))
			}
			for _, a := range assets {
				if !strings.HasPrefix(a.ARN, "arn:"+partition+":kms:") || a.Partition != partition {
					t.Errorf("key %s in partition %s", a.ARN, a.Partition)
				}
			}
			if len(gaps) != 1 || gaps[0].Account != home || gaps[0].Cause != keyrotor.CauseNoRole {
				t.Errorf("gaps %+v, want the management account's alone", gaps)
			}
			for _, c := range checks(t, e) {
				if c.Status == aws.CheckFailed {
					t.Errorf("doctor: %+v", c)
				}
			}
			mustDo(t, e.KMSActor(), keyrotor.Step{Verb: keyrotor.EnableRotation, Target: assets[0].Target()})
			if got, err := e.Look(t.Context(), assets[0].Target()); err != nil || !got.KMS.Rotation.On {
				t.Errorf("after the change: %+v, %v", got.KMS.Rotation, err)
			}
		})
	}
}

func checks(t *testing.T, e *aws.Estate) []aws.DoctorCheck {
	t.Helper()
	found, err := e.Doctor(t.Context(), aws.VisitAll)
	if err != nil {
		t.Fatal(err)
	}
	return found.Checks
}

func TestOwnAndManagementAccountAreEnteredAsTheConfigurationSays(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  aws.Config
		keys int
		gaps map[string]keyrotor.GapCause
	}{
		"by default":                {aws.Config{}, 2, map[string]keyrotor.GapCause{home: keyrotor.CauseNoRole}},
		"management not at all":     {aws.Config{Management: aws.AccessGap}, 2, map[string]keyrotor.GapCause{home: keyrotor.CauseNoRole}},
		"our own not at all":        {aws.Config{Own: aws.AccessGap}, 1, map[string]keyrotor.GapCause{home: keyrotor.CauseNoRole, security: keyrotor.CauseNoRole}},
		"our own through its roles": {aws.Config{Own: aws.AccessRole}, 1, map[string]keyrotor.GapCause{home: keyrotor.CauseNoRole, security: keyrotor.CauseNoRole}},
	} {
		t.Run(name, func(t *testing.T) {
			s := delegatedWorld(t, "eu-west-1")
			c.cfg.AssumeFrom = "arn:aws:iam::" + security + ":role/hub"
			assets, _, gaps, _ := collect(t, open(t, c.cfg))
			if len(assets) != c.keys || len(gaps) != len(c.gaps) {
				t.Errorf("%d keys, gaps %+v", len(assets), gaps)
			}
			for account, cause := range c.gaps {
				if g := gapOf(t, gaps, account); g.Cause != cause {
					t.Errorf("gap of %s: %+v, want %s", account, g, cause)
				}
			}
			// The hub, the member's role, and the two doors of which a gap knocks at none.
			asked := 4
			if c.cfg.Own != aws.AccessRole {
				asked--
			}
			if c.cfg.Management == aws.AccessGap {
				asked--
			}
			if n := s.Calls()["sts:AssumeRole"]; n != asked {
				t.Errorf("%d calls of AssumeRole, want %d", n, asked)
			}
		})
	}
}
