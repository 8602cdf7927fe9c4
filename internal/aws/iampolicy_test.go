package aws_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/keyrotor/keyrotor/internal/aws"
)

func TestScanAloneNeedsNoPermissionToWrite(t *testing.T) {
	list, err := aws.Permissions("scan", "verify", "explain", "plan", "doctor")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.Write {
			t.Errorf("%s as %s", p.Call, p.Role)
		}
	}
	if _, err := aws.Permissions("frobnicate"); err == nil || !strings.Contains(err.Error(), "known: ") {
		t.Errorf("unknown command: %v", err)
	}
}

func TestPolicyForOneVerbHoldsNoOther(t *testing.T) {
	out, err := aws.RenderPolicy(aws.FormatJSON, []string{"enable-rotation"}, aws.TrustOptions{Only: aws.RoleApply})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Statement []struct{ Action []string } }
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, s := range doc.Statement {
		actions = append(actions, s.Action...)
	}
	want := []string{"kms:DescribeKey", "kms:EnableKeyRotation", "kms:GetKeyRotationStatus"}
	slices.Sort(actions)
	if !slices.Equal(actions, want) {
		t.Errorf("got %v, want %v", actions, want)
	}
}

// A policy without statements, or with one role too many to take on, is refused by
// IAM, or allows what the commands never do.
func TestAPolicyForNothingIsNotPrinted(t *testing.T) {
	for name, tc := range map[string]struct {
		commands []string
		only     aws.Role
	}{
		"commands that read local files alone": {[]string{"plan", "explain"}, ""},
		"a role that the command does not use": {[]string{"scan"}, aws.RoleApply},
	} {
		for _, format := range aws.PolicyFormats() {
			if out, err := aws.RenderPolicy(format, tc.commands, aws.TrustOptions{Only: tc.only}); err == nil || !strings.Contains(err.Error(), tc.commands[0]) {
				t.Errorf("%s, %s: printed %q (%v), want an error that names the command", name, format, out, err)
			}
		}
	}
	out, err := aws.RenderPolicy(aws.FormatJSON, []string{"scan"}, aws.TrustOptions{Only: aws.RoleOwn})
	if err != nil || !strings.Contains(out, "role/keyrotor-scan") || strings.Contains(out, "role/keyrotor-apply") {
		t.Errorf("scan alone lets the caller take on more than the scan role (%v):\n%s", err, out)
	}
}

func TestACallerWhoSetsASourceIdentityIsAllowedTo(t *testing.T) {
	for _, sets := range []bool{false, true} {
		out, err := aws.RenderPolicy(aws.FormatJSON, []string{"scan"}, aws.TrustOptions{Only: aws.RoleOwn, SourceIdentity: sets})
		if got := strings.Contains(out, `"sts:SetSourceIdentity"`); err != nil || got != sets {
			t.Errorf("source identity %t: the caller's policy allows it: %t (%v)", sets, got, err)
		}
	}
}

func TestEveryPermissionIsPrinted(t *testing.T) {
	list, err := aws.Permissions(aws.PermissionCommands()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		out, err := aws.RenderPolicy(aws.FormatJSON, aws.PermissionCommands(), aws.TrustOptions{Only: p.Role})
		if err != nil || !strings.Contains(out, `"`+p.Call+`"`) {
			t.Errorf("%s of role %s is not in its policy (%v)", p.Call, p.Role, err)
		}
	}
}

func TestJSONPolicyNamesBothRolesAndTheirTrust(t *testing.T) {
	out, err := aws.RenderPolicy(aws.FormatJSON, nil, aws.TrustOptions{
		Partition: "aws-cn", Trusted: "arn:aws-cn:iam::111111111111:role/runner", Organization: "o-abc", ExternalID: "xy", SourceIdentity: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"arn:aws-cn:iam::*:role/keyrotor-scan"`, `"aws:PrincipalOrgID": "o-abc"`, `"sts:ExternalId": "xy"`,
		`"sts:SetSourceIdentity"`, `"arn:aws-cn:kms:*:*:key/*"`, `"scan_role"`, `"apply_role"`, `"caller"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing in\n%s", want, out)
		}
	}
	if !json.Valid([]byte(out)) {
		t.Error("not JSON")
	}
}

func TestCloudFormationTemplateIsYAMLWithBothRoles(t *testing.T) {
	out, err := aws.RenderPolicy(aws.FormatCloudFormation, nil, aws.TrustOptions{ScanRole: "ops/scan"})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Resources map[string]struct {
			Properties map[string]any `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(doc.Resources) != 2 || doc.Resources["ScanRole"].Properties["RoleName"] != "scan" || doc.Resources["ScanRole"].Properties["Path"] != "/ops/" {
		t.Errorf("resources %+v", doc.Resources)
	}
	for _, want := range []string{"kms:RotateKeyOnDemand", "kms:ListKeyRotations", "!Sub \"arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*\""} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing in\n%s", want, out)
		}
	}
	scanOnly, err := aws.RenderPolicy(aws.FormatCloudFormation, []string{"scan"}, aws.TrustOptions{})
	if err != nil || strings.Contains(scanOnly, "ApplyRole") || strings.Contains(scanOnly, "EnableKeyRotation") {
		t.Errorf("scan alone: %v\n%s", err, scanOnly)
	}
}

func TestTerraformAsksForThePrincipalItWasNotGiven(t *testing.T) {
	out, err := aws.RenderPolicy(aws.FormatTerraform, nil, aws.TrustOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`variable "keyrotor_principal"`, `"AWS": "${var.keyrotor_principal}"`, `resource "aws_iam_role" "keyrotor_apply"`, "kms:EnableKeyRotation"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing in\n%s", want, out)
		}
	}
	if strings.Count(out, "<<-JSON") != strings.Count(out, "\n  JSON\n") {
		t.Error("a heredoc is not closed")
	}
}

func TestWhatWouldBreakATemplateIsRefused(t *testing.T) {
	for name, o := range map[string]aws.TrustOptions{
		"a quote in the principal": {Trusted: `arn"`},
		"no ARN as the principal":  {Trusted: "nonsense"},
		"an account's number":      {Trusted: "111122223333"},
		"the ARN of a key":         {Trusted: "arn:aws:kms:eu-west-1:111122223333:key/x"},
		"another partition":        {Trusted: "arn:aws-cn:iam::111122223333:role/x"},
		"a line in the role":       {ScanRole: "a\nb"},
		"an ARN for a role":        {ApplyRole: "arn:aws:iam::1:role/x"},
	} {
		if _, err := aws.RenderPolicy(aws.FormatTerraform, nil, o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := aws.RenderPolicy("xml", nil, aws.TrustOptions{}); err == nil {
		t.Error("unknown format was accepted")
	}
}
