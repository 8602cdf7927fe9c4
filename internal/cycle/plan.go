package cycle

import (
	"fmt"
	"io"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// SavePlan keeps a plan as the run's current one, and under its digest.
func SavePlan(a Artifacts, p keyrotor.Plan) error {
	data, err := plan.Encode(p)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error { _, err := w.Write(data); return err }
	if err := a.Write(DirPlans+"/"+p.Digest.Short()+".json", write); err != nil {
		return err
	}
	return a.Write(FilePlan, write)
}

// CarriedOut is the plan that the run's log shows to have been carried out, in
// part or whole; false when nothing was begun yet.
func CarriedOut(log *ledger.Run) (keyrotor.Digest, bool, error) {
	var current, begun keyrotor.Digest
	err := log.Entries(func(e ledger.Entry) error {
		switch e.Type {
		case ledger.TypePlan:
			current = e.Digest
		case entryIntent, entryReceipt:
			begun = current
		case entryOutcome:
			if e.Outcome != nil && e.Outcome.State != keyrotor.NotStarted {
				begun = current
			}
		}
		return nil
	})
	if err != nil {
		return "", false, fmt.Errorf("replay the run's log: %w", err)
	}
	return begun, begun != "", nil
}

// NoOther refuses a plan in a run that has carried out another one. A run is
// one trip round the loop: the outcomes of a second plan would take the place
// of the first one's, and verify and undo would know nothing of what it did.
func NoOther(run keyrotor.RunID, log *ledger.Run, p keyrotor.Plan) error {
	begun, any, err := CarriedOut(log)
	if err != nil || !any || begun == p.Digest {
		return err
	}
	return &keyrotor.Refusal{
		What: fmt.Sprintf("run %s has carried out plan %s, and takes no other", run, begun.Short()),
		Why:  []string{"this is plan " + p.Digest.Short(), "its outcomes would take the place of those of the first, which nobody could verify or undo then"},
		Now:  "nothing was changed by this command", Next: "keyrotor scan, then keyrotor plan: a run of its own",
	}
}
