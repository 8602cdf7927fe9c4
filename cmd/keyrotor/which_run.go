package main

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/store"
)

// currentRun is the run of --run, else the latest that surveyed the estate: the
// few keys of an undo must not pass for the inventory.
func (s *session) currentRun() (*store.Run, error) {
	return s.surveyed(isSurvey)
}

// plannedRun is the run of --run, else the latest survey or planned undo.
func (s *session) plannedRun() (*store.Run, error) {
	return s.surveyed(isSurveyOrPlanned)
}

// appliedRun is the run of --run, else the latest of which there is something to
// verify, else the latest that apply worked on, be it in vain.
func (s *session) appliedRun() (*store.Run, error) {
	if s.flags.run == "" {
		if run, found, err := s.newest(isVerifiable); err != nil || found {
			return run, err
		}
	}
	return s.latest(isApplied, "no run in "+s.state.Dir()+" has been applied", "keyrotor apply PLAN.json")
}

// latest is the newest run that is meant, unless --run names another.
func (s *session) latest(meant func(*store.Run) (bool, error), none, next string) (*store.Run, error) {
	if s.flags.run != "" {
		run, err := s.state.Run(keyrotor.RunID(s.flags.run))
		if errors.Is(err, keyrotor.ErrNotFound) {
			return nil, usage("--run: %w", err)
		}
		return run, err
	}
	run, found, err := s.newest(meant)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &keyrotor.Refusal{What: none, Now: "nothing was read or changed", Next: next}
	}
	return run, nil
}

// surveyed is latest of the runs that surveyed the estate. A newer one whose inventory
// is gone is refused, and not passed over: whoever can write the state would choose
// what people see.
func (s *session) surveyed(meant func(*store.Run) (bool, error)) (*store.Run, error) {
	return s.latest(func(run *store.Run) (bool, error) {
		yes, err := meant(run)
		if err != nil || yes {
			return yes, err
		}
		return false, lost(run)
	}, "there is no run yet in "+s.state.Dir(), "keyrotor scan")
}

// lost refuses a run that has had an inventory, by its log, and has none.
func lost(run *store.Run) error {
	if there, err := has(run, cycle.FileInventory); err != nil || there {
		return err
	}
	var last keyrotor.Digest
	err := ledger.Journal(run.Dir()).Entries(func(e ledger.Entry) error {
		if e.Type == ledger.TypeArtifact && e.Artifact == cycle.FileInventory {
			last = e.Digest
		}
		return nil
	})
	if err != nil || last == "" {
		return err
	}
	return &keyrotor.Refusal{
		What: "run " + string(run.ID()) + " has lost its " + cycle.FileInventory,
		Why:  []string{"its log says that there was one: it was removed, or its scan was killed before it was in place"},
		Now:  "nothing was read or changed",
		Next: stateCheck + "   says what else of the record is gone\nkeyrotor scan   begins another run",
	}
}

// newest is the newest run that is meant, whatever --run names.
func (s *session) newest(meant func(*store.Run) (bool, error)) (*store.Run, bool, error) {
	ids, err := s.state.Runs()
	if err != nil {
		return nil, false, err
	}
	for _, id := range slices.Backward(ids) {
		run, err := s.state.Run(id)
		if err != nil {
			return nil, false, err
		}
		if yes, err := meant(run); err != nil || yes {
			return run, yes, err
		}
	}
	return nil, false, nil
}

// isSurvey reports whether a run finished a scan of the estate.
func isSurvey(run *store.Run) (bool, error) {
	if scanned, err := has(run, cycle.FileInventory); err != nil || !scanned {
		return false, err
	}
	summary, err := cycle.Summary(run)
	if err != nil {
		return false, err
	}
	return summary.Population == nil || summary.Population.Undoes == "", nil
}

// isSurveyOrPlanned is isSurvey, and true of an undo that was planned.
func isSurveyOrPlanned(run *store.Run) (bool, error) {
	if survey, err := isSurvey(run); survey || err != nil {
		return survey, err
	}
	return has(run, cycle.FilePlan)
}

// isApplied reports whether apply worked on a run: also where it was broken off
// before the outcomes were written, which the log knows.
func isApplied(run *store.Run) (bool, error) {
	if written, err := has(run, cycle.FileOutcomes); err != nil || written {
		return written, err
	}
	return carriedOut(run)
}

// isVerifiable reports whether apply left something in a run that a second look can
// confirm or miss, by what the run sums up; else its log tells.
func isVerifiable(run *store.Run) (bool, error) {
	if applied, err := isApplied(run); err != nil || !applied {
		return false, err
	}
	sum, err := cycle.Summary(run)
	if err != nil {
		return false, err
	}
	if len(sum.Applied) == 0 {
		return carriedOut(run) // and was broken off
	}
	for state, n := range sum.Applied {
		if n > 0 && state != keyrotor.Failed && state != keyrotor.NotStarted && state != keyrotor.Skipped {
			return true, nil
		}
	}
	if !ledger.Begun(run.Dir()) {
		return false, nil
	}
	done := false // of a change that failed half done, or by a turn that was killed later
	err = ledger.Journal(run.Dir()).Entries(func(e ledger.Entry) error {
		done = done || e.Type == ledger.TypeReceipt
		return nil
	})
	return done, err
}

// carriedOut reports whether anything of a plan was carried out, by the run's log.
func carriedOut(run *store.Run) (bool, error) {
	if !ledger.Begun(run.Dir()) {
		return false, nil
	}
	_, begun, err := cycle.CarriedOut(ledger.Journal(run.Dir()))
	return begun, err
}

// has reports whether a run holds a file.
func has(run *store.Run, name string) (bool, error) {
	f, err := run.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// latestRuns are the ids of the newest runs that surveyed the estate, oldest
// first.
func (s *session) latestRuns(n int) []keyrotor.RunID {
	var latest []keyrotor.RunID
	ids, _ := s.state.Runs() // it is only a suggestion
	for _, id := range slices.Backward(ids) {
		run, err := s.state.Run(id)
		if err != nil || len(latest) == n {
			break
		}
		if survey, err := isSurvey(run); err == nil && survey {
			latest = append(latest, id)
		}
	}
	slices.Reverse(latest)
	return latest
}
