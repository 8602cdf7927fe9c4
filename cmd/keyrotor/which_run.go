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

// appliedRun is the run of --run, else the latest that apply worked on.
func (s *session) appliedRun() (*store.Run, error) {
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

// surveyed is latest of the runs that surveyed the estate. Where the file has gone
// in which one of them kept what it saw, that is said, and not that there was none.
func (s *session) surveyed(meant func(*store.Run) (bool, error)) (*store.Run, error) {
	run, err := s.latest(meant, "there is no run yet in "+s.state.Dir(), "keyrotor scan")
	var none *keyrotor.Refusal
	if !errors.As(err, &none) {
		return run, err
	}
	ids, _ := s.state.Runs() // it is only a better word for the same
	for _, id := range slices.Backward(ids) {
		if run, err := s.state.Run(id); err == nil && logTells(run, cycle.FileInventory) {
			none.What = "run " + string(id) + " has lost its " + cycle.FileInventory + ", and no other run in " + s.state.Dir() + " has one"
			none.Why = []string{"its log says that there was one: it was removed, or its scan was killed before it was in place"}
			none.Next = stateCheck + "   says what else of the record is gone\nkeyrotor scan   begins another run"
			break
		}
	}
	return nil, err
}

// logTells reports whether a run's log knows of a file, whether it is there or not.
func logTells(run *store.Run, name string) bool {
	known := false
	err := ledger.Journal(run.Dir()).Entries(func(e ledger.Entry) error {
		known = known || e.Type == ledger.TypeArtifact && e.Artifact == name
		return nil
	})
	return err == nil && known
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
