package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

func (p *program) verifyCmd() *cobra.Command {
	var patience time.Duration
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Look again, with the scan role, whether every change is in effect",
		Long: `Verify takes a fresh look at every key that apply reported done, with the scan
role, and compares what was promised with what is. KMS is eventually consistent:
verify looks again until --patience ends, then says discrepant. It can be
repeated days later.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			run, err := s.appliedRun()
			if err != nil {
				return err
			}
			if patience < 0 {
				return usage("--patience %s: not less than nothing", patience)
			}
			if patience == 0 {
				patience = time.Duration(s.cfg.Apply.Patience)
			}
			found, err := s.verify(cmd.Context(), run, patience)
			if err != nil {
				return err
			}
			return s.showVerify(run, found)
		},
	}
	cmd.Flags().DurationVar(&patience, "patience", 0, "how long to look again before saying discrepant (default: apply.patience)")
	return cmd
}

func (s *session) verify(ctx context.Context, run *store.Run, patience time.Duration) ([]keyrotor.Verification, error) {
	pl, err := readPlan(run)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &keyrotor.Refusal{What: "run " + string(run.ID()) + " has no plan", Now: "nothing was read", Next: "keyrotor plan"}
	}
	if err != nil {
		return nil, err
	}
	undone, err := s.undone(run.ID())
	if err != nil {
		return nil, err
	}
	estate, err := s.estate(ctx, run.ID(), nil)
	if err != nil {
		return nil, err
	}
	bar := s.progressOf(estate)
	var found []keyrotor.Verification
	err = s.record(run, func(rec *cycle.Record) error {
		found, err = cycle.Verify(ctx, rec, cycle.VerifyOptions{
			Plan: pl, Look: estate.Look, Undone: undone, Later: s.settings(), Now: s.now, Patience: patience, Concurrency: s.cfg.Apply.Concurrency,
			Progress: func(done, total int) { bar.Update(done, total, "looked at") },
		})
		return err
	})
	bar.Done()
	if err != nil {
		return nil, err
	}
	s.keeps("the verification is kept in "+run.Dir(), "")
	for _, v := range found {
		if v.Verdict != keyrotor.Confirmed {
			s.res.add(exitPart)
		}
	}
	return found, nil
}

func (s *session) showVerify(run *store.Run, found []keyrotor.Verification) error {
	if !s.text() {
		return report.Write(s.out, s.format(), report.VerificationRows(found))
	}
	outcomes, err := cycle.Outcomes(run)
	if err != nil {
		return err
	}
	confirmed := map[keyrotor.ChangeID]bool{}
	for _, v := range found {
		confirmed[v.Change] = v.Verdict == keyrotor.Confirmed
	}
	outcomes = slices.DeleteFunc(outcomes, func(o keyrotor.Outcome) bool { return confirmed[o.Change] })
	var next []report.Next
	if left := leftBy(outcomes, nil, nil); left.undone && !left.open {
		next = anew()
	}
	return report.VerifyText(s.out, found, s.now(), s.nexts(append(next,
		report.Next{Command: s.onRun("keyrotor report", run.ID()), About: "one HTML file to forward"},
		report.Next{Command: "keyrotor evidence verify " + pathWord(s.state.Dir()), About: "check the record without trusting us"},
	)...), s.style)
}
