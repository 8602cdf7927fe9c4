package cycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/verify"
)

// VerifyOptions is what a verification needs.
type VerifyOptions struct {
	Plan keyrotor.Plan
	// Look reads the named facts (keyrotor.PromiseFacts) with the scan role: other
	// eyes than those of apply.
	Look func(ctx context.Context, t keyrotor.Target, facts []string) (keyrotor.Asset, error)
	// Again is the command that takes up an apply that was killed.
	Again string
	// Undone are the changes that a later run took back. Optional.
	Undone map[keyrotor.ChangeID]TakenBack
	// Later is how any run of ours left a key last. It is asked, at once by
	// several, only of keys that are not as promised. Optional.
	Later       func(arn string) (Setting, bool)
	Now         func() time.Time
	Patience    time.Duration
	Concurrency int
	Progress    func(done, total int)
}

// Verify looks freshly at every change that was reported done, or taken back, and writes
// verification.jsonl. It may be repeated at any time: each verification is kept
// in a file of its own too, for the last one proves nothing of the time before.
func Verify(ctx context.Context, a *Record, o VerifyOptions) ([]keyrotor.Verification, error) {
	if err := a.Unaltered(FilePlan, FileOutcomes); err != nil {
		return nil, err
	}
	if err := Told(a, a.Log, o.Plan, o.Again); err != nil {
		return nil, err
	}
	outcomes, err := Outcomes(a)
	if err != nil {
		return nil, err
	}
	byID := map[keyrotor.ChangeID]keyrotor.Change{}
	for _, c := range o.Plan.Changes {
		byID[c.ID] = c
	}
	var todo []keyrotor.Outcome
	for _, out := range outcomes {
		switch out.State {
		case keyrotor.Succeeded, keyrotor.Unchanged, keyrotor.Unproven, keyrotor.RolledBack:
			todo = append(todo, out)
		case keyrotor.Skipped, keyrotor.Waiting, keyrotor.Failed, keyrotor.NotStarted: // nothing was promised, or not yet
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
	kept, err := verificationFile(a, o.Now())
	if err != nil {
		return results, err
	}
	for _, name := range []string{kept, FileVerification} {
		if err := writeLines(a, name, results); err != nil {
			return results, err
		}
	}
	counts := map[keyrotor.VerificationVerdict]int{}
	for _, v := range results {
		counts[v.Verdict]++
	}
	return results, updateSummary(a, func(s *keyrotor.Summary) {
		s.Verified, s.Updated = counts, o.Now().UTC()
	})
}

// verificationFile is a name, by its time, that no verification of the run has.
func verificationFile(a Artifacts, now time.Time) (string, error) {
	names, err := a.List()
	if err != nil {
		return "", err
	}
	stamp := DirVerifications + "/" + now.UTC().Format("20060102T150405Z")
	name := stamp + ".jsonl"
	for n := 2; slices.Contains(names, name); n++ {
		name = fmt.Sprintf("%s-%d.jsonl", stamp, n)
	}
	return name, nil
}

// lookAgain looks until the service has caught up, or patience ends. What a later
// run took back, or set otherwise, is not waited for: it is not coming, and that
// is why.
func lookAgain(ctx context.Context, c keyrotor.Change, out keyrotor.Outcome, o VerifyOptions) keyrotor.Verification {
	v := lookUntilSettled(ctx, c, out, o.Look, o.Now, 0)
	back, undone := o.Undone[c.ID]
	if undone {
		if v.Verdict == keyrotor.Discrepant {
			v.Details = append([]string{back.String()}, v.Details...)
		}
		return v
	}
	if by, ours := o.setLater(v, out); ours {
		v.Details = append([]string{by.String()}, v.Details...)
		return v
	}
	if verify.Settled(v) || o.Patience == 0 {
		return v
	}
	again := lookUntilSettled(ctx, c, out, o.Look, o.Now, o.Patience)
	again.Looks += v.Looks
	return again
}

// setLater is the later run of ours that left a key as it was found.
func (o VerifyOptions) setLater(v keyrotor.Verification, out keyrotor.Outcome) (Setting, bool) {
	if o.Later == nil || v.Verdict != keyrotor.Discrepant {
		return Setting{}, false
	}
	s, known := o.Later(v.Target.ARN)
	return s, known && s.By != out.Run && s.explains(v)
}

// Told refuses a run whose last turn of apply was killed before it wrote its
// outcomes: to confirm those of the turns before, or none, would say nothing of
// what that one did. Again is the command that takes it up.
func Told(a Artifacts, log Log, p keyrotor.Plan, again string) error {
	outcomes, err := Outcomes(a)
	none := errors.As(err, new(*keyrotor.Refusal))
	if err != nil && !none {
		return err
	}
	recorded, err := Recorded(log, p)
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
	why := fmt.Sprintf("the log knows effects of %d changes that %s does not", missing, FileOutcomes)
	switch {
	case none && len(recorded) > 0 && missing == 0:
		why = "the log knows that it called AWS, and there is no " + FileOutcomes
	case missing == 0:
		return nil
	}
	return &keyrotor.Refusal{
		What: "the last apply of run " + string(a.ID()) + " ended before it wrote its outcomes",
		Why:  []string{why},
		Now:  "this command read nothing and changed nothing; what apply did is in the run's log",
		Next: again + "   takes up where it stopped\nkeyrotor plan --undo " + string(a.ID()) + "   or takes it back",
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
