package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/report"
)

func (p *program) evidenceCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evidence",
		Short: "Check the record of runs, offline and without trusting keyrotor's operator",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.evidenceVerifyCmd(), p.evidenceKeyCmd())
	return cmd
}

func (p *program) evidenceVerifyCmd() *cobra.Command {
	var key, checkpoint string
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Find any changed byte, removed line, missing file or run",
		Long: `Verify checks a state folder, or the folder of one run, without network and
without AWS. With --key it also knows who signed; with --checkpoint, a copy of the
ledger's checkpoint that was kept elsewhere (S3 Object Lock, git, mail), it also
finds a cut tail, a rewrite or a fork. Without them it says what it cannot exclude.`,
		Example: "  keyrotor evidence verify ./state\n  keyrotor evidence verify --key ledger.pub --checkpoint mailed.txt ./state",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var o ledger.VerifyOptions
			text, err := readGiven(key)
			if err != nil {
				return usage("read the ledger's public key: %w", err)
			}
			o.Key = string(text)
			if o.Checkpoint, err = readGiven(checkpoint); err != nil {
				return usage("read the checkpoint: %w", err)
			}
			return p.verifyEvidence(args[0], o)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the ledger's public key, a `FILE` got from elsewhere than DIR")
	cmd.Flags().StringVar(&checkpoint, "checkpoint", "", "an earlier checkpoint, a `FILE` kept elsewhere")
	return cmd
}

// readGiven reads the file of a flag. An empty file is refused: taken for a
// flag that was not given, it would weaken the check without a word.
func readGiven(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readInput(path, maxText)
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	return text, err
}

func (p *program) evidenceKeyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Print the ledger's public key, for --key of evidence verify",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, verifier, err := p.ledgerKey()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.out, verifier)
			return err
		},
	}
}

// verifyEvidence checks a folder and shows every place that is not what it was.
func (p *program) verifyEvidence(dir string, o ledger.VerifyOptions) error {
	found, err := ledger.Verify(dir, o)
	var unread *fs.PathError
	if err != nil && !errors.As(err, &unread) {
		return &usageError{err} // what was given is no state, no key, no checkpoint
	}
	if err != nil {
		return err
	}
	if !found.OK() {
		p.res.add(exitBroken)
	}
	if !p.text() {
		return report.Write(p.out, p.format(), report.Document{Schema: "keyrotor.evidence-check", Version: keyrotor.SchemaVersion, Body: found})
	}
	for _, f := range found.Faults {
		fmt.Fprintf(p.out, "✗ %s\n", report.Clean(f.String()))
	}
	for _, n := range found.Notices {
		fmt.Fprintf(p.out, "! %s\n", report.Clean(n))
	}
	if found.OK() {
		fmt.Fprintf(p.out, "✓ whole: %d runs · %d log entries · %d files · head %s\n", found.Runs, found.Entries, found.Artifacts, found.Head)
	} else {
		fmt.Fprintf(p.out, "\n%d faults in %d runs, %d log entries, %d files\n", len(found.Faults), found.Runs, found.Entries, found.Artifacts)
	}
	for _, c := range found.CannotExclude {
		fmt.Fprintf(p.out, "  this check cannot exclude: %s\n", report.Clean(c))
	}
	return nil
}
