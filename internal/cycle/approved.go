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
	_, begun, err := CarriedOut(log)
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

// wholeAtFirst refuses to begin on files that were changed since keyrotor wrote
// them. What was begun is finished: its log says how, and Seal tells of the files.
func wholeAtFirst(a *Record) error {
	if _, begun, err := CarriedOut(a.Log); err != nil || begun {
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

// beginning is when the run's log says that the plan was begun, where our own key
// has signed that: an entry that no seal covers could be written, with any date,
// by whoever can write the folder.
func beginning(a *Record, digest keyrotor.Digest) (time.Time, bool, error) {
	vouched, err := a.Log.Vouched(a.Signer)
	if err != nil {
		return time.Time{}, false, err
	}
	var begun time.Time
	err = a.Log.Entries(func(e ledger.Entry) error {
		if e.Type == ledger.TypePlan && e.Digest == digest && e.Seq < vouched && begun.IsZero() {
			begun = e.At
		}
		return nil
	})
	return begun, !begun.IsZero(), err
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
	err := log.Entries(func(e ledger.Entry) error {
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
		return who.Principal == a.Principal && who.Expires.Equal(a.Statement.Expires)
	})
}
