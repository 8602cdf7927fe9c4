package cycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/verify"
)

// ApplyOptions is what one turn of apply needs.
type ApplyOptions struct {
	Plan      keyrotor.Plan
	Approvals []keyrotor.Approval
	// Signers are those of the configuration; SignersText is their file, which is
	// held against the plan and kept with the run. Empty: neither is done.
	Signers     *approve.AllowedSigners
	SignersText []byte
	Actor       func(keyrotor.Step) (apply.Actor, bool)
	// Look reads with the apply role, for the guard; Verify with the scan role,
	// and the named facts, for the check after each wave.
	Look    func(ctx context.Context, s keyrotor.Step) (keyrotor.Asset, error)
	Verify  func(ctx context.Context, t keyrotor.Target, facts []string) (keyrotor.Asset, error)
	Windows []guard.Window
	Limits  guard.Limits
	// Needs is the least that any plan must ask for, whatever it says itself.
	Needs    keyrotor.Needs
	Progress func(keyrotor.Outcome)
	// WaveDone hears the verdict of the check after each wave. Optional.
	WaveDone     func(w keyrotor.Wave, outcomes []keyrotor.Outcome, checked []keyrotor.Verification)
	Now          func() time.Time
	Patience     time.Duration
	Concurrency  int
	StopAfter    int
	StopRunAfter int
}

// Applied is what a turn of apply left.
type Applied struct {
	apply.Result
	Approved approve.Result
}

// Apply carries out the plan that enough people signed, and writes
// outcomes.jsonl. Outcomes are complete even when an error is returned.
func Apply(ctx context.Context, a *Record, o ApplyOptions) (Applied, error) {
	var done Applied
	if len(o.Plan.Changes) == 0 {
		return done, &keyrotor.Refusal{
			What: "plan " + o.Plan.Digest.Short() + " changes nothing", Now: "nothing was changed", Next: "keyrotor plan",
		}
	}
	// Before approvals are asked for: none would help.
	if err := NoOther(a.ID(), a.Log, o.Plan); err != nil {
		return done, err
	}
	log, err := past(a.Log)
	if err != nil {
		return done, fmt.Errorf("replay the run's log: %w", err)
	}
	if err := enough(a.Log, o); err != nil {
		return done, err
	}
	if done.Approved, err = approved(a, o, log); err != nil {
		return done, err
	}
	if err := wholeAtFirst(a, o); err != nil {
		return done, err
	}
	if why := guard.BlastRadius(o.Plan, o.Limits); len(why) > 0 {
		return done, &keyrotor.Refusal{
			What: "plan " + o.Plan.Digest.Short() + " reaches further than one run may", Why: why,
			Now: "nothing was changed in AWS", Next: "keyrotor plan --select EXPR -o OTHER.json   makes a narrower plan\nor raise apply.max_per_account or apply.max_per_run in a reviewed change",
		}
	}
	// Not before it is known to be approved: the run's plan is what verify and
	// undo go by.
	if err := SavePlan(a, o.Plan); err != nil {
		return done, err
	}
	if err := keepSigners(a, o); err != nil {
		return done, err
	}
	if err := begin(ctx, a, o, done.Approved); err != nil {
		return done, err
	}
	byID := map[keyrotor.ChangeID]keyrotor.Change{}
	for _, c := range o.Plan.Changes {
		byID[c.ID] = c
	}
	executor := apply.Executor{
		Actor: o.Actor, Look: o.Look, Guard: guard.Step, Journal: journal{a.Log}, Past: log,
		Token:   func(c keyrotor.ChangeID) string { return plan.Token(o.Plan.Digest, c) },
		Expires: done.Approved.Expires, Progress: o.Progress, Now: o.Now, Patience: o.Patience,
		Concurrency: o.Concurrency, StopAfter: o.StopAfter, StopRunAfter: o.StopRunAfter,
		Frozen: func(now time.Time) string {
			reason, frozen := guard.Freeze(o.Windows, now)
			if !frozen {
				return ""
			}
			return reason
		},
		AfterWave: func(ctx context.Context, w keyrotor.Wave, outcomes []keyrotor.Outcome) error {
			return errors.Join(checkWave(ctx, w, byID, outcomes, o), sealWave(a))
		},
	}
	done.Result, err = executor.Run(ctx, o.Plan)
	if werr := writeLines(a, FileOutcomes, done.Outcomes); werr != nil {
		err = errors.Join(err, fmt.Errorf("write %s: %w", FileOutcomes, werr))
	}
	return done, errors.Join(err, updateSummary(a, func(s *keyrotor.Summary) {
		s.Applied, s.Updated = done.Counts(), o.Now().UTC()
	}))
}

// sealWave puts a wave under a seal, so that of a killed turn only the last one is
// in doubt. Files that were altered hold up nothing that was begun.
func sealWave(a *Record) error {
	err := a.Seal()
	var altered *ledger.Altered
	if errors.As(err, &altered) {
		return nil
	}
	return err
}

// lookUntilSettled repeats the look while the service may still be catching up.
func lookUntilSettled(ctx context.Context, c keyrotor.Change, out keyrotor.Outcome, look func(context.Context, keyrotor.Target, []string) (keyrotor.Asset, error), now func() time.Time, patience time.Duration) keyrotor.Verification {
	deadline := now().Add(patience)
	pause := 200 * time.Millisecond
	promised := c.Steps
	if out.State == keyrotor.RolledBack {
		promised = c.Undo
	}
	for n := 1; ; n++ {
		fresh, err := look(ctx, verifyTarget(c, out), keyrotor.PromiseFacts(promised))
		var seen *keyrotor.Asset
		if err == nil {
			seen = &fresh
		}
		v := verify.Compare(out.Run, c, out, seen, err, now())
		v.Looks = n
		if verify.Settled(v) || ctx.Err() != nil || !now().Add(pause).Before(deadline) {
			return v
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		pause = min(2*pause, 5*time.Second)
	}
}

// verifyTarget is the change's target, or the key that the change created.
func verifyTarget(c keyrotor.Change, out keyrotor.Outcome) keyrotor.Target {
	t := c.Target
	for _, r := range out.Receipts {
		if t.ID == "" && r.Result["key_id"] != "" {
			t.ID, t.ARN = r.Result["key_id"], r.Result["key_arn"]
		}
	}
	return t
}

// Outcomes reads outcomes.jsonl.
func Outcomes(a Artifacts) ([]keyrotor.Outcome, error) {
	var all []keyrotor.Outcome
	err := readLines(a, FileOutcomes, func(o keyrotor.Outcome) error {
		all = append(all, o)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notRun(FileOutcomes, a.ID(), "keyrotor apply PLAN.json")
	}
	return all, err
}
