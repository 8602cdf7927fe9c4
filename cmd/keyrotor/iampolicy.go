package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor/internal/aws"
)

func (p *program) iamPolicyCmd() *cobra.Command {
	var (
		o      aws.TrustOptions
		format string
		role   string
	)
	cmd := &cobra.Command{
		Use:   "iam-policy [COMMAND …]",
		Short: "Print the least privilege that the roles need, from the calls the code makes",
		Long: `Iam-policy prints what the scan role and the apply role must be allowed for the
named commands (default: scan, verify and apply), as JSON, Terraform, or a
CloudFormation template of both roles with their trust, to deploy as a StackSet.
The list is the calls that keyrotor really makes: tests record them.

The names are those of commands, of optional facts (last-use and grants: what
scan --with them needs), and of the single kinds of change: each is what apply
needs for it, with the second look at its canary. Undo is plan --undo (plan-undo)
and the apply of that plan. Plan and explain read no AWS and need nothing:

` + namesOfPermissions() + `

Beside the two roles, JSON and Terraform print what the caller needs, who runs
keyrotor and takes on the roles; it is no part of the CloudFormation template,
which makes roles in the other accounts.`,
		Example: "  keyrotor iam-policy --format cloudformation --trusted arn:aws:iam::111122223333:role/keyrotor > roles.yaml\n  keyrotor iam-policy --role scan scan last-use grants",
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, a := range args {
				if !slices.Contains(aws.PermissionCommands(), a) {
					return usageNext("keyrotor iam-policy scan verify apply", "iam-policy %s: one of %s", a, strings.Join(aws.PermissionCommands(), ", "))
				}
			}
			if !slices.Contains(aws.PolicyFormats(), format) {
				return usage("--format %s: one of %s", format, strings.Join(aws.PolicyFormats(), ", "))
			}
			cfg, err := loadConfig(p.flags.config)
			if err != nil {
				return err
			}
			o.ScanRole, o.ApplyRole = cfg.Organization.ScanRole, cfg.Organization.ApplyRole
			o.ExternalID = cmp.Or(o.ExternalID, cfg.Organization.ExternalID)
			o.Trusted = cmp.Or(o.Trusted, cfg.Organization.AssumeFrom)
			o.Partition = cmp.Or(o.Partition, cfg.estate("").Partition())
			o.SourceIdentity = cfg.Organization.SourceIdentity != ""
			if role != "" && !slices.Contains([]aws.Role{aws.RoleScan, aws.RoleApply, aws.RoleOwn}, aws.Role(role)) {
				return usage("--role %s: one of %s, %s, or %s for the caller", role, aws.RoleScan, aws.RoleApply, aws.RoleOwn)
			}
			if role != "" {
				o.Only = aws.Role(role)
			}
			text, err := aws.RenderPolicy(format, args, o)
			if err != nil {
				return usage("%w", err)
			}
			_, err = fmt.Fprintln(p.out, strings.TrimRight(text, "\n"))
			return err
		},
	}
	cmd.ValidArgs = aws.PermissionCommands() // for completion; RunE says what is wrong with others
	fl := cmd.Flags()
	fl.StringVar(&format, "format", "json", strings.Join(aws.PolicyFormats(), ", "))
	fl.StringVar(&role, "role", "", "print only the policy of this role: scan, apply, or own for the caller (json)")
	fl.StringVar(&o.Trusted, "trusted", "", "`ARN` that assumes the roles (default: organization.assume_from of the configuration)")
	fl.StringVar(&o.Organization, "organization", "", "limit the trust to this organization `ID`")
	fl.StringVar(&o.Partition, "partition", "", "aws, aws-cn or aws-us-gov (default: that of home_region and regions of the configuration, else aws)")
	fl.StringVar(&o.ExternalID, "external-id", "", "external id that the trust asks for")
	return cmd
}

// namesOfPermissions are the names that iam-policy takes, in lines.
func namesOfPermissions() string {
	var lines []string
	line := " "
	for _, name := range aws.PermissionCommands() {
		if len(line)+1+len(name) > 78 {
			lines, line = append(lines, line), " "
		}
		line += " " + name
	}
	return strings.Join(append(lines, line), "\n")
}
