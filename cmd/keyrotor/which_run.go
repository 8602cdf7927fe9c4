package main

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/store"
)

// currentRun is the run of --run, else the latest that surveyed the estate: the
// few keys of an undo must not pass for the inventory.
func (s *session) currentRun() (*store.Run, error) {
	return s.latest(isSurvey, "there is no run yet in "+s.state.Dir(), "keyrotor scan")
}

// plannedRun is the run of --run, else the latest survey or planned undo.
func (s *session) plannedRun() (*store.Run, error) {
	return s.latest(isSurveyOrPlanned, "there is no run yet in "+s.state.Dir(), "keyrotor scan")
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

// isApplied reports whether apply worked on a run.
func isApplied(run *store.Run) (bool, error) { return has(run, cycle.FileOutcomes) }

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
