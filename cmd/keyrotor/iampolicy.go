package main

import (
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
The list is the calls that keyrotor really makes: tests record them.`,
		Example: "  keyrotor iam-policy --format cloudformation --trusted arn:aws:iam::111122223333:role/keyrotor > roles.yaml\n  keyrotor iam-policy --role scan scan",
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
			o.ExternalID = orText(o.ExternalID, cfg.Organization.ExternalID)
			o.Trusted = orText(o.Trusted, cfg.Organization.AssumeFrom)
			o.Partition = orText(o.Partition, cfg.estate("").Partition())
			o.SourceIdentity = cfg.Organization.SourceIdentity != ""
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
	fl := cmd.Flags()
	fl.StringVar(&format, "format", "json", strings.Join(aws.PolicyFormats(), ", "))
	fl.StringVar(&role, "role", "", "print only the policy of this role: scan or apply (json)")
	fl.StringVar(&o.Trusted, "trusted", "", "`ARN` that assumes the roles (default: organization.assume_from of the configuration)")
	fl.StringVar(&o.Organization, "organization", "", "limit the trust to this organization `ID`")
	fl.StringVar(&o.Partition, "partition", "", "aws, aws-cn or aws-us-gov (default: that of home_region and regions of the configuration, else aws)")
	fl.StringVar(&o.ExternalID, "external-id", "", "external id that the trust asks for")
	return cmd
}
