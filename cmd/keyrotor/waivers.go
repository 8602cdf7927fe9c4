package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"time"

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
	// A pattern will do: waivers name who answers for each of them.
	names = append(names, signers.Patterns(key.PublicKey(), approve.WaiversNamespace, s.now().UTC())...)
	if len(names) == 0 {
		return s.noWaivers(signers, key.PublicKey())
	}
	w, err := assess.LoadWaivers(path, text, s.now().UTC(), names[0])
	if err != nil {
		return &usageError{err}
	}
	if err := s.fits(w); err != nil {
		return err
	}
	if err := s.knownApprovers(path, w, signers); err != nil {
		return err
	}
	sig, err := approve.SignBytes(text, approve.WaiversNamespace, key, s.rand)
	if err != nil {
		return err
	}
	err = replaceFile(path+".sig", func(w io.Writer) error {
		_, err := w.Write(sig)
		return err
	})
	if err != nil {
		return usage("write the signature: %w", err)
	}
	fmt.Fprintf(s.out, "signed   %s.sig as %s\n", path, report.Clean(names[0]))
	if !s.inForce(path) {
		fmt.Fprintf(s.out, "! no waiver of it holds yet: %s names %s\n", cmp.Or(s.flags.config, "keyrotor.yaml"), cmp.Or(s.cfg.Waivers, "no waivers"))
		s.showNext("write into the configuration: waivers: " + path)
		return nil
	}
	s.showNext("keyrotor assess   holds the keys against the rules with these waivers")
	return nil
}

// inForce reports whether the configuration names this file.
func (s *session) inForce(path string) bool {
	if s.cfg.Waivers == "" {
		return false
	}
	given, err := os.Stat(path)
	if err != nil {
		return false
	}
	named, err := os.Stat(s.cfg.path(s.cfg.Waivers))
	return err == nil && os.SameFile(given, named)
}

// knownApprovers refuses waivers for which nobody answers whom the signers know.
func (s *session) knownApprovers(path string, w *assess.Waivers, signers *approve.AllowedSigners) error {
	var why []string
	for _, one := range w.List() {
		if !signers.Names(one.Approver) {
			why = append(why, fmt.Sprintf("the approver of the waiver of %s until %s, %q, is nobody there", one.Rule, one.Until.Format(time.DateOnly), one.Approver))
		}
	}
	if len(why) == 0 {
		return nil
	}
	return &keyrotor.Refusal{
		What: path + " names approvers who are not in " + s.cfg.path(s.cfg.Approval.Signers), Why: why, Now: "nothing was signed or waived",
		Next: "name somebody who is there, as allowed_signers calls them, then\nkeyrotor waivers sign --key KEY " + quoted(path),
	}
}
