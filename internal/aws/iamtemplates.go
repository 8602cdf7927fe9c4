package aws

import (
	"cmp"
	"fmt"
	"path"
	"strings"
)

// templateRole is one of the two roles as the templates make it.
type templateRole struct {
	role       Role
	name       string // may hold a path: "ops/scan"
	logical    string // "ScanRole", "keyrotor_scan"
	about      string
	policyName string
}

func templateRoles(permissions []Permission, o TrustOptions) []templateRole {
	var roles []templateRole
	if needed(RoleScan, permissions) {
		roles = append(roles, templateRole{RoleScan, o.ScanRole, "ScanRole", "keyrotor reads with this role: scan, doctor, plan --undo, verify and the second looks of apply. It changes nothing.", "keyrotor-scan"})
	}
	if needed(RoleApply, permissions) {
		roles = append(roles, templateRole{RoleApply, o.ApplyRole, "ApplyRole", "keyrotor apply carries out approved plans with this role.", "keyrotor-apply"})
	}
	return roles
}

// iamPath splits "ops/scan" into "/ops/" and "scan".
func (r templateRole) iamPath() (string, string) {
	dir, name := path.Split(r.name)
	if dir == "" {
		return "/", name
	}
	return "/" + strings.Trim(dir, "/") + "/", name
}

func renderTerraform(permissions []Permission, o TrustOptions) (string, error) {
	var b strings.Builder
	b.WriteString("# The roles of keyrotor, for every account that it enters.\n")
	trusted := o.Trusted
	if trusted == "" {
		b.WriteString("\nvariable \"keyrotor_principal\" {\n  description = \"ARN of the role that runs keyrotor\"\n  type        = string\n}\n")
		trusted = "${var.keyrotor_principal}"
	}
	trust, err := indented(trustOf(o, trusted))
	if err != nil {
		return "", err
	}
	for _, r := range templateRoles(permissions, o) {
		policy, err := indented(policyOf(r.role, permissions, o, names{o.Partition, "*"}))
		if err != nil {
			return "", err
		}
		where, name := r.iamPath()
		resource := "keyrotor_" + string(r.role)
		fmt.Fprintf(&b, "\n# %s\nresource \"aws_iam_role\" %q {\n  name                 = %q\n  path                 = %q\n  description          = %q\n  max_session_duration = 3600\n  assume_role_policy   = <<-JSON\n%s  JSON\n}\n",
			r.about, resource, name, where, r.about, shifted(trust, "    "))
		fmt.Fprintf(&b, "\nresource \"aws_iam_role_policy\" %q {\n  name   = %q\n  role   = aws_iam_role.%s.id\n  policy = <<-JSON\n%s  JSON\n}\n",
			resource, r.policyName, resource, shifted(policy, "    "))
	}
	caller, err := indented(policyOf(RoleOwn, permissions, o, names{o.Partition, "*"}))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "\n# What the principal that runs keyrotor needs itself: attach it there.\noutput \"keyrotor_caller_policy\" {\n  value = <<-JSON\n%s  JSON\n}\n", shifted(caller, "    "))
	return b.String(), nil
}

// renderCloudFormation writes a template for a service-managed StackSet. IAM is
// global: deploy it to one Region of each account. StackSets leave the
// management account out; make the roles there with a stack of its own.
func renderCloudFormation(permissions []Permission, o TrustOptions) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `AWSTemplateFormatVersion: "2010-09-09"
Description: >-
  The roles of keyrotor, least privilege. Deploy as a StackSet to one Region of
  every account; the management account needs a stack of its own.
Parameters:
  TrustedPrincipal:
    Type: String
    Description: ARN of the role that runs keyrotor (or of its account's root)
    AllowedPattern: %q
%s  OrganizationId:
    Type: String
    Description: only principals of this organization may assume the roles; empty for any
    Default: %q
  ExternalId:
    Type: String
    Description: external id that keyrotor must present; empty for none
    Default: %q
Conditions:
  HasOrganization: !Not [!Equals [!Ref OrganizationId, ""]]
  HasExternalId: !Not [!Equals [!Ref ExternalId, ""]]
  HasConditions: !Or [!Condition HasOrganization, !Condition HasExternalId]
Resources:
`, principalPattern, optionalDefault(o.Trusted), o.Organization, o.ExternalID)
	for _, r := range templateRoles(permissions, o) {
		b.WriteString(cloudFormationRole(r, permissions, o))
	}
	b.WriteString("Outputs:\n")
	for _, r := range templateRoles(permissions, o) {
		fmt.Fprintf(&b, "  %sArn:\n    Value: !GetAtt %s.Arn\n", r.logical, r.logical)
	}
	return b.String(), nil
}

func optionalDefault(value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf("    Default: %q\n", value)
}

func cloudFormationRole(r templateRole, permissions []Permission, o TrustOptions) string {
	where, name := r.iamPath()
	actions := "[" + callAssumeRole + "]"
	if o.SourceIdentity {
		actions = "[" + callAssumeRole + ", " + callSourceIdentity + "]"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `  %s:
    Type: AWS::IAM::Role
    Properties:
      RoleName: %q
      Path: %q
      Description: %q
      MaxSessionDuration: 3600
      AssumeRolePolicyDocument:
        Version: %q
        Statement:
          - Effect: Allow
            Principal: {AWS: !Ref TrustedPrincipal}
            Action: %s
            Condition: !If
              - HasConditions
              - StringEquals:
                  aws:PrincipalOrgID: !If [HasOrganization, !Ref OrganizationId, !Ref "AWS::NoValue"]
                  sts:ExternalId: !If [HasExternalId, !Ref ExternalId, !Ref "AWS::NoValue"]
              - !Ref AWS::NoValue
      Policies:
        - PolicyName: %q
          PolicyDocument:
            Version: %q
            Statement:
`, r.logical, name, where, r.about, policyVersion, actions, r.policyName, policyVersion)
	doc := policyOf(r.role, permissions, o, names{"${AWS::Partition}", "${AWS::AccountId}"})
	for _, s := range doc.Statement {
		fmt.Fprintf(&b, "              - Sid: %s\n                Effect: Allow\n                Action:\n", s.Sid)
		for _, a := range s.Action {
			fmt.Fprintf(&b, "                  - %s\n", a)
		}
		b.WriteString("                Resource:\n")
		for _, arn := range asList(s.Resource) {
			fmt.Fprintf(&b, "                  - %s\n", cmp.Or(substituted(arn), arn))
		}
	}
	return b.String()
}

func asList(v any) []string {
	if list, ok := v.([]string); ok {
		return list
	}
	return []string{fmt.Sprint(v)}
}

func substituted(arn string) string {
	if strings.Contains(arn, "${") {
		return fmt.Sprintf("!Sub %q", arn)
	}
	return fmt.Sprintf("%q", arn)
}

func shifted(text, by string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return by + strings.Join(lines, "\n"+by) + "\n"
}
