package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/store"
)

// undone are the changes of a run that later runs have taken back.
func (s *session) undone(run keyrotor.RunID) (map[keyrotor.ChangeID]cycle.TakenBack, error) {
	undos, err := s.undosSince(run)
	if err != nil {
		return nil, err
	}
	return s.takenBack(run, undos)
}

// undosSince are the undos that were begun since a run, by what they undo. One
// damaged run is no reason to leave all earlier ones as they are: it is named,
// and what it did is not known.
func (s *session) undosSince(run keyrotor.RunID) (map[keyrotor.RunID][]*store.Run, error) {
	ids, err := s.state.Runs()
	if err != nil {
		return nil, err
	}
	undos := map[keyrotor.RunID][]*store.Run{}
	for _, id := range ids {
		if id <= run {
			continue
		}
		later, undoes, err := s.undoBy(id)
		if err != nil {
			fmt.Fprintf(s.err, "! run %s cannot be read; whether it undid run %s is not known: %s\n", id, run, said(err.Error()))
			continue
		}
		if undoes != "" && undoes < id && ledger.Begun(later.Dir()) {
			undos[undoes] = append(undos[undoes], later)
		}
	}
	return undos, nil
}

// undoBy opens a run, and says which run it was begun to undo.
func (s *session) undoBy(id keyrotor.RunID) (*store.Run, keyrotor.RunID, error) {
	run, err := s.state.Run(id)
	if err != nil {
		return nil, "", err
	}
	undoes, err := undoOf(run)
	return run, undoes, err
}

// takenBack is what the undos of a run have done, and no undo of theirs has taken
// back in turn.
func (s *session) takenBack(run keyrotor.RunID, undos map[keyrotor.RunID][]*store.Run) (map[keyrotor.ChangeID]cycle.TakenBack, error) {
	back := map[keyrotor.ChangeID]cycle.TakenBack{}
	for _, undo := range undos[run] {
		planned, err := has(undo, cycle.FilePlan)
		if err != nil {
			return nil, err
		}
		if !planned {
			continue
		}
		pl, _, err := s.vouchedPlan(undo)
		if err != nil {
			return nil, err
		}
		did, err := s.recorded(undo, pl) // also what a killed turn of it did: that makes more careful
		if err != nil {
			return nil, err
		}
		again, err := s.takenBack(undo.ID(), undos)
		if err != nil {
			return nil, err
		}
		maps.Copy(back, cycle.Undone(run, pl, did, again))
	}
	return back, nil
}

// undoOf is the run that a run was begun to undo, "" for none.
func undoOf(run *store.Run) (keyrotor.RunID, error) {
	summary, err := cycle.Summary(run)
	if err != nil || summary.Population == nil {
		return "", err
	}
	return summary.Population.Undoes, nil
}

// notUndone refuses to take up a run that was taken back since: its outcomes no
// longer hold, and to do them again is for a plan of its own.
func (s *session) notUndone(run *store.Run, pl keyrotor.Plan) error {
	back, err := s.undone(run.ID())
	if err != nil || len(back) == 0 {
		return err
	}
	byRun := map[string]int{}
	for _, t := range back {
		byRun[t.String()]++
	}
	refusal := &keyrotor.Refusal{
		What: "run " + string(run.ID()) + " was undone",
		Now:  "nothing was done again; what each key is like now, keyrotor scan tells",
		Next: "keyrotor scan\nkeyrotor plan   after that, to do it anew\nkeyrotor report --run " + string(run.ID()) + "   what the run had done",
	}
	for _, words := range slices.Sorted(maps.Keys(byRun)) {
		refusal.Why = append(refusal.Why, fmt.Sprintf("%d of its %d changes %s", byRun[words], len(pl.Changes), words))
	}
	return refusal
}
