package aws_test

import (
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
	found, err := open(t, aws.Config{}).Doctor(t.Context(), true)
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
