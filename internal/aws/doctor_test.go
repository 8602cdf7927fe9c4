package aws_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

func find(t *testing.T, checks []aws.DoctorCheck, account string, role aws.Role, check string) aws.DoctorCheck {
	t.Helper()
	for _, c := range checks {
		if c.Account == account && c.Role == role && c.Check == check {
			return c
		}
	}
	t.Fatalf("no check %s as %s in %s: %+v", check, role, account, checks)
	return aws.DoctorCheck{}
}

func TestDoctorSaysWhatToMend(t *testing.T) {
	s := mixedWorld(t, nil)
	if err := s.Inject(sandbox.Fault{Service: "kms", Operation: "GetKeyPolicy", Account: member, Code: "AccessDeniedException", Message: "because no identity-based policy allows the kms:GetKeyPolicy action"}); err != nil {
		t.Fatal(err)
	}
	found, err := open(t, aws.Config{}).Doctor(t.Context(), aws.VisitAll)
	if err != nil {
		t.Fatal(err)
	}
	if found.NotEntered != 0 {
		t.Errorf("%d accounts were left out", found.NotEntered)
	}
	checks := found.Checks
	for _, c := range []struct {
		account string
		role    aws.Role
		check   string
		want    aws.CheckStatus
	}{
		{home, aws.RoleOwn, "credentials", aws.CheckOK},
		{home, aws.RoleOwn, "clock", aws.CheckOK},
		{home, aws.RoleOwn, "organizations:ListAccounts", aws.CheckOK},
		{home, aws.RoleScan, "sts:AssumeRole", aws.CheckOK},
		{member, aws.RoleScan, "sts:AssumeRole", aws.CheckOK},
		{member, aws.RoleScan, "account:ListRegions", aws.CheckOK},
		{member, aws.RoleScan, "kms:ListKeyRotations", aws.CheckOK},
		{member, aws.RoleScan, "kms:GetKeyPolicy", aws.CheckFailed},
		{member, aws.RoleApply, "kms:DescribeKey", aws.CheckOK},
		{untrusted, aws.RoleScan, "sts:AssumeRole", aws.CheckFailed},
		{untrusted, aws.RoleApply, "sts:AssumeRole", aws.CheckFailed},
	} {
		got := find(t, checks, c.account, c.role, c.check)
		if got.Status != c.want {
			t.Errorf("%s as %s in %s: %s (%s), want %s", c.check, c.role, c.account, got.Status, got.Detail, c.want)
		}
		if got.Status == aws.CheckFailed && got.Fix == "" {
			t.Errorf("%s in %s failed and nothing is said to mend it", c.check, c.account)
		}
	}
	for _, call := range []string{"kms:EnableKeyRotation", "kms:RotateKeyOnDemand", "kms:CreateKey"} {
		if s.Calls()[call] > 0 {
			t.Errorf("the doctor called %s", call)
		}
	}
}

// TestAKeyThatRefusesTheDoctorIsNamedBesideOneThatDoesNot: once it was passed over
// without a word where another key could be read.
func TestAKeyThatRefusesTheDoctorIsNamedBesideOneThatDoesNot(t *testing.T) {
	const keys = 4
	for name, c := range map[string]struct {
		refused int
		want    []aws.CheckStatus
		detail  string
	}{
		"none refuses":     {0, []aws.CheckStatus{aws.CheckOK}, ""},
		"one of them":      {1, []aws.CheckStatus{aws.CheckOK, aws.CheckWarn}, ": AccessDeniedException: "},
		"all but the last": {keys - 1, []aws.CheckStatus{aws.CheckOK, aws.CheckWarn}, "the first of 3 that refuse"},
		"all of them":      {keys, []aws.CheckStatus{aws.CheckFailed}, ": AccessDeniedException: "},
	} {
		t.Run(name, func(t *testing.T) {
			s := mixedWorld(t, nil)
			for range keys - 1 {
				if _, err := s.SeedKey(member, region, sandbox.KeySeed{}); err != nil {
					t.Fatal(err)
				}
			}
			if c.refused > 0 {
				fault := sandbox.Fault{Service: "kms", Operation: "DescribeKey", Account: member, Times: c.refused, Code: "AccessDeniedException", Message: "because no resource-based policy allows the kms:DescribeKey action"}
				if err := s.Inject(fault); err != nil {
					t.Fatal(err)
				}
			}
			found, err := open(t, aws.Config{Accounts: []string{member}}).Doctor(t.Context(), aws.VisitSome)
			if err != nil {
				t.Fatal(err)
			}
			var got []aws.CheckStatus
			var last aws.DoctorCheck
			for _, check := range found.Checks {
				if check.Role == aws.RoleScan && check.Check == "kms:DescribeKey" {
					got, last = append(got, check.Status), check
				}
			}
			if !slices.Equal(got, c.want) || !strings.Contains(last.Detail, c.detail) {
				t.Fatalf("got %v, the last %+v; want %v and %q", got, last, c.want, c.detail)
			}
			if c.refused == 0 {
				return
			}
			if last.Gap == nil || !strings.HasPrefix(last.Gap.Asset, "arn:aws:kms:") || !strings.Contains(last.Detail, "key "+last.Gap.Asset[strings.LastIndexByte(last.Gap.Asset, '/')+1:]) {
				t.Errorf("which key it is is not said: %+v", last)
			}
			if !strings.Contains(last.Fix, "key's policy") {
				t.Errorf("it is to be mended by %q", last.Fix)
			}
		})
	}
}
