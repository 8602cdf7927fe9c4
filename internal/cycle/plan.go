package cycle

import (
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// SavePlan keeps a plan as the run's current one, and under its digest.
func SavePlan(a *Record, p keyrotor.Plan) error {
	text, err := plan.TextOf(p)
	if err != nil {
		return err
	}
	if err := a.Write(DirPlans+"/"+p.Digest.Short()+".json", text.Write); err != nil {
		return err
	}
	return a.Write(FilePlan, text.Write)
}

// CarriedOut is the plan that the run's log shows to have been carried out, in
// part or whole; false when nothing was begun yet.
func CarriedOut(log Log) (keyrotor.Digest, bool, error) {
	var current, begun keyrotor.Digest
	err := log.Entries(func(e ledger.Entry) error {
		switch e.Type {
		case ledger.TypePlan:
			current = e.Digest
		case ledger.TypeIntent, ledger.TypeReceipt:
			begun = current
		case ledger.TypeOutcome:
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
func NoOther(run keyrotor.RunID, log Log, p keyrotor.Plan) error {
	begun, any, err := CarriedOut(log)
	if err != nil || !any || begun == p.Digest {
		return err
	}
	return &keyrotor.Refusal{
		What: fmt.Sprintf("run %s has carried out plan %s, and takes no other", run, begun.Short()),
		Why:  []string{"this is plan " + p.Digest.Short(), "its outcomes would take the place of those of the first, which nobody could verify or undo then"},
		Now:  "nothing was changed by this command", Next: "keyrotor scan\nkeyrotor plan   after that: a run of its own",
	}
}

// NotAgain refuses a plan that its run has carried out, or begun to: it was made
// from an inventory that is older than what was done.
func NotAgain(run keyrotor.RunID, log Log, p keyrotor.Plan) error {
	begun, any, err := CarriedOut(log)
	if err != nil || !any || begun != p.Digest {
		return err
	}
	return &keyrotor.Refusal{
		What: fmt.Sprintf("run %s has carried out this very plan, %s", run, begun.Short()),
		Why:  []string{"its inventory is older than what was applied"},
		Now:  "no plan was written", Next: "keyrotor scan\nkeyrotor plan   after that\nor, to go on with what was begun:\nkeyrotor apply PLAN.json   with the plan that was signed",
	}
}

// Planned puts a plan's totals into the run's summary.
func Planned(a *Record, p keyrotor.Plan, now time.Time) error {
	calls := 0
	for _, b := range p.Budget {
		calls += b.Count
	}
	return updateSummary(a, func(s *keyrotor.Summary) {
		s.Planned = &keyrotor.PlannedCounts{Digest: p.Digest, Changes: len(p.Changes), Waves: len(p.Waves), Calls: calls}
		s.Updated = now
	})
}
