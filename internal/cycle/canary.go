package cycle

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
)

// checkWave verifies the wave's successes. Only the canary holds up the rest:
// later waves are checked as a whole by verify.
func checkWave(ctx context.Context, w keyrotor.Wave, byID map[keyrotor.ChangeID]keyrotor.Change, outcomes []keyrotor.Outcome, o ApplyOptions) error {
	var checked []keyrotor.Verification
	holdsUp := w.Canary && o.Verify != nil
	if holdsUp {
		checked = secondLooks(ctx, byID, outcomes, o)
	}
	if o.WaveDone != nil {
		o.WaveDone(w, outcomes, checked)
	}
	if !holdsUp {
		return nil
	}
	verdicts := map[keyrotor.VerificationVerdict]int{}
	for _, v := range checked {
		verdicts[v.Verdict]++
	}
	switch {
	case verdicts[keyrotor.Discrepant] > 0:
		return fmt.Errorf("%d of %d canary changes are not in effect", verdicts[keyrotor.Discrepant], len(checked))
	case len(checked) > 0 && verdicts[keyrotor.Unreadable] == len(checked):
		return fmt.Errorf("none of %d canary changes could be read again", len(checked))
	case w.Number == o.Plan.Waves[len(o.Plan.Waves)-1].Number:
		return nil // nothing is left to hold up
	case len(checked) == 0:
		return withoutSuccess(outcomes, o)
	}
	return nil
}

// secondLooks takes a second look at what succeeded, at all of it at once: patience
// is with the service, and not with each key in turn. Who looks paces the calls.
func secondLooks(ctx context.Context, byID map[keyrotor.ChangeID]keyrotor.Change, outcomes []keyrotor.Outcome, o ApplyOptions) []keyrotor.Verification {
	done := slices.DeleteFunc(slices.Clone(outcomes), func(out keyrotor.Outcome) bool { return out.State != keyrotor.Succeeded })
	checked := make([]keyrotor.Verification, len(done))
	var g errgroup.Group
	for i, out := range done {
		g.Go(func() error {
			checked[i] = lookUntilSettled(ctx, byID[out.Change], out, o.Verify, o.Now, o.Patience)
			return nil
		})
	}
	_ = g.Wait() // lookers return no error: verifications carry them
	return checked
}

// withoutSuccess says why a canary in which nothing succeeded holds up the rest,
// nil where it does not. What failed may be one key's own matter; a canary of
// which nothing came through has shown nothing that speaks for the others.
func withoutSuccess(outcomes []keyrotor.Outcome, o ApplyOptions) error {
	n := apply.Result{Outcomes: outcomes}.Counts()
	unproven, back, waiting := n[keyrotor.Unproven], n[keyrotor.RolledBack], n[keyrotor.Waiting]
	lost := n[keyrotor.Failed] + back + unproven
	switch {
	case lost == 0 && waiting > 0:
		return &keyrotor.NotYet{Again: o.Now().Add(o.Patience), Reason: fmt.Sprintf("%d canary changes are under way at AWS", waiting)}
	case lost == 0:
		return nil // it had nothing to do
	case unproven == lost:
		return &keyrotor.Problem{
			Err: fmt.Errorf("of %d canary changes %d are unproven and none is known to have taken effect", len(outcomes), unproven),
			Now: "later waves were not started; what is unproven may have been done, and is never called a second time",
			Next: "keyrotor apply PLAN.json   looks once more, and goes on where the effect shows by then\n" +
				"where it does not, a new plan is made from what is there:\nkeyrotor scan\nkeyrotor plan",
		}
	case back == lost:
		return &keyrotor.Problem{
			Err:  fmt.Errorf("of %d canary changes %d were refused and rolled back, and none took effect", len(outcomes), back),
			Now:  "later waves were not started; what was rolled back is as before the change, and this plan does not try it again",
			Next: "keyrotor scan\nkeyrotor plan   once what refused the change is mended",
		}
	}
	return fmt.Errorf("of %d canary changes none took effect, and %d failed, were rolled back or are unproven", len(outcomes), lost)
}
