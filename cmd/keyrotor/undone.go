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
	ids, err := s.state.Runs()
	if err != nil {
		return nil, err
	}
	back := map[keyrotor.ChangeID]cycle.TakenBack{}
	for _, id := range ids {
		if id <= run {
			continue
		}
		later, err := s.state.Run(id)
		if err != nil {
			return nil, err
		}
		undoes, err := undoOf(later)
		if err != nil {
			return nil, err
		}
		if undoes != run || !ledger.Begun(later.Dir()) {
			continue
		}
		if err := s.undoneBy(run, later, back); err != nil {
			return nil, err
		}
	}
	return back, nil
}

// undoneBy adds what one undo of a run has done.
func (s *session) undoneBy(run keyrotor.RunID, undo *store.Run, back map[keyrotor.ChangeID]cycle.TakenBack) error {
	planned, err := has(undo, cycle.FilePlan)
	if err != nil || !planned {
		return err
	}
	pl, err := readPlan(undo)
	if err != nil {
		return err
	}
	did, err := s.recorded(undo, pl)
	if err != nil {
		return err
	}
	again, err := s.undone(undo.ID())
	if err != nil {
		return err
	}
	maps.Copy(back, cycle.Undone(run, pl, did, again))
	return nil
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
