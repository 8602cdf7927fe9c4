package main

import (
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
	"github.com/spf13/cobra"
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
		Use: "check", Short: "Load the configuration, its rules, waivers and signers", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.checkConfig() },
	})
	return cmd
}

// configSchema reflects the schema from Config's own tags.
func configSchema() ([]byte, error) {
	r := jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Anonymous: true}
	schema := r.Reflect(&Config{})
	schema.Title = "keyrotor.yaml"
	text, err := json.MarshalIndent(schema, "", "  ")
	return append(text, '\n'), err
}

func (p *program) checkConfig() error {
	s, err := p.open()
	if err != nil {
		return err
	}
	if _, err := s.loadPacks(); err != nil {
		return err
	}
	if _, err := s.gapMatcher(); err != nil {
		return err
	}
	if s.cfg.Approval.Signers != "" {
		if _, _, err := s.signers(); err != nil {
			return err
		}
	}
	if _, _, err := s.waivers(); err != nil {
		return err
	}
	fmt.Fprintln(p.out, "the configuration is good: it loads, with its rules, waivers and signers")
	p.showNext("keyrotor doctor   tries credentials, roles and permissions")
	return nil
}
