package main

import (
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/aws"
)

func (p *program) configCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration, and print its JSON Schema",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of keyrotor.yaml, for editors", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := configSchema()
			if err != nil {
				return err
			}
			_, err = p.out.Write(text)
			return err
		},
	}, &cobra.Command{
		Use: "check", Short: "Load the configuration, its rules, waivers, signers and ledger keys", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.checkConfig() },
	})
	return cmd
}

// configSchema reflects the schema from Config's own tags, and gives texts the form
// in which they are read.
func configSchema() ([]byte, error) {
	r := jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Anonymous: true,
		Mapper: formOfType,
	}
	schema := r.Reflect(&Config{})
	schema.Title = "keyrotor.yaml"
	if err := giveForms(schema); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	return append(text, '\n'), err
}

func (p *program) checkConfig() error {
	s, err := p.open()
	if err != nil {
		return err
	}
	if err := s.checkLedger(); err != nil {
		return err
	}
	if what := s.inState(); what != "" {
		return usageNext(ownFolder, "the state %s %s", s.state.Dir(), what)
	}
	if _, err := s.gapMatcher(); err != nil {
		return err
	}
	if s.cfg.Approval.Signers != "" {
		signers, _, err := s.signers()
		if err != nil {
			return err
		}
		if err := s.checkNeeded(signers); err != nil {
			return err
		}
	}
	waivers, _, err := s.waivers()
	if err != nil {
		return err
	}
	if err := s.fits(waivers); err != nil {
		return err
	}
	fmt.Fprintln(p.out, "the configuration is good: it loads, with its rules, waivers, signers and ledger keys")
	p.showNext("keyrotor doctor   tries credentials, roles and permissions")
	return nil
}

// checkLedger refuses a key that cannot seal, and keys of others that are none:
// whatever writes the record would.
func (s *session) checkLedger() error {
	path, err := s.ledgerKeyPath()
	if err != nil {
		return err
	}
	if _, err := s.checkOwnLedgerKey(path); err != nil {
		return usageNext("mend "+path+", or name another file in ledger_key or KEYROTOR_LEDGER_KEY", "%w", err)
	}
	_, err = s.ledgerKeys()
	return err
}

// checkNeeded refuses signers of whom too few can ever approve a plan.
func (s *session) checkNeeded(signers *approve.AllowedSigners) error {
	c := aws.DoctorCheck{Detail: s.cfg.path(s.cfg.Approval.Signers)}
	s.checkEnough(signers, &c)
	if c.Status == aws.CheckFailed {
		return usageNext(c.Fix, "approval.needed: %s", c.Detail)
	}
	return nil
}
