package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
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
finds a cut tail, a rewrite or a fork. Without them it says what it cannot exclude.

It ends with 0 when the record is whole, with 4 when it was changed, and with 1 or
2 when it could not be checked; --output json says the same as "verdict":
consistent, tampered or not-checked.`,
		Example: "  keyrotor evidence verify ./state\n  keyrotor evidence verify --key ledger.pub --checkpoint mailed.txt ./state",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := ledger.VerifyOptions{Written: cycle.Written}
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

// What a check came to, for scripts.
const (
	verdictConsistent = "consistent"  // with all that was given; see cannot_exclude
	verdictTampered   = "tampered"    // faults says where
	verdictNotChecked = "not-checked" // error says why
)

// evidenceCheck is the document of a check.
type evidenceCheck struct {
	Schema  string        `json:"schema"`
	Version int           `json:"version"`
	Verdict string        `json:"verdict"`
	Error   string        `json:"error,omitempty"`
	Body    ledger.Report `json:"body"`
}

// verifyEvidence checks a folder and shows every place that is not what it was.
func (p *program) verifyEvidence(dir string, o ledger.VerifyOptions) error {
	found, err := ledger.Verify(dir, o)
	check := evidenceCheck{Schema: "keyrotor.evidence-check", Version: keyrotor.SchemaVersion, Verdict: verdictConsistent, Body: found}
	switch {
	case err != nil:
		check.Verdict, check.Error = verdictNotChecked, err.Error()
	case !found.OK():
		check.Verdict = verdictTampered
		p.res.add(exitFindings)
	}
	if !p.text() {
		return errors.Join(notChecked(dir, err), report.Write(p.out, p.format(), check))
	}
	if err != nil {
		return notChecked(dir, err)
	}
	p.showCheck(dir, o, found)
	return nil
}

// notChecked tells a mistake of who asked from a record that cannot be read:
// neither is a verdict over the record.
func notChecked(dir string, err error) error {
	var unread *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ledger.ErrMoving):
		return &keyrotor.Problem{
			Err: fmt.Errorf("check the record: %w", err), Now: "the check did not end: it says nothing for or against the record",
			Next: "the same command when no other keyrotor writes there",
		}
	case errors.As(err, &unread):
		return &keyrotor.Problem{
			Err: fmt.Errorf("check the record: %w", err), Now: "the check did not end: it says nothing for or against the record",
			Next: "make all of " + dir + " readable, then the same command again",
		}
	}
	return &keyrotor.Problem{
		Err: &usageError{err}, Now: "nothing was checked", // what was given is no state, no key, no checkpoint
		Next: "keyrotor evidence verify DIR   DIR is a state folder (default ./state), or runs/RUN in it\nkeyrotor evidence verify --help",
	}
}

func (p *program) showCheck(dir string, o ledger.VerifyOptions, found ledger.Report) {
	for _, f := range found.Faults {
		p.told("✗ ", said(f.String()))
	}
	for _, n := range found.Notices {
		p.told("! ", said(n))
	}
	sizes := []string{count(found.Runs, "run"), count(found.Entries, "log entry"), count(found.Artifacts, "file")}
	if found.OK() {
		if found.Head != "" { // of the estate's log
			sizes = append(sizes, "head "+report.Clean(found.Head))
		}
		p.told("✓ ", "whole: "+strings.Join(sizes, " · "))
	} else {
		p.say("\n✗ tampered: %s in %s\n", count(len(found.Faults), "fault"), strings.Join(sizes, ", "))
	}
	for _, c := range found.CannotExclude {
		p.told("  ", "this check cannot exclude: "+report.Clean(c))
	}
	more := ""
	if o.Key == "" {
		more += " --key FILE"
	}
	if len(o.Checkpoint) == 0 && found.Head != "" {
		more += " --checkpoint FILE"
	}
	switch {
	case !found.OK():
		p.showNext("leave the folder as it is, and keep a copy: both the change and its traces are evidence")
	case more != "":
		p.showNext(p.again() + more + "   with what was kept elsewhere, to exclude that too")
	}
}

// told writes a line of the check; on a terminal it is broken between words.
func (p *program) told(lead, text string) {
	for _, line := range report.Hang(p.style, lead, text, 4) {
		p.say("%s\n", line)
	}
}
