package cycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrotor/keyrotor"
)

// VerifyOptions is what a verification needs.
type VerifyOptions struct {
	Plan keyrotor.Plan
	// Look reads with the scan role: other eyes than those of apply.
	Look func(ctx context.Context, t keyrotor.Target) (keyrotor.Asset, error)
	// Undone are the changes that a later run took back. Optional.
	Undone      map[keyrotor.ChangeID]TakenBack
	Now         func() time.Time
	Patience    time.Duration
	Concurrency int
	Progress    func(done, total int)
}

// Verify looks freshly at every change that was reported done, and writes
// verification.jsonl. It may be repeated at any time.
func Verify(ctx context.Context, a *Record, o VerifyOptions) ([]keyrotor.Verification, error) {
	outcomes, err := Outcomes(a)
	if err != nil {
		return nil, err
	}
	if err := lastTurns(a, o.Plan, outcomes); err != nil {
		return nil, err
	}
	byID := map[keyrotor.ChangeID]keyrotor.Change{}
	for _, c := range o.Plan.Changes {
		byID[c.ID] = c
	}
	var todo []keyrotor.Outcome
	for _, out := range outcomes {
		if out.State == keyrotor.Succeeded || out.State == keyrotor.Unchanged || out.State == keyrotor.Unproven {
			todo = append(todo, out)
		}
	}
	results := make([]keyrotor.Verification, len(todo))
	var g errgroup.Group
	g.SetLimit(max(1, o.Concurrency))
	progress := make(chan struct{}, len(todo))
	for i, out := range todo {
		g.Go(func() error {
			results[i] = lookAgain(ctx, byID[out.Change], out, o)
			progress <- struct{}{}
			return nil
		})
	}
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		for n := range todo {
			<-progress
			if o.Progress != nil {
				o.Progress(n+1, len(todo))
			}
		}
	}()
	_ = g.Wait() // the lookers return no error: verifications carry them
	<-shown
	if ctx.Err() != nil {
		return results, ctx.Err()
	}
	if err := writeLines(a, FileVerification, results); err != nil {
		return results, err
	}
	counts := map[keyrotor.VerificationVerdict]int{}
	for _, v := range results {
		counts[v.Verdict]++
	}
	return results, updateSummary(a, func(s *keyrotor.Summary) {
		s.Verified, s.Updated = counts, o.Now().UTC()
	})
}

// lookAgain looks until the service has caught up, or patience ends. What a later
// run took back is not waited for: it is not coming, and that is why.
func lookAgain(ctx context.Context, c keyrotor.Change, out keyrotor.Outcome, o VerifyOptions) keyrotor.Verification {
	back, undone := o.Undone[c.ID]
	if !undone {
		return lookUntilSettled(ctx, c, out, o.Look, o.Now, o.Patience)
	}
	v := lookUntilSettled(ctx, c, out, o.Look, o.Now, 0)
	if v.Verdict == keyrotor.Discrepant {
		v.Details = append([]string{back.String()}, v.Details...)
	}
	return v
}

// lastTurns refuses outcomes that a later, killed turn has left behind: to
// confirm them all would say nothing of what that turn did.
func lastTurns(a *Record, p keyrotor.Plan, outcomes []keyrotor.Outcome) error {
	recorded, err := Recorded(a.Log, p)
	if err != nil {
		return err
	}
	told := map[keyrotor.ChangeID]int{}
	for _, out := range outcomes {
		told[out.Change] = len(out.Receipts)
	}
	missing := 0
	for _, r := range recorded {
		if len(r.Receipts) > told[r.Change] {
			missing++
		}
	}
	if missing == 0 {
		return nil
	}
	return &keyrotor.Refusal{
		What: "the last apply of run " + string(a.ID()) + " ended before it wrote its outcomes",
		Why:  []string{fmt.Sprintf("the log knows effects of %d changes that %s does not", missing, FileOutcomes)},
		Now:  "nothing was read or changed; what was done is in the run's log",
		Next: "keyrotor apply with the same plan takes up where it stopped; keyrotor plan --undo " + string(a.ID()) + " takes it back",
	}
}

// Verifications reads verification.jsonl; none when verify has not run.
func Verifications(a Artifacts) ([]keyrotor.Verification, error) {
	var all []keyrotor.Verification
	err := readLines(a, FileVerification, func(v keyrotor.Verification) error {
		all = append(all, v)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}
