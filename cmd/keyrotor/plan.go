package main

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/store"
)

// planFlags are the flags that every way of planning shares.
type planFlags struct {
	file, selection, ticket, reason, undo string
	authorKey                             string
	period                                int
	rotateOverdue                         bool
	// named reports whether the file was given, and is not plan.json by default.
	named func() bool
	// periodGiven reports whether the period was, be it as 0; nil where none can be.
	periodGiven func() bool
}

// overSigned refuses to replace a signed plan that nobody named; the function to
// call afterwards tells of one that was.
func (f planFlags) overSigned(s *session, digest keyrotor.Digest) (replaced func(), err error) {
	return s.notOverSigned(f.file, f.named == nil || f.named(), digest)
}

func (p *program) planCmd() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Propose changes: a file to review, diff and sign; changes nothing",
		Long: `Plan turns the findings of the latest run into changes in waves, a canary first,
with what they cost, how many calls they take and how to undo them. The plan is a
file; its digest is what people sign. Planning again from the same inputs gives
the same digest.`,
		Example: `  keyrotor plan
  keyrotor plan --rotate-overdue --select 'asset.tags.env == "prod"'
  keyrotor plan --undo 20261121T101502Z-5f3c
  keyrotor plan set-period --period 180 --select 'asset.owner == "pay-team"'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			if f.undo != "" {
				return s.planUndo(cmd.Context(), f)
			}
			return s.planned(f, plan.Build)
		},
	}
	f.register(cmd)
	f.registerSelect(cmd)
	f.registerPeriod(cmd)
	cmd.Flags().BoolVar(&f.rotateOverdue, "rotate-overdue", false, "also rotate once, on demand, what is past its cryptoperiod")
	cmd.Flags().StringVar(&f.undo, "undo", "", "restore what `RUN` changed, except what others changed since")
	for _, other := range []string{"select", "period", "rotate-overdue"} {
		cmd.MarkFlagsMutuallyExclusive("undo", other) // approve --select chooses from an undo
	}
	cmd.AddCommand(p.planShowCmd(), p.planSetPeriodCmd(), p.planRotateNowCmd(), p.planTagCmd(), p.planCreateKeyCmd())
	return cmd
}

// register adds the flags of every way of planning. The others are added only
// where they count: a choice that is not heard is dangerous.
func (f *planFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "out", "o", "plan.json", "write the plan to `FILE`")
	f.named = func() bool { return fl.Changed("out") }
	fl.StringVar(&f.ticket, "ticket", "", "ticket that asks for the change")
	fl.StringVar(&f.reason, "reason", "", "why, in a sentence")
	fl.StringVar(&f.authorKey, "author-key", "", "your SSH public key `FILE`, by which the author is known (default: KEYROTOR_SSH_KEY, else the agent's key)")
}

func (f *planFlags) registerSelect(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.selection, "select", "", "plan only for assets for which the CEL `EXPR` holds")
}

func (f *planFlags) registerPeriod(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.period, "period", 0, "rotation period in `DAYS`, 90 to 2560 (default: the rule's, else 365)")
	f.periodGiven = func() bool { return cmd.Flags().Changed("period") }
}

// planBuilder makes a plan from assessments: plan.Build, or what a command asks.
type planBuilder func(all iter.Seq2[keyrotor.Assessment, error], o plan.Options) (keyrotor.Plan, error)

// planned builds a plan from the current run's assessments, saves it and shows it.
func (s *session) planned(f planFlags, build planBuilder) error {
	if err := s.writable("out", f.file); err != nil {
		return err
	}
	run, err := s.currentRun()
	if err != nil {
		return err
	}
	pl, err := s.plan(run, f, build)
	if err != nil {
		return err
	}
	if len(pl.Changes) == 0 && s.text() {
		return s.showNothing(run, pl, f)
	}
	return s.showPlan(pl, f.file)
}

func (s *session) plan(run *store.Run, f planFlags, build planBuilder) (keyrotor.Plan, error) {
	defer s.garbage(garbageOfPlans)()
	if f.periodGiven != nil && f.periodGiven() && (f.period < keyrotor.MinRotationPeriodDays || f.period > keyrotor.MaxRotationPeriodDays) {
		return keyrotor.Plan{}, usage("--period %d: KMS takes %d to %d days", f.period, keyrotor.MinRotationPeriodDays, keyrotor.MaxRotationPeriodDays)
	}
	keep, err := s.selected(f.selection)
	if err != nil {
		return keyrotor.Plan{}, err
	}
	j, _, err := s.assess(run)
	if err != nil {
		return keyrotor.Plan{}, err
	}
	o, err := s.planOptions(run, f, j)
	if err != nil {
		return keyrotor.Plan{}, err
	}
	o.Choose, o.Selection = keep.holds, f.selection
	pl, err := build(cycle.Assessments(run, j.assessor), o)
	if undecided := s.decided(keep); undecided != nil {
		return pl, undecided // it is why nothing was chosen, where that was refused
	}
	if err != nil {
		return pl, err
	}
	if err := s.notAgain(run, pl); err != nil || len(pl.Changes) == 0 {
		return pl, err // a plan of nothing is for nobody to sign, and not kept
	}
	replaced, err := f.overSigned(s, pl.Digest)
	if err != nil {
		return pl, err
	}
	if err := s.keepPlan(run, pl, f.file); err != nil {
		return pl, err
	}
	replaced()
	s.sayBeyond(pl)
	return pl, s.sayRivals(run, pl.Digest)
}

// notAgain refuses to offer what the run has carried out already.
func (s *session) notAgain(run *store.Run, pl keyrotor.Plan) error {
	err := cycle.NotAgain(run.ID(), ledger.Journal(run.Dir()), pl)
	var refusal *keyrotor.Refusal
	if errors.As(err, &refusal) { // the plan that was signed is kept with this run
		refusal.Next = strings.ReplaceAll(refusal.Next, planArg, pathWord(filepath.Join(run.Dir(), cycle.FilePlan)))
	}
	return err
}

// keepPlan stores the plan in its run and writes the file to review.
func (s *session) keepPlan(run *store.Run, pl keyrotor.Plan, file string) error {
	err := s.record(run, func(rec *cycle.Record) error {
		if err := cycle.NoOther(run.ID(), rec.Log, pl); err != nil {
			return err
		}
		if err := rec.Whole(cycle.FileInventory); err != nil {
			return err
		}
		if err := cycle.SavePlan(rec, pl); err != nil {
			return err
		}
		return cycle.Planned(rec, pl, s.now().UTC())
	})
	if err != nil {
		return err
	}
	kept := filepath.Join(run.Dir(), cycle.FilePlan)
	if err := writePlan(file, pl); err != nil {
		return &keyrotor.Problem{Err: fmt.Errorf("write the plan: %w", err), Now: "the plan is kept in " + kept, Next: "give another file with --out"}
	}
	s.keeps("the plan is kept in "+file+", and in "+kept, "keyrotor plan show "+pathWord(file)+"   prints it, where there is room")
	return nil
}
