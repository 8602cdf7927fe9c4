package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
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
repeated days later. Without --run it takes the newest run of which anything was
carried out, and names it. A run of which nothing was done has nothing to confirm.`,
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
		return nil, &keyrotor.Refusal{What: "run " + string(run.ID()) + " has no plan: there is nothing to verify", Now: "nothing was read or changed", Next: s.onRun("keyrotor plan", run.ID())}
	}
	if err != nil {
		return nil, err
	}
	if err := s.told(run, pl); err != nil {
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
			Plan: pl, Again: applyOf(run), Look: estate.LookFor, Undone: undone, Later: s.settings(), Now: s.now, Patience: patience, Concurrency: s.cfg.Apply.Concurrency,
			Progress: func(done, total int) { bar.Update(done, total, "looked at") },
		})
		return err
	})
	bar.Done()
	if err != nil {
		return nil, err
	}
	s.keeps("the verification is kept in "+run.Dir(), "")
	outcomes, err := cycle.Outcomes(run)
	if err != nil {
		return nil, err
	}
	if report.HalfDone(pl, outcomes) > 0 {
		s.res.add(exitPart) // what is half done cannot be confirmed
	}
	for _, v := range found {
		if v.Verdict != keyrotor.Confirmed {
			s.res.add(exitPart)
		}
	}
	if len(found) == 0 {
		s.codesOf(outcomes, nil) // nothing is done of what apply was asked for
	}
	return found, nil
}

// nothingDone says what became of changes of which none is left to be looked at.
func nothingDone(outcomes []keyrotor.Outcome) string {
	n := map[keyrotor.OutcomeState]int{}
	for _, o := range outcomes {
		n[o.State]++
	}
	var parts []string
	for _, w := range []struct {
		state     keyrotor.OutcomeState
		one, more string
	}{
		{keyrotor.Skipped, "was skipped", "were skipped"}, {keyrotor.Waiting, "is under way", "are under way"},
		{keyrotor.RolledBack, "was rolled back", "were rolled back"}, {keyrotor.Failed, "failed", "failed"},
		{keyrotor.NotStarted, "was not started", "were not started"},
	} {
		switch n[w.state] {
		case 0:
		case 1:
			parts = append(parts, "1 "+w.one)
		default:
			parts = append(parts, thousands(n[w.state])+" "+w.more)
		}
	}
	words := "nothing to confirm: of " + count(len(outcomes), "change") + " "
	if last := len(parts) - 1; last > 0 {
		return words + strings.Join(parts[:last], ", ") + " and " + parts[last]
	}
	return words + strings.Join(parts, "")
}

// told refuses a run of which there is nothing to verify, or not yet: nothing of
// it was carried out, or its apply was broken off.
func (s *session) told(run *store.Run, pl keyrotor.Plan) error {
	applied, err := isApplied(run)
	if err != nil {
		return err
	}
	if !applied {
		return &keyrotor.Refusal{
			What: "nothing of the plan of run " + string(run.ID()) + " has been carried out: there is nothing to verify",
			Now:  "nothing was read or changed", Next: applyOf(run) + "   once it is approved",
		}
	}
	if !ledger.Begun(run.Dir()) {
		return nil
	}
	err = cycle.Told(run, ledger.Journal(run.Dir()), pl, applyOf(run))
	if errors.As(err, new(*keyrotor.Refusal)) {
		return cmp.Or(s.resting(run), err) // an apply that goes on was not broken off
	}
	return err
}

// applyOf is the apply of a run's plan, which the run keeps.
func applyOf(run *store.Run) string {
	return "keyrotor apply " + pathWord(filepath.Join(run.Dir(), cycle.FilePlan))
}

// sayWhichRun names the run that was looked at, and newer surveys, which are not
// what a person may think of who has just scanned.
func (s *session) sayWhichRun(run *store.Run) error {
	newer, err := s.surveysSince(run.ID())
	if err != nil {
		return err
	}
	what := ""
	switch {
	case s.flags.run != "" || len(newer) == 0:
	case len(newer) == 1:
		what = ", the newest of which anything was carried out; run " + string(newer[0]) + " is a newer scan"
	default:
		what = fmt.Sprintf(", the newest of which anything was carried out; there are %d newer scans, the last is run %s", len(newer), newer[len(newer)-1])
	}
	fmt.Fprintf(s.out, "Run      %s%s\n", run.ID(), what)
	return nil
}

// surveysSince are the runs that scanned the estate after a run, oldest first.
func (s *session) surveysSince(run keyrotor.RunID) ([]keyrotor.RunID, error) {
	ids, err := s.state.Runs()
	if err != nil {
		return nil, err
	}
	var newer []keyrotor.RunID
	for _, id := range ids {
		if id <= run {
			continue
		}
		later, err := s.state.Run(id)
		if err != nil {
			continue // it is named where it matters what it did
		}
		if survey, err := isSurvey(later); err == nil && survey {
			newer = append(newer, id)
		}
	}
	return newer, nil
}

func (s *session) showVerify(run *store.Run, found []keyrotor.Verification) error {
	outcomes, err := cycle.Outcomes(run)
	if err != nil {
		return err
	}
	pl, err := readPlan(run)
	if err != nil {
		return err
	}
	nothing := len(found) == 0 && report.HalfDone(pl, outcomes) == 0
	switch {
	case nothing && s.text():
		return s.showNothingDone(run, outcomes)
	case nothing:
		fmt.Fprintf(s.err, "! run %s: %s\n", run.ID(), nothingDone(outcomes))
	}
	if !s.text() {
		return report.Write(s.out, s.format(), report.VerificationRows(found))
	}
	confirmed := map[keyrotor.ChangeID]bool{}
	for _, v := range found {
		confirmed[v.Change] = v.Verdict == keyrotor.Confirmed
	}
	open := slices.DeleteFunc(slices.Clone(outcomes), func(o keyrotor.Outcome) bool { return confirmed[o.Change] })
	var next []report.Next
	if left := leftBy(open, nil, nil); left.undone && !left.open {
		next = anew()
	}
	if err := s.sayWhichRun(run); err != nil {
		return err
	}
	return report.VerifyText(s.out, pl, outcomes, found, s.now(), s.nexts(append(next,
		report.Next{Command: s.onRun("keyrotor report", run.ID()), About: "one HTML file to forward"},
		report.Next{Command: "keyrotor evidence verify " + pathWord(s.state.Dir()), About: "check the record without trusting us"},
	)...), s.style)
}

// showNothingDone says that there was nothing to look at, without a sign that
// anything was found good.
func (s *session) showNothingDone(run *store.Run, outcomes []keyrotor.Outcome) error {
	fmt.Fprintf(s.out, "Run      %s\n%s\n", run.ID(), nothingDone(outcomes))
	next := applyOf(run) + "   takes up what is not done"
	if left := leftBy(outcomes, nil, nil); !left.open {
		next = "keyrotor scan   what is there now"
	}
	s.showNext(next + "\n" + s.onRun("keyrotor report", run.ID()) + "   why nothing was done")
	return nil
}
