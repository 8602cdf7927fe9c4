package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// planFlags are the flags that every way of planning shares.
type planFlags struct {
	file, selection, ticket, reason, undo string
	authorKey                             string
	period                                int
	rotateOverdue                         bool
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
			return s.planned(cmd.Context(), f, buildFromFindings)
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&f.rotateOverdue, "rotate-overdue", false, "also rotate once, on demand, what is past its cryptoperiod")
	cmd.Flags().StringVar(&f.undo, "undo", "", "restore what `RUN` changed, except what others changed since")
	cmd.AddCommand(p.planShowCmd(), p.planSetPeriodCmd(), p.planRotateNowCmd(), p.planTagCmd(), p.planCreateKeyCmd())
	return cmd
}

func (f *planFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "out", "o", "plan.json", "write the plan to `FILE`")
	fl.StringVar(&f.selection, "select", "", "plan only for assets for which the CEL `EXPR` holds")
	fl.StringVar(&f.ticket, "ticket", "", "ticket that asks for the change")
	fl.StringVar(&f.reason, "reason", "", "why, in a sentence")
	fl.StringVar(&f.authorKey, "author-key", "", "your SSH public key `FILE`, by which the author is known (default: KEYROTOR_SSH_KEY, else the agent's key)")
	fl.IntVar(&f.period, "period", 0, "rotation period in `DAYS`, 90 to 2560 (default: the rule's, else 365)")
}

type planBuilder func(ctx context.Context, run *store.Run, all iter.Seq2[keyrotor.Assessment, error], o plan.Options) (keyrotor.Plan, error)

// buildFromFindings plans what the failing rules ask for.
func buildFromFindings(_ context.Context, _ *store.Run, all iter.Seq2[keyrotor.Assessment, error], o plan.Options) (keyrotor.Plan, error) {
	return plan.Build(all, o)
}

// planned builds a plan from the current run's assessments, saves it and shows it.
func (s *session) planned(ctx context.Context, f planFlags, build planBuilder) error {
	run, err := s.currentRun()
	if err != nil {
		return err
	}
	pl, err := s.plan(ctx, run, f, build)
	if err != nil {
		return err
	}
	if len(pl.Changes) == 0 && s.text() {
		s.showNothing(pl, f.file)
		return nil
	}
	return s.showPlan(pl, f.file)
}

// showNothing says why there is no plan: one without changes is not written.
func (s *session) showNothing(pl keyrotor.Plan, file string) {
	fmt.Fprintln(s.out, "Nothing to change, and no plan was written:")
	for _, why := range pl.Warnings {
		fmt.Fprintf(s.out, "  %s\n", report.Clean(why))
	}
	if _, err := os.Stat(file); err == nil {
		fmt.Fprintf(s.out, "! %s is of an earlier plan\n", report.Clean(file))
	}
	s.showNext("keyrotor assess")
}

func (s *session) plan(ctx context.Context, run *store.Run, f planFlags, build planBuilder) (keyrotor.Plan, error) {
	defer s.garbage(garbageOfPlans)()
	if f.period != 0 && (f.period < keyrotor.MinRotationPeriodDays || f.period > keyrotor.MaxRotationPeriodDays) {
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
	pl, err := build(ctx, run, cycle.Assessments(run, j.assessor), o)
	if err != nil {
		return pl, err
	}
	if err := s.decided(keep); err != nil {
		return pl, err
	}
	if err := s.notAgain(run, pl); err != nil || len(pl.Changes) == 0 {
		return pl, err // a plan of nothing is for nobody to sign, and not kept
	}
	return pl, s.keepPlan(run, pl, f.file)
}

// notAgain refuses to offer what the run has carried out already.
func (s *session) notAgain(run *store.Run, pl keyrotor.Plan) error {
	return cycle.NotAgain(run.ID(), ledger.Journal(run.Dir()), pl)
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
	if err := writePlan(file, pl); err != nil {
		return &keyrotor.Problem{Err: fmt.Errorf("write the plan: %w", err), Now: "the plan is kept in " + filepath.Join(run.Dir(), cycle.FilePlan), Next: "give another file with --out"}
	}
	return nil
}

// writePlan writes a plan to a file of the user's.
func writePlan(file string, pl keyrotor.Plan) error {
	text, err := plan.TextOf(pl)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(text.Write(f), f.Close())
}

// planOptions ties the plan to its author and to the digests of its inputs.
func (s *session) planOptions(run *store.Run, f planFlags, j *judging) (plan.Options, error) {
	inventory, err := cycle.DigestOf(run, cycle.FileInventory)
	if err != nil {
		return plan.Options{}, err
	}
	summary, err := cycle.Summary(run)
	if err != nil {
		return plan.Options{}, err
	}
	signers, signersText, err := s.signers()
	if err != nil {
		return plan.Options{}, err
	}
	o := plan.Options{
		Run: run.ID(), Ticket: f.ticket, Reason: f.reason, Needs: s.needs(),
		Inputs: keyrotor.Inputs{
			Inventory: inventory, Config: s.cfg.digest, Rules: j.rules, Waivers: j.waived, Signers: digestOf(signersText),
		},
		PeriodDays: f.period, RulePeriod: rulePeriod(j.assessor.Rules()), RotateOverdue: f.rotateOverdue, CryptoperiodDays: s.cryptoperiodDays(),
		Canary: s.cfg.Apply.Canary, EnvTag: s.cfg.Tags.Env, ProductionValues: s.cfg.Tags.Production, Now: s.now().UTC(),
		Limits: s.limits(),
	}
	if summary.Population != nil {
		o.Inputs.InventoryTaken = summary.Population.Ended
		o.Author.Identity = summary.Population.Identity
	}
	identity := o.Author.Identity
	if o.Author, err = s.author(signers, f.authorKey); err != nil {
		return plan.Options{}, err
	}
	o.Author.Identity = identity
	return o, nil
}

// rulePeriod is the shortest period that an asset's failing rules ask for.
func rulePeriod(rules []keyrotor.RuleInfo) func(keyrotor.Assessment) int {
	periods := map[string]int{}
	for _, r := range rules {
		periods[r.ID] = r.PeriodDays
	}
	return func(a keyrotor.Assessment) int {
		shortest := 0
		for _, id := range a.Failed() {
			if days := periods[id]; days > 0 && (shortest == 0 || days < shortest) {
				shortest = days
			}
		}
		return shortest
	}
}

// author is the SSH key by which the author of a plan is known, and whose it is.
// Where authors may not approve, it must be somebody's in allowed_signers: with
// a key that nobody knows, the same person could make a plan and sign it.
func (s *session) author(signers *approve.AllowedSigners, file string) (keyrotor.Author, error) {
	keys, err := s.ownKeys(file)
	if err != nil && s.needs().AuthorMayApprove && orText(file, s.env("KEYROTOR_SSH_KEY")) == "" {
		return keyrotor.Author{}, nil // nobody asked for a key, and the agent that might have one is gone
	}
	if err != nil {
		return keyrotor.Author{}, err
	}
	var a keyrotor.Author
	for _, k := range keys {
		for _, namespace := range []string{approve.Namespace, approve.AuthorNamespace} {
			if who := signers.PrincipalsOf(k, namespace, s.now().UTC()); len(who) > 0 {
				return keyrotor.Author{Key: fingerprintOf(k), Principal: who[0]}, nil
			}
		}
		a.Key = fingerprintOf(k)
	}
	if s.needs().AuthorMayApprove {
		return a, nil
	}
	refusal := &keyrotor.Refusal{
		What: "nobody knows who makes this plan", Why: []string{"the author of a plan may not approve it, so the plan must name one of the author's keys"},
		Now: "nothing was changed", Next: "keyrotor plan --author-key ~/.ssh/id_ed25519.pub, or load your key into the ssh-agent",
	}
	if a.Key != "" {
		refusal.Why = append(refusal.Why, "the key "+a.Key+" is nobody's in "+s.cfg.path(s.cfg.Approval.Signers))
		refusal.Next = `have the key added to allowed_signers (with namespaces="keyrotor-author" it can make plans and approve none)`
	}
	return keyrotor.Author{}, refusal
}

func (s *session) showPlan(pl keyrotor.Plan, file string) error {
	if !s.text() {
		if s.format() == report.CSV || s.format() == report.Markdown {
			return report.Write(s.out, s.format(), report.PlanRows(pl))
		}
		return report.Write(s.out, s.format(), pl)
	}
	next := report.Next{Command: "keyrotor approve " + quoted(file), About: "choose, and sign"}
	if len(pl.Changes) == 0 {
		next = report.Next{Command: "keyrotor assess", About: "which keys there are, and which rules fail"}
	}
	return report.PlanText(s.out, pl, s.now(), s.nexts(next), s.style)
}

func (p *program) planShowCmd() *cobra.Command {
	var other string
	cmd := &cobra.Command{
		Use:     "show PLAN.json",
		Short:   "Show a plan, or what differs between two",
		Example: "  keyrotor plan show plan.json\n  keyrotor plan show plan.json --diff narrower.json",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			pl, err := s.givenPlan(args[0])
			if err != nil {
				return err
			}
			if other == "" {
				return s.showPlan(pl, args[0])
			}
			second, err := s.givenPlan(other)
			if err != nil {
				return err
			}
			for _, line := range plan.Diff(pl, second) {
				fmt.Fprintln(s.out, report.Clean(line))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&other, "diff", "", "show what differs in the plan `FILE`")
	return cmd
}

func readPlanFile(path string) (keyrotor.Plan, error) {
	data, err := readInput(path, maxPlan)
	if err != nil {
		return keyrotor.Plan{}, usage("read the plan: %w", err)
	}
	pl, err := plan.Decode(path, data)
	if err != nil {
		return pl, unreadablePlan(err)
	}
	return pl, nil
}

// planUndo plans the way back from what a run did, after a fresh look at every
// key that it touched.
func (s *session) planUndo(ctx context.Context, f planFlags) error {
	undone, err := s.state.Run(keyrotor.RunID(f.undo))
	if errors.Is(err, keyrotor.ErrNotFound) {
		return usage("--undo: %w", err)
	}
	if err != nil {
		return err
	}
	old, err := readPlan(undone)
	if err != nil {
		return err
	}
	if err := s.resting(undone); err != nil {
		return err
	}
	outcomes, err := s.recorded(undone, old)
	if err != nil {
		return err
	}
	signers, _, err := s.signers()
	if err != nil {
		return err
	}
	// Asked before a run is begun: one that was refused would stand unsealed.
	if _, err := s.author(signers, f.authorKey); err != nil {
		return err
	}
	estate, err := s.estate(ctx, undone.ID(), nil)
	if err != nil {
		return err
	}
	run, err := s.state.NewRun(s.now().UTC(), s.rand)
	if err != nil {
		return err
	}
	var fresh map[string]keyrotor.Asset
	var pop keyrotor.Population
	err = s.record(run, func(rec *cycle.Record) error {
		fresh, pop, err = cycle.Relook(ctx, rec, old, outcomes, estate.Look, s.now)
		return err
	})
	if err != nil {
		return err
	}
	j, err := s.judge(run)
	if err != nil {
		return err
	}
	o, err := s.planOptions(run, f, j)
	if err != nil {
		return err
	}
	if pop.Gaps > 0 {
		s.res.add(exitPart) // what could not be looked at is left as it is
	}
	o.Author.Identity = estate.Identity().ARN
	o.Inputs.InventoryTaken = pop.Ended
	pl, err := plan.Undo(old, outcomes, func(t keyrotor.Target) (keyrotor.Asset, bool) {
		a, ok := fresh[strings.TrimSpace(t.ARN)]
		return a, ok
	}, o)
	if err != nil {
		return err
	}
	if err := s.keepPlan(run, pl, f.file); err != nil {
		return err
	}
	return s.showPlan(pl, f.file)
}

// resting refuses a run that another process is writing: what is still being done
// cannot be undone whole.
func (s *session) resting(run *store.Run) error {
	if !ledger.Begun(run.Dir()) {
		return nil
	}
	log, err := ledger.OpenRun(run.Dir(), run.ID(), s.now)
	if err != nil {
		return err
	}
	return log.Close()
}

// recorded is what the run did, by its log: after a kill the outcomes in its
// folder are those of an earlier turn, or none.
func (s *session) recorded(run *store.Run, pl keyrotor.Plan) ([]keyrotor.Outcome, error) {
	if !ledger.Begun(run.Dir()) {
		return cycle.Outcomes(run)
	}
	return cycle.Recorded(ledger.Journal(run.Dir()), pl)
}

// untilText is a moment as the commands print it.
func untilText(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04 MST") }
