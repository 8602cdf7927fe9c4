package main

import (
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// commanded plans what the user asks for, beside what rules ask for.
func (p *program) commanded(cmd *cobra.Command, f planFlags, kind plan.Command, c plan.CommandOptions) error {
	s, err := p.open()
	if err != nil {
		return err
	}
	// A key that is yet to be made cannot be chosen.
	if kind != plan.CommandCreateKey && f.selection == "" {
		return usage("%s: say which keys with --select EXPR ('true' is all of them)", cmd.CommandPath())
	}
	if kind == plan.CommandCreateKey {
		if err := s.placeOf(c.Key); err != nil {
			return err
		}
	}
	return s.planned(f, func(all iter.Seq2[keyrotor.Assessment, error], o plan.Options) (keyrotor.Plan, error) {
		return plan.BuildCommand(kind, all, o, c)
	})
}

func (p *program) planSetPeriodCmd() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "set-period",
		Short: "Plan to set the rotation period of keys that rotate automatically",
		Long: `Set-period plans EnableKeyRotation with a period for the chosen keys. Without
--period each gets the shortest that the rules which it fails ask for, else 365 days
or the cryptoperiod where that is shorter; a period that is shorter already stays.`,
		Example: "  keyrotor plan set-period --period 180 --select 'asset.tags.env == \"prod\"'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.commanded(cmd, f, plan.CommandSetPeriod, plan.CommandOptions{})
		},
	}
	f.register(cmd)
	f.registerSelect(cmd)
	f.registerPeriod(cmd)
	return cmd
}

func (p *program) planRotateNowCmd() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "rotate-now",
		Short: "Plan to rotate keys once, on demand; a key has 25 of these for life",
		Long: `Rotate-now plans RotateKeyOnDemand for the chosen keys. KMS allows 25 on-demand
rotations in a key's life; the plan counts what is left. The automatic schedule
stays as it is, and ciphertext of the old material keeps decrypting.`,
		Example: "  keyrotor plan rotate-now --select 'asset.id == \"1234…\"' --reason 'suspected leak'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.commanded(cmd, f, plan.CommandRotateNow, plan.CommandOptions{})
		},
	}
	f.register(cmd)
	f.registerSelect(cmd)
	return cmd
}

func (p *program) planTagCmd() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "tag KEY=VALUE …",
		Short: "Plan to tag keys; refuses tags that a key policy conditions on",
		Long: `Tag plans TagResource for the chosen keys. Tags can grant access where policies
condition on them: tag keys that a key's own policy reads are refused, and the plan
warns about IAM policies, which keyrotor does not see.`,
		Example: "  keyrotor plan tag owner=pay-team env=prod --select 'asset.name.startsWith(\"alias/pay\")'",
		Args:    atLeast(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tags, err := parseTags(args)
			if err != nil {
				return err
			}
			if why := plan.WrongTags(tags); len(why) > 0 {
				return usage("%s: %s", cmd.CommandPath(), strings.Join(why, "; "))
			}
			return p.commanded(cmd, f, plan.CommandTag, plan.CommandOptions{Tags: tags})
		},
	}
	f.register(cmd)
	f.registerSelect(cmd)
	return cmd
}

func parseTags(pairs []string) (map[string]string, error) {
	tags := map[string]string{}
	for _, pair := range pairs {
		k, v, ok := strings.Cut(pair, "=")
		if !ok || k == "" {
			return nil, usage("%q is no KEY=VALUE", pair)
		}
		if _, twice := tags[k]; twice {
			return nil, usage("tag %q is given twice", k)
		}
		tags[k] = v
	}
	return tags, nil
}

func (p *program) planCreateKeyCmd() *cobra.Command {
	var (
		f      planFlags
		key    plan.NewKey
		tags   []string
		policy string
	)
	cmd := &cobra.Command{
		Use:   "create-key",
		Short: "Plan a new key with alias, tags, policy and rotation",
		Long: `Create-key plans CreateKey, CreateAlias and, where the spec allows, rotation, in an
account and a Region that the latest scan read. A key takes 50 tags, of which
keyrotor sets one, to find the key again after a crash.`,
		Example: "  keyrotor plan create-key --account 111122223333 --region eu-west-1 --alias alias/payments-2 --tag owner=pay-team",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if key.Account == "" || key.Region == "" || key.Alias == "" {
				return usage("%s: --account, --region and --alias are needed", cmd.CommandPath())
			}
			var err error
			if key.Tags, err = parseTags(tags); err != nil {
				return err
			}
			if policy != "" {
				text, err := readInput(policy, maxText)
				if err != nil {
					return usage("read the key policy: %w", err)
				}
				if len(text) == 0 {
					return usage("the key policy %s is empty; for KMS's own, leave out --policy", policy)
				}
				key.Policy = string(text)
			}
			if why := key.Wrong(f.period); len(why) > 0 {
				return usage("%s: %s", cmd.CommandPath(), strings.Join(why, "; "))
			}
			return p.commanded(cmd, f, plan.CommandCreateKey, plan.CommandOptions{Key: key})
		},
	}
	f.register(cmd)
	f.registerPeriod(cmd)
	fl := cmd.Flags()
	fl.StringVar(&key.Account, "account", "", "account `ID` that will own the key")
	fl.StringVar(&key.Region, "region", "", "`REGION` of the key")
	fl.StringVar(&key.Partition, "partition", "", "aws, aws-cn or aws-us-gov (default: that of your own identity)")
	fl.StringVar(&key.Alias, "alias", "", "alias of the key, alias/NAME")
	fl.StringVar(&key.Description, "description", "", "description of the key")
	fl.StringVar(&key.Spec, "spec", "", "key spec (default SYMMETRIC_DEFAULT)")
	fl.StringVar(&key.Usage, "usage", "", "key usage (default the only one that the spec has)")
	fl.BoolVar(&key.MultiRegion, "multi-region", false, "make a multi-Region primary key")
	fl.StringArrayVar(&tags, "tag", nil, "tag of the key, `KEY=VALUE`; may be repeated")
	fl.StringVar(&policy, "policy", "", "key policy, a JSON `FILE` (default: KMS's, which delegates to IAM)")
	return cmd
}
