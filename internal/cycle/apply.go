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
	Signers   *approve.AllowedSigners
	Log       *ledger.Run
	Actor     func(keyrotor.Step) (apply.Actor, bool)
	// Look reads with the apply role, for the guard; Verify with the scan role,
	// for the check after each wave.
	Look     func(ctx context.Context, t keyrotor.Target) (keyrotor.Asset, error)
	Verify   func(ctx context.Context, t keyrotor.Target) (keyrotor.Asset, error)
	Windows  []guard.Window
	Limits   guard.Limits
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
func Apply(ctx context.Context, a Artifacts, o ApplyOptions) (Applied, error) {
	var done Applied
	log, err := past(o.Log)
	if err != nil {
		return done, fmt.Errorf("replay the run's log: %w", err)
	}
	// An approval bounds the start of changes. A run that was begun under a
	// valid approval is finished after it expired: the signatures are checked
	// as of the moment the first intent was written.
	asOf := o.Now()
	if begun, ok := firstIntent(log); ok && begun.Before(asOf) {
		asOf = begun
	}
	if done.Approved, err = approve.Verify(o.Plan, plan.Digest, o.Approvals, o.Signers, asOf); err != nil {
		return done, err
	}
	if why := guard.BlastRadius(o.Plan, o.Limits); len(why) > 0 {
		return done, &keyrotor.Refusal{
			What: "plan " + o.Plan.Digest.Short() + " reaches further than one run may", Why: why,
			Now: "nothing was changed in AWS", Next: "keyrotor approve --select … for a narrower plan, or raise apply.max_per_run in a reviewed change",
		}
	}
	if err := recordApprovals(ctx, o, done.Approved); err != nil {
		return done, err
	}
	byID := map[keyrotor.ChangeID]keyrotor.Change{}
	for _, c := range o.Plan.Changes {
		byID[c.ID] = c
	}
	executor := apply.Executor{
		Actor: o.Actor, Look: o.Look, Guard: guard.Step, Journal: journal{o.Log}, Past: log,
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
			return checkWave(ctx, w, byID, outcomes, o)
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

// checkWave verifies the wave's successes. Only the canary holds up the rest:
// later waves are checked as a whole by verify.
func checkWave(ctx context.Context, w keyrotor.Wave, byID map[keyrotor.ChangeID]keyrotor.Change, outcomes []keyrotor.Outcome, o ApplyOptions) error {
	if !w.Canary || o.Verify == nil {
		if o.WaveDone != nil {
			o.WaveDone(w, outcomes, nil)
		}
		return nil
	}
	var checked []keyrotor.Verification
	discrepant := 0
	for _, out := range outcomes {
		if out.State != keyrotor.Succeeded {
			continue
		}
		v := lookUntilSettled(ctx, byID[out.Change], out, o.Verify, o.Now, o.Patience)
		checked = append(checked, v)
		if v.Verdict == keyrotor.Discrepant {
			discrepant++
		}
	}
	if o.WaveDone != nil {
		o.WaveDone(w, outcomes, checked)
	}
	if discrepant > 0 {
		return fmt.Errorf("%d of %d canary changes are not in effect", discrepant, len(checked))
	}
	return nil
}

// lookUntilSettled repeats the look while the service may still be catching up.
func lookUntilSettled(ctx context.Context, c keyrotor.Change, out keyrotor.Outcome, look func(context.Context, keyrotor.Target) (keyrotor.Asset, error), now func() time.Time, patience time.Duration) keyrotor.Verification {
	deadline := now().Add(patience)
	pause := 200 * time.Millisecond
	for n := 1; ; n++ {
		fresh, err := look(ctx, verifyTarget(c, out))
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

func firstIntent(p apply.Past) (time.Time, bool) {
	var first time.Time
	for _, m := range p {
		for _, i := range m.Open {
			if first.IsZero() || i.At.Before(first) {
				first = i.At
			}
		}
		for _, r := range m.Receipts {
			if first.IsZero() || r.At.Before(first) {
				first = r.At
			}
		}
	}
	return first, !first.IsZero()
}

// recordApprovals puts the plan's digest and its approvals into the log before
// the first effect, once.
func recordApprovals(ctx context.Context, o ApplyOptions, r approve.Result) error {
	have := map[string]bool{}
	err := o.Log.Entries(func(e ledger.Entry) error {
		if e.Type == "approval" && e.Approval != nil {
			have[e.Approval.Signature] = true
		}
		if e.Type == "plan" {
			have[string(e.Digest)] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("replay the run's log: %w", err)
	}
	if !have[string(o.Plan.Digest)] {
		if err := o.Log.Append(ctx, ledger.Entry{Type: "plan", Digest: o.Plan.Digest, Artifact: FilePlan}); err != nil {
			return fmt.Errorf("%w: %w", apply.ErrRecord, err)
		}
	}
	for _, ap := range o.Approvals {
		if have[ap.Signature] || ap.Statement.Plan != o.Plan.Digest {
			continue
		}
		if err := o.Log.Append(ctx, ledger.Entry{Type: "approval", Approval: &ap}); err != nil {
			return fmt.Errorf("%w: %w", apply.ErrRecord, err)
		}
	}
	return nil
}

// Outcomes reads outcomes.jsonl.
func Outcomes(a Artifacts) ([]keyrotor.Outcome, error) {
	var all []keyrotor.Outcome
	err := readLines(a, FileOutcomes, func(o keyrotor.Outcome) error {
		all = append(all, o)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notRun(FileOutcomes, a.ID(), "keyrotor apply")
	}
	return all, err
}
