package cycle

import (
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// TakenBack is that a later run undid a change.
type TakenBack struct {
	By keyrotor.RunID
	At time.Time
}

func (t TakenBack) String() string {
	return "undone by run " + string(t.By) + " on " + t.At.UTC().Format("2 Jan 2006 15:04 MST")
}

// Undone are the changes of a run that an undo of it has taken back, by the
// undo's plan and what it did. What was taken back of the undo in turn is in
// effect again, and not among them.
func Undone(run keyrotor.RunID, undo keyrotor.Plan, did []keyrotor.Outcome, again map[keyrotor.ChangeID]TakenBack) map[keyrotor.ChangeID]TakenBack {
	reverts := map[keyrotor.ChangeID]keyrotor.ChangeID{}
	for _, c := range undo.Changes {
		if id, of, ok := plan.Reverts(c); ok && of == run {
			reverts[c.ID] = id
		}
	}
	back := map[keyrotor.ChangeID]TakenBack{}
	for _, o := range did {
		id, known := reverts[o.Change]
		at, acted := effect(o)
		if _, undone := again[o.Change]; known && acted && !undone {
			back[id] = TakenBack{By: undo.Run, At: at}
		}
	}
	return back
}

// effect is when the last effect of ours in a change was seen.
func effect(o keyrotor.Outcome) (at time.Time, acted bool) {
	for _, r := range o.Receipts {
		if !r.Found && !r.At.Before(at) {
			at, acted = r.At, true
		}
	}
	return at, acted
}
