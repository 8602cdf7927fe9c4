package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/inventory"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

func (p *program) scanCmd() *cobra.Command {
	var with []string
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "Read every KMS key of every account and Region; never writes to AWS",
		Long: `Scan walks the organization of the current credentials (or the accounts that the
configuration lists), reads every KMS key with the scan role, and begins a new
run. What refuses to be read is recorded as a gap, grouped by cause.

Last use and grants are asked for only with --with: the service answers 5 such
questions a second. What was not asked is shown as unknown.`,
		Example: "  keyrotor scan\n  keyrotor scan --with last-use,grants",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			for _, w := range with {
				if w != keyrotor.FactLastUse && w != keyrotor.FactGrants {
					return usage("--with %s: %s or %s", w, keyrotor.FactLastUse, keyrotor.FactGrants)
				}
			}
			run, err := s.scan(cmd.Context(), with)
			if err != nil {
				return err
			}
			return s.showScan(run)
		},
	}
	cmd.Flags().StringSliceVar(&with, "with", nil, "optional facts: last-use, grants")
	return cmd
}

// scan begins a run and fills its inventory.
func (s *session) scan(ctx context.Context, with []string) (*store.Run, error) {
	defer s.garbage(garbageOfCalls)()
	match, err := s.gapMatcher()
	if err != nil {
		return nil, err
	}
	s.sealLeft()
	run, estate, err := s.begin(ctx, with)
	if err != nil {
		return nil, err
	}
	bar := s.progressOf(estate)
	err = s.record(run, func(rec *cycle.Record) error {
		_, err := cycle.Scan(ctx, rec, estate, inventory.Options{
			Now: s.now, Version: versionText(), Expected: s.cfg.expectedGaps(), ExpectedMatch: match,
			Progress: func(pr inventory.Progress) {
				bar.Update(pr.Done, pr.Found, count(pr.Keys, "key"))
			},
		})
		return err
	})
	bar.Done()
	if err != nil {
		return nil, err
	}
	s.keeps("what was read is kept in "+run.Dir(), "keyrotor assess   goes on with it")
	s.sayOtherEstate(run)
	return run, nil
}

// begin makes a run, and opens AWS under its id: the names of the sessions that
// CloudTrail shows lead to the run that asked. Where AWS or the ledger refuses us,
// nothing was begun, and the folder goes again; only an empty one can be removed so.
func (s *session) begin(ctx context.Context, with []string) (*store.Run, *aws.Estate, error) {
	run, err := s.state.NewRun(s.now().UTC(), s.rand)
	if err != nil {
		return nil, nil, err
	}
	estate, err := s.estate(ctx, run.ID(), with)
	if err == nil {
		err = s.believesEstate()
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.Remove(run.Dir()))
	}
	return run, estate, nil
}

// showScan prints what a scan found and sets the exit code: unexpected gaps
// mean that the run was done in part.
func (s *session) showScan(run *store.Run) error {
	view, err := s.view(run, nil)
	if err != nil {
		return err
	}
	if view.Population.Gaps > view.Population.Expected {
		s.res.add(exitPart)
	}
	if !s.text() {
		return report.Write(s.out, s.format(), report.PlaceRows(view.Places))
	}
	return report.ScanText(s.out, view, s.nexts(report.Next{Command: "keyrotor assess", About: "hold what was found against the rules"}), s.style)
}

// gapMatcher compiles the expressions of the expected gaps once.
func (s *session) gapMatcher() (func(keyrotor.ExpectedGap, keyrotor.Gap) bool, error) {
	match := map[string]func(keyrotor.Gap) bool{}
	for i, g := range s.cfg.ExpectedGaps {
		m, err := assess.CompileGapMatch(g.Match)
		if err != nil {
			return nil, usage("expected_gaps[%d].match: %w", i, err)
		}
		match[g.Match] = m
	}
	return func(e keyrotor.ExpectedGap, g keyrotor.Gap) bool { return match[e.Match](g) }, nil
}
