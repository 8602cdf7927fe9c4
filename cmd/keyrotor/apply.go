package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

func (p *program) applyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "apply PLAN.json",
		Short: "Carry out exactly the plan that enough people signed",
		Long: `Apply carries out an approved plan: wave by wave, each change after a fresh look
at its key. What no longer fits is skipped, what is already so is unchanged.
After Ctrl-C, a crash or a failure the same command takes up where it stopped
and repeats nothing.`,
		Example: "  keyrotor apply plan.json",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// Whoever listens may leave, as tee does at ctrl-c: no reason to die
			// between a call and its record.
			signal.Ignore(syscall.SIGPIPE)
			s, err := p.open()
			if err != nil {
				return err
			}
			pl, run, err := s.loadPlan(args[0])
			if err != nil {
				return err
			}
			if err := cycle.NoOther(run.ID(), ledger.Journal(run.Dir()), pl); err != nil {
				return err
			}
			if err := s.within(pl); err != nil {
				return err
			}
			earlier, err := s.earlier(run, pl)
			if err != nil {
				return err
			}
			done, aerr := s.apply(cmd.Context(), run, pl)
			if done.Outcomes == nil {
				return aerr
			}
			if earlier.finished(pl) && aerr == nil && s.text() {
				s.showNothingLeft(done.Outcomes)
			}
			left := leftBy(done.Outcomes, earlier, aerr)
			return errors.Join(s.showApply(pl, args[0], done, left), onlyAnew(aerr, left))
		},
	}
}

// apply does one turn of the plan and seals what it left.
func (s *session) apply(ctx context.Context, run *store.Run, pl keyrotor.Plan) (cycle.Applied, error) {
	signers, signersText, err := s.signers()
	if err != nil {
		return cycle.Applied{}, err
	}
	if err := s.notUndone(run, pl); err != nil {
		return cycle.Applied{}, err
	}
	approvals, unread, err := s.approvals(run, pl.Digest)
	if err != nil {
		return cycle.Applied{}, err
	}
	estate, err := s.estate(ctx, run.ID(), nil)
	if err != nil {
		return cycle.Applied{}, err
	}
	actor := estate.KMSActor()
	bar := s.progressOf(estate)
	settled := 0
	o := cycle.ApplyOptions{
		Plan: pl, Approvals: approvals, Signers: signers, SignersText: signersText,
		Actor: func(st keyrotor.Step) (apply.Actor, bool) {
			return actor, st.Target.Kind == keyrotor.KindKMSKey
		},
		Look: estate.LookForApply, Verify: estate.LookFor, Windows: s.windows(), Limits: s.limits(), Needs: s.needs(),
		Progress: func(o keyrotor.Outcome) {
			settled++
			bar.Update(settled, len(pl.Changes), fmt.Sprintf("%s %s", o.State, report.Clean(o.Target.Name)))
		},
		WaveDone: func(w keyrotor.Wave, _ []keyrotor.Outcome, checked []keyrotor.Verification) {
			if len(checked) > 0 {
				bar.Line(canaryLine(w, checked))
			}
		},
		Now: s.now, Patience: time.Duration(s.cfg.Apply.Patience), Concurrency: s.cfg.Apply.Concurrency,
		StopAfter: s.cfg.Apply.StopAfter, StopRunAfter: s.cfg.Apply.StopRunAfter,
	}
	var done cycle.Applied
	err = s.record(run, func(rec *cycle.Record) error {
		done, err = cycle.Apply(ctx, rec, o)
		return err
	})
	bar.Done()
	err = alsoUnread(err, pl, done, unread)
	if done.Outcomes != nil {
		s.codesOf(done.Outcomes, err)
		s.keeps("what was done is kept in "+run.Dir(), s.onRun("keyrotor report", run.ID())+"   tells it; or the same apply again, which repeats nothing")
	}
	return done, err
}

// showNothingLeft says that this turn is none: what follows was done before.
func (s *session) showNothingLeft(outcomes []keyrotor.Outcome) {
	var last time.Time
	done := 0
	for _, o := range outcomes {
		if o.State == keyrotor.Succeeded {
			done++
		}
		for _, r := range o.Receipts {
			if r.At.After(last) {
				last = r.At
			}
		}
	}
	on := ""
	if !last.IsZero() {
		on = ", the last on " + untilText(last)
	}
	fmt.Fprintf(s.out, "nothing was left to do: %d of %s done%s\n", done, count(len(outcomes), "change"), on)
}

// codesOf sets the exit code that the outcomes ask for. Changes that a canary
// still under way holds up wait with it, and those that an interruption or a freeze
// kept from starting wait for the next turn.
func (s *session) codesOf(outcomes []keyrotor.Outcome, err error) {
	var canary *keyrotor.NotYet
	held := errors.As(err, &canary) || errors.Is(err, context.Canceled)
	for _, o := range outcomes {
		switch o.State {
		case keyrotor.Succeeded, keyrotor.Unchanged, keyrotor.Skipped:
		case keyrotor.NotStarted:
			if held || heldByFreeze(o) {
				s.res.add(exitWaiting)
			} else {
				s.res.add(exitPart)
			}
		case keyrotor.Failed, keyrotor.Unproven, keyrotor.RolledBack:
			s.res.add(exitPart)
		case keyrotor.Waiting:
			s.res.add(exitWaiting)
		}
	}
}

func canaryLine(w keyrotor.Wave, checked []keyrotor.Verification) string {
	bad := 0
	for _, v := range checked {
		if v.Verdict != keyrotor.Confirmed {
			bad++
		}
	}
	if bad == 0 {
		return fmt.Sprintf("wave %d  canary check: all %d confirmed, going on", w.Number, len(checked))
	}
	return fmt.Sprintf("wave %d  canary check: %d of %d not confirmed", w.Number, bad, len(checked))
}

func (s *session) showApply(pl keyrotor.Plan, path string, done cycle.Applied, left leaves) error {
	if !s.text() {
		return report.Write(s.out, s.format(), report.OutcomeRows(done.Outcomes))
	}
	return report.ApplyText(s.out, pl, done.Outcomes, s.now(), s.nexts(s.afterApply(pl.Run, path, done.Outcomes, left)...), s.style)
}

// afterApply is what is safe to run now: where a cause has to be mended, what
// helps with that comes first, then the same apply, which repeats nothing; where
// nothing is left that it can do, a new plan.
func (s *session) afterApply(run keyrotor.RunID, path string, outcomes []keyrotor.Outcome, left leaves) []report.Next {
	verify := report.Next{Command: s.onRun("keyrotor verify", run), About: "look again with the scan role"}
	if code := s.res.code(); code != exitPart && code != exitWaiting {
		return []report.Next{verify}
	}
	again := report.Next{Command: "keyrotor apply " + pathWord(path), About: "takes up where it stopped"}
	switch {
	case !left.open && left.doubt:
		again.About = "looks again at what is unproven, and calls nothing a second time"
		return append([]report.Next{again}, anew()...)
	case !left.open && left.undone:
		return append([]report.Next{verify}, anew()...)
	}
	if end, frozen := s.thawed(outcomes); frozen {
		again.About = "once the freeze has ended, " + untilText(end) + ": takes up where it stopped"
		if slices.ContainsFunc(outcomes, func(o keyrotor.Outcome) bool { return o.State == keyrotor.Succeeded }) {
			return []report.Next{again, verify}
		}
		return []report.Next{again}
	}
	if mend := report.Remedies(outcomes); len(mend) > 0 {
		again.About = "once that is mended: takes up where it stopped"
		return append(mend, again, verify)
	}
	return []report.Next{verify, again}
}

func (s *session) windows() []guard.Window {
	var w []guard.Window
	for _, f := range s.cfg.Apply.Freeze {
		w = append(w, guard.Window{From: f.From, To: f.To, Reason: f.Reason})
	}
	return w
}

func (s *session) limits() guard.Limits {
	return guard.Limits{MaxPerAccount: s.cfg.Apply.MaxPerAccount, MaxPerRun: s.cfg.Apply.MaxPerRun}
}
