package cycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// enough refuses to begin a plan that asks for fewer approvals than it must. What
// was begun is finished, for a configuration may have grown stricter since.
func enough(log *ledger.Run, o ApplyOptions) error {
	_, begun, err := beginning(log, o.Plan.Digest)
	if err != nil || begun {
		return err
	}
	why := approve.Weaker(o.Plan, o.Needs)
	if len(why) == 0 {
		return nil
	}
	return &keyrotor.Refusal{
		What: "plan " + o.Plan.Digest.Short() + " asks for less than the configuration does", Why: why,
		Now: "nothing was changed in AWS", Next: "keyrotor plan   with the configuration that apply uses",
	}
}

// wholeAtFirst refuses to begin on files that were changed since keyrotor wrote
// them. What was begun is finished: its log says how, and Seal tells of the files.
func wholeAtFirst(a *Record, o ApplyOptions) error {
	if _, begun, err := beginning(a.Log, o.Plan.Digest); err != nil || begun {
		return err
	}
	return a.Whole()
}

// intended reports whether the log announced any effect.
func intended(p apply.Past) bool {
	for _, m := range p {
		if len(m.Open)+len(m.Receipts) > 0 {
			return true
		}
	}
	return false
}

// trusted calls each for the entries that a writer with the ledger's key has
// sealed, or wrote since it took up the run. What was found behind a seal is left
// out: its words make us more careful, and never bolder, for it can be written,
// with any date, by whoever can write the folder.
func trusted(log Log, each func(ledger.Entry) error) error {
	found, err := ledger.FoundIn(log.Entries)
	if err != nil {
		return err
	}
	return log.Entries(func(e ledger.Entry) error {
		if found(e.Seq) {
			return nil
		}
		return each(e)
	})
}

// beginning is when the run began to carry out the plan, which apply seals before
// its first effect; false when it did not.
func beginning(log Log, digest keyrotor.Digest) (at time.Time, begun bool, err error) {
	err = trusted(log, func(e ledger.Entry) error {
		if e.Type == ledger.TypePlan && e.Digest == digest && !begun {
			at, begun = e.At, true
		}
		return nil
	})
	if err != nil {
		return at, false, fmt.Errorf("replay the run's log: %w", err)
	}
	return at, begun, nil
}

// agreed are the approvals that counted when the run began, or since: a renewal
// takes the place of an approval's file, and not of what it was.
func agreed(log Log) ([]keyrotor.Approval, error) {
	var all []keyrotor.Approval
	err := trusted(log, func(e ledger.Entry) error {
		if e.Type == ledger.TypeApproval && e.Approval != nil {
			all = append(all, *e.Approval)
		}
		return nil
	})
	return all, err
}

// begin puts the plan's digest and the approvals that counted into the log and
// seals that before the first effect.
func begin(ctx context.Context, a *Record, o ApplyOptions, r approve.Result) error {
	if err := recordApprovals(ctx, a.Log, o, r); err != nil {
		return err
	}
	err := a.Seal()
	var altered *ledger.Altered
	if err == nil || errors.As(err, &altered) {
		return nil // a run that was begun goes on; the seal at its end tells again
	}
	return &keyrotor.Problem{
		Err: err, Now: "nothing was changed in AWS by this command",
		Next: "mend that, then the same command again",
	}
}

// recordApprovals puts the plan's digest and the approvals that counted into the
// log, once.
func recordApprovals(ctx context.Context, log *ledger.Run, o ApplyOptions, r approve.Result) error {
	have := map[string]bool{}
	var last keyrotor.Digest
	err := trusted(log, func(e ledger.Entry) error {
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
		if err := log.Append(ctx, ledger.Entry{Type: ledger.TypePlan, Digest: o.Plan.Digest, Artifact: FilePlan}); err != nil {
			return fmt.Errorf("%w: %w", apply.ErrRecord, err)
		}
	}
	for _, ap := range o.Approvals {
		if have[ap.Signature] || !counted(r, ap) {
			continue
		}
		if err := log.Append(ctx, ledger.Entry{Type: ledger.TypeApproval, Approval: &ap}); err != nil {
			return fmt.Errorf("%w: %w", apply.ErrRecord, err)
		}
	}
	return nil
}

func counted(r approve.Result, a keyrotor.Approval) bool {
	return slices.ContainsFunc(r.Approvers, func(who approve.Approver) bool {
		return who.Signature == a.Signature
	})
}
