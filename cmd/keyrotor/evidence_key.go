package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/keyrotor/keyrotor/internal/report"
)

func (p *program) evidenceKeyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Print the ledger's public key, for --key of evidence verify",
		Long: `Key prints the public key of the ledger, for --key of evidence verify: the one
that sealed the state's ledger where that can be told, else this machine's. Give
it to whoever checks, out of reach of those who can write the state.`,
		Example: "  keyrotor evidence key > ledger.pub",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			return s.showLedgerKey()
		},
	}
}

// showLedgerKey prints the key that sealed this state. Whose it is goes to
// standard error where it is not this machine's, for standard output is a file's.
func (s *session) showLedgerKey() error {
	_, own, err := s.ledgerKey()
	if err != nil {
		return err
	}
	checkpoint, err := os.ReadFile(filepath.Join(s.ledgerDir(), "checkpoint"))
	if err != nil || signedBy(checkpoint, own) {
		_, err = fmt.Fprintln(s.out, own) // nothing is sealed here yet, or we did
		return err
	}
	path, err := s.ledgerKeyPath()
	if err != nil {
		return err
	}
	say := func(format string, args ...any) {
		fmt.Fprintln(s.err, report.Clean(fmt.Sprintf(format, args...)))
	}
	// The demo, and whoever hands a state over, leaves the public key beside it.
	beside := filepath.Join(filepath.Dir(s.state.Dir()), "ledger.pub")
	text, _ := readInput(beside, maxText)
	for line := range strings.Lines(string(text)) {
		if key := strings.TrimSpace(line); signedBy(checkpoint, key) {
			say("! this key sealed %s; it is not this machine's, but was read from %s", s.state.Dir(), beside)
			say("  a check that trusts nobody gets the key from elsewhere than beside the state")
			_, err = fmt.Fprintln(s.out, report.Clean(key)) // the name in it is whatever somebody wrote
			return err
		}
	}
	say("! this machine's key (%s), which did not sign the latest checkpoint of %s", path, s.state.Dir())
	say("  the key that did is printed where that was done, by the same command")
	_, err = fmt.Fprintln(s.out, own)
	return err
}

// signedBy reports whether a verifier key vouches for a checkpoint.
func signedBy(checkpoint []byte, key string) bool {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return false
	}
	_, err = note.Open(checkpoint, note.VerifierList(verifier))
	return err == nil
}
