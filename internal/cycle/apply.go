package cycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
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
	Look    func(ctx context.Context, s keyrotor.Step) (keyrotor.Asset, error)
	Verify  func(ctx context.Context, t keyrotor.Target) (keyrotor.Asset, error)
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
func Apply(ctx context.Context, a Artifacts, o ApplyOptions) (Applied, error) {
	var done Applied
	log, err := past(o.Log)
	if err != nil {
		return done, fmt.Errorf("replay the run's log: %w", err)
	}
	if err := enough(o); err != nil {
		return done, err
	}
	if done.Approved, err = approved(o, log); err != nil {
		return done, err
	}
	if err := NoOther(a.ID(), o.Log, o.Plan); err != nil {
		return done, err
	}
	if why := guard.BlastRadius(o.Plan, o.Limits); len(why) > 0 {
		return done, &keyrotor.Refusal{
			What: "plan " + o.Plan.Digest.Short() + " reaches further than one run may", Why: why,
			Now: "nothing was changed in AWS", Next: "keyrotor approve --select … for a narrower plan, or raise apply.max_per_run in a reviewed change",
		}
	}
	// Not before it is known to be approved: the run's plan is what verify and
	// undo go by.
	if err := SavePlan(a, o.Plan); err != nil {
		return done, err
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
	discrepant, unread, lost, waiting := 0, 0, 0, 0
	for _, out := range outcomes {
		switch out.State {
		case keyrotor.Failed, keyrotor.Unproven:
			lost++
		case keyrotor.Waiting:
			waiting++
		default: // it took effect, or had nothing to do
		}
		if out.State != keyrotor.Succeeded {
			continue
		}
		v := lookUntilSettled(ctx, byID[out.Change], out, o.Verify, o.Now, o.Patience)
		checked = append(checked, v)
		switch v.Verdict {
		case keyrotor.Discrepant:
			discrepant++
		case keyrotor.Unreadable:
			unread++
		case keyrotor.Confirmed:
		}
	}
	if o.WaveDone != nil {
		o.WaveDone(w, outcomes, checked)
	}
	if discrepant > 0 {
		return fmt.Errorf("%d of %d canary changes are not in effect", discrepant, len(checked))
	}
	if w.Number == o.Plan.Waves[len(o.Plan.Waves)-1].Number {
		return nil // nothing is left to hold up
	}
	// What failed may be one key's own matter; a canary of which nothing came
	// through has shown nothing that speaks for the rest.
	if len(checked) == 0 && lost > 0 {
		return fmt.Errorf("of %d canary changes none took effect, and %d failed or are unproven", len(outcomes), lost)
	}
	if len(checked) == 0 && waiting > 0 {
		return &keyrotor.NotYet{Again: o.Now().Add(o.Patience), Reason: fmt.Sprintf("%d canary changes are under way at AWS", waiting)}
	}
	if unread > 0 && unread == len(checked) {
		return fmt.Errorf("none of %d canary changes could be read again", unread)
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

// enough refuses to begin a plan that asks for fewer approvals than it must. What
// was begun is finished, for a configuration may have grown stricter since.
func enough(o ApplyOptions) error {
	_, begun, err := CarriedOut(o.Log)
	if err != nil || begun {
		return err
	}
	why := approve.Weaker(o.Plan, o.Needs)
	if len(why) == 0 {
		return nil
	}
	return &keyrotor.Refusal{
		What: "plan " + o.Plan.Digest.Short() + " asks for less than the configuration does", Why: why,
		Now: "nothing was changed in AWS", Next: "keyrotor plan, with the configuration that apply uses",
	}
}

// approved says who approves of the plan. An approval bounds the start of
// changes: a run that was begun under valid approvals is finished after they
// expired. So they are checked as of now, and where nobody has renewed them as
// of the run's first intent.
func approved(o ApplyOptions, log apply.Past) (approve.Result, error) {
	now := o.Now()
	r, err := approve.Verify(o.Plan, plan.Digest, o.Approvals, o.Signers, now)
	begun, ok := firstIntent(log)
	if err == nil || !ok || !begun.Before(now) {
		return r, err
	}
	return approve.Verify(o.Plan, plan.Digest, o.Approvals, o.Signers, begun)
}

// recordApprovals puts the plan's digest and the approvals that counted into the
// log before the first effect, once.
func recordApprovals(ctx context.Context, o ApplyOptions, r approve.Result) error {
	have := map[string]bool{}
	var last keyrotor.Digest
	err := o.Log.Entries(func(e ledger.Entry) error {
		if e.Type == ledger.TypeApproval && e.Approval != nil {
			have[e.Approval.Signature] = true
		}
		if e.Type == ledger.TypePlan {
			last = e.Digest
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("replay the run's log: %w", err)
	}
	if last != o.Plan.Digest {
		if err := o.Log.Append(ctx, ledger.Entry{Type: ledger.TypePlan, Digest: o.Plan.Digest, Artifact: FilePlan}); err != nil {
			return fmt.Errorf("%w: %w", apply.ErrRecord, err)
		}
	}
	for _, ap := range o.Approvals {
		if have[ap.Signature] || !counted(r, ap) {
			continue
		}
		if err := o.Log.Append(ctx, ledger.Entry{Type: ledger.TypeApproval, Approval: &ap}); err != nil {
			return fmt.Errorf("%w: %w", apply.ErrRecord, err)
		}
	}
	return nil
}

func counted(r approve.Result, a keyrotor.Approval) bool {
	return slices.ContainsFunc(r.Approvers, func(who approve.Approver) bool {
		return who.Principal == a.Principal && who.Expires.Equal(a.Statement.Expires)
	})
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
