package aws

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// TrustOptions say who may take on the two roles, and how they are called.
type TrustOptions struct {
	Partition string // "aws" by default
	// Trusted is the ARN that assumes the roles: a role, a user, or an account's
	// root. Empty leaves a parameter to fill in.
	Trusted string
	// Organization limits the trust to principals of this organization.
	Organization string
	ExternalID   string
	// SourceIdentity lets the trusted principal set a source identity.
	SourceIdentity      bool
	ScanRole, ApplyRole string
	// Only prints the bare policy of this role in format json.
	Only Role
}

// Formats of RenderPolicy.
const (
	FormatJSON           = "json"
	FormatTerraform      = "terraform"
	FormatCloudFormation = "cloudformation"
)

// PolicyFormats are the formats that RenderPolicy knows.
func PolicyFormats() []string { return []string{FormatJSON, FormatTerraform, FormatCloudFormation} }

// RenderPolicy prints the least-privilege policies for the commands: as JSON
// (every role's policy, and the trust of the two roles), as Terraform, or as a
// CloudFormation template for a StackSet that makes both roles.
func RenderPolicy(format string, commands []string, o TrustOptions) (string, error) {
	o.Partition = cmp.Or(o.Partition, "aws")
	o.ScanRole, o.ApplyRole = cmp.Or(o.ScanRole, DefaultScanRole), cmp.Or(o.ApplyRole, DefaultApplyRole)
	if err := o.validate(); err != nil {
		return "", err
	}
	permissions, err := Permissions(commands...)
	if err != nil {
		return "", err
	}
	if err := useful(permissions, commands, o.Only); err != nil {
		return "", err
	}
	if o.SourceIdentity && needed(RoleOwn, permissions) {
		permissions = append(permissions, Permission{Role: RoleOwn, Call: callSourceIdentity, On: OnRoles, Why: "STS asks for it where a session carries a source identity"})
	}
	switch format {
	case FormatJSON:
		return renderJSON(permissions, o)
	case FormatTerraform:
		return renderTerraform(permissions, o)
	case FormatCloudFormation:
		return renderCloudFormation(permissions, o)
	}
	return "", fmt.Errorf("aws: policy format %q is none of %s", format, strings.Join(PolicyFormats(), ", "))
}

// validate keeps what goes into the templates to characters that need no
// quoting in any of the three languages.
func (o TrustOptions) validate() error {
	plain := regexp.MustCompile(`^[\w+=,.@:/{}*-]*$`)
	for field, value := range map[string]string{
		"partition": o.Partition, "trusted": o.Trusted, "organization": o.Organization,
		"external id": o.ExternalID, "scan role": o.ScanRole, "apply role": o.ApplyRole,
	} {
		if !plain.MatchString(value) {
			return fmt.Errorf("aws: %s %q holds characters that have no place in it", field, value)
		}
	}
	if err := o.principal(); err != nil {
		return err
	}
	for field, role := range map[string]string{"scan role": o.ScanRole, "apply role": o.ApplyRole} {
		if strings.Contains(role, ":") {
			return fmt.Errorf("aws: %s %q: a role to be made is given by its name", field, role)
		}
	}
	return nil
}

// principalPattern is what a trust policy names: a role, a user, a session or an
// account's root, by its ARN.
const principalPattern = "^arn:[a-z-]+:(iam|sts)::[0-9]{12}:.+$"

// principal refuses what IAM would refuse when the trust policy is deployed, or
// take for something else.
func (o TrustOptions) principal() error {
	switch {
	case o.Trusted == "":
		return nil // a parameter to fill in
	case !regexp.MustCompile(principalPattern).MatchString(o.Trusted):
		return fmt.Errorf("aws: trusted %q is no ARN of a principal, such as arn:%s:iam::111122223333:role/keyrotor", o.Trusted, o.Partition)
	case !strings.HasPrefix(o.Trusted, "arn:"+o.Partition+":"):
		return fmt.Errorf("aws: trusted %s is not of the partition %s, for which the roles are: no trust reaches across partitions", o.Trusted, o.Partition)
	}
	return nil
}

// Policy documents, in the order of fields that people expect.
type (
	document struct {
		Version   string
		Statement []statement
	}
	statement struct {
		Sid       string `json:",omitempty"`
		Effect    string
		Principal map[string]string            `json:",omitempty"`
		Action    []string                     `json:",omitempty"`
		Resource  any                          `json:",omitempty"`
		Condition map[string]map[string]string `json:",omitempty"`
	}
)

const policyVersion = "2012-10-17"

// callSourceIdentity is no call of its own: both the trust and whoever assumes
// the role need it where a session carries a source identity.
const callSourceIdentity = "sts:SetSourceIdentity"

// names are how a template writes the partition and the account.
type names struct{ partition, account string }

// policyOf is the policy document of one role.
func policyOf(role Role, permissions []Permission, o TrustOptions, n names) document {
	type group struct {
		on    Resource
		write bool
	}
	actions := make(map[group][]string)
	for _, p := range permissions {
		if p.Role == role {
			g := group{p.On, p.Write}
			actions[g] = append(actions[g], p.Call)
		}
	}
	doc := document{Version: policyVersion, Statement: []statement{}}
	for _, g := range []group{
		{OnRoles, false}, {OnAnything, false}, {OnKeys, false}, {OnAnything, true}, {OnKeys, true}, {OnKeysAndAliases, true},
	} {
		if calls := actions[g]; len(calls) > 0 {
			slices.Sort(calls)
			doc.Statement = append(doc.Statement, statement{
				Sid: sid(g.on, g.write), Effect: "Allow", Action: calls, Resource: resources(g.on, permissions, o, n),
			})
		}
	}
	return doc
}

func sid(on Resource, write bool) string {
	verb := "Read"
	if write {
		verb = "Change"
	}
	switch on {
	case OnRoles:
		return "EnterAccounts"
	case OnKeys:
		return verb + "Keys"
	case OnKeysAndAliases:
		return verb + "Aliases"
	case OnAnything:
	}
	return verb + "Lists"
}

func resources(on Resource, permissions []Permission, o TrustOptions, n names) any {
	arn := "arn:" + n.partition
	switch on {
	case OnKeys:
		return arn + ":kms:*:" + n.account + ":key/*"
	case OnKeysAndAliases:
		return []string{arn + ":kms:*:" + n.account + ":key/*", arn + ":kms:*:" + n.account + ":alias/*"}
	case OnRoles:
		var roles []string
		for _, r := range templateRoles(permissions, o) {
			roles = append(roles, arn+":iam::*:role/"+r.name)
		}
		return roles
	case OnAnything:
	}
	return "*"
}

// trustOf is the trust policy of both roles.
func trustOf(o TrustOptions, trusted string) document {
	conditions := make(map[string]string)
	if o.Organization != "" {
		conditions["aws:PrincipalOrgID"] = o.Organization
	}
	if o.ExternalID != "" {
		conditions["sts:ExternalId"] = o.ExternalID
	}
	s := statement{Effect: "Allow", Principal: map[string]string{"AWS": trusted}, Action: []string{callAssumeRole}}
	if o.SourceIdentity {
		s.Action = append(s.Action, callSourceIdentity)
	}
	if len(conditions) > 0 {
		s.Condition = map[string]map[string]string{"StringEquals": conditions}
	}
	return document{Version: policyVersion, Statement: []statement{s}}
}

// useful refuses to print a policy that allows nothing: IAM takes none.
func useful(permissions []Permission, commands []string, only Role) error {
	switch {
	case len(permissions) == 0:
		return fmt.Errorf("no call of AWS is made by %s: no permission is needed", strings.Join(commands, ", "))
	case only != "" && !needed(only, permissions):
		return fmt.Errorf("no call is made with the role %s by %s: it needs no policy for that", only, strings.Join(commands, ", "))
	}
	return nil
}

// needed reports whether the permissions give a role anything to do.
func needed(role Role, permissions []Permission) bool {
	return slices.ContainsFunc(permissions, func(p Permission) bool { return p.Role == role })
}

func renderJSON(permissions []Permission, o TrustOptions) (string, error) {
	anywhere := names{o.Partition, "*"}
	if o.Only != "" {
		return indented(policyOf(o.Only, permissions, o, anywhere))
	}
	type role struct {
		Name   string   `json:"name,omitempty"`
		Policy document `json:"policy"`
		Trust  any      `json:"trust,omitempty"`
	}
	trust := trustOf(o, cmp.Or(o.Trusted, "arn:"+o.Partition+":iam::ACCOUNT-THAT-RUNS-KEYROTOR:root"))
	all := struct {
		Caller role  `json:"caller"`
		Scan   *role `json:"scan_role,omitempty"`
		Apply  *role `json:"apply_role,omitempty"`
	}{Caller: role{Policy: policyOf(RoleOwn, permissions, o, anywhere)}}
	if needed(RoleScan, permissions) {
		all.Scan = &role{o.ScanRole, policyOf(RoleScan, permissions, o, anywhere), trust}
	}
	if needed(RoleApply, permissions) {
		all.Apply = &role{o.ApplyRole, policyOf(RoleApply, permissions, o, anywhere), trust}
	}
	return indented(all)
}

func indented(v any) (string, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", fmt.Errorf("render policy: %w", err)
	}
	return string(b) + "\n", nil
}
