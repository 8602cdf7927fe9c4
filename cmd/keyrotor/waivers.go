package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/report"
)

func (p *program) waiversCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "waivers",
		Short: "Sign the reviewed file of waivers",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var key string
	sign := &cobra.Command{
		Use:   "sign FILE",
		Short: "Check a file of waivers and write FILE.sig beside it",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			return s.signWaivers(args[0], key)
		},
	}
	sign.Flags().StringVar(&key, "key", "", "sign with this SSH private key, or with the agent's key for this .pub `FILE`")
	cmd.AddCommand(sign)
	return cmd
}

func (s *session) signWaivers(path, keyPath string) error {
	text, err := readInput(path, maxText)
	if err != nil {
		return usage("read the waivers: %w", err)
	}
	signers, _, err := s.signers()
	if err != nil {
		return err
	}
	key, done, err := s.signer(keyPath)
	if err != nil {
		return err
	}
	defer done()
	names := signers.PrincipalsOf(key.PublicKey(), approve.WaiversNamespace, s.now().UTC())
	if len(names) == 0 {
		return &keyrotor.Refusal{What: "the key " + fingerprintOf(key.PublicKey()) + " may not sign waivers", Now: "nothing was signed", Next: "have its public half added to " + s.cfg.path(s.cfg.Approval.Signers) + ", in a reviewed change, or sign with a key that is there: --key KEY"}
	}
	if _, err := assess.LoadWaivers(path, text, s.now().UTC(), names[0]); err != nil {
		return &usageError{err}
	}
	sig, err := approve.SignBytes(text, approve.WaiversNamespace, key, s.rand)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".sig", sig, 0o644); err != nil {
		return usage("write the signature: %w", err)
	}
	fmt.Fprintf(s.out, "signed   %s.sig as %s\n", path, report.Clean(names[0]))
	s.showNext("keyrotor assess   holds the keys against the rules with these waivers")
	return nil
}
