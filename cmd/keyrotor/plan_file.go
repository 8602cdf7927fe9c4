package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/store"
)

// readPlan reads the plan that the run works on.
func readPlan(run *store.Run) (keyrotor.Plan, error) {
	path := filepath.Join(run.Dir(), cycle.FilePlan)
	data, err := readInput(path, maxPlan)
	if err != nil {
		return keyrotor.Plan{}, err
	}
	return plan.Decode(path, data)
}

func readPlanFile(path string) (keyrotor.Plan, error) {
	data, err := readInput(path, maxPlan)
	if err != nil {
		return keyrotor.Plan{}, usage("read the plan: %w", err)
	}
	pl, err := plan.Decode(path, data)
	if err != nil {
		return pl, unreadablePlan(err)
	}
	return pl, nil
}

// givenPlan reads the plan that an argument names.
func (s *session) givenPlan(path string) (keyrotor.Plan, error) {
	pl, err := readPlanFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return pl, s.noPlan(path, errors.Unwrap(errors.Unwrap(err)))
	}
	return pl, err
}

// loadPlan reads a plan file and finds its run.
func (s *session) loadPlan(path string) (keyrotor.Plan, *store.Run, error) {
	data, err := readInput(path, maxPlan)
	if err != nil {
		return keyrotor.Plan{}, nil, s.noPlan(path, err)
	}
	p, err := plan.Decode(path, data)
	if err != nil {
		return p, nil, unreadablePlan(err)
	}
	run, err := s.state.Run(p.Run)
	if err != nil && !errors.Is(err, keyrotor.ErrNotFound) {
		return p, nil, err
	}
	if err != nil {
		return p, nil, &keyrotor.Refusal{
			What: "the plan's run is not here", Why: []string{err.Error()}, Now: "nothing was changed",
			Next: "give --state DIR, the folder in which the plan was made",
		}
	}
	return p, run, nil
}

// unreadablePlan makes a file that is no plan the user's mistake, and leaves the
// refusal of an altered plan what it is.
func unreadablePlan(err error) error {
	var refusal *keyrotor.Refusal
	if errors.As(err, &refusal) {
		return err
	}
	return &usageError{err}
}

// noPlan is what becomes of a plan file that cannot be read: the latest run may
// hold the plan that was meant.
func (s *session) noPlan(path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return usageNext("give the plan as keyrotor wrote it", "read the plan: %w", err)
	}
	next := "keyrotor plan -o " + pathWord(path) + "   makes one from the latest run"
	if kept := s.latestPlan(); kept != "" {
		next = "keyrotor plan show " + pathWord(kept) + "   the latest plan of this state\n" + next
	}
	return usageNext(next, "read the plan: %w", err)
}

// latestPlan is the plan that the newest run with one keeps, "" when none does.
func (p *program) latestPlan() string {
	s, err := p.open()
	if err != nil {
		return "" // it is only a suggestion
	}
	ids, _ := s.state.Runs()
	for _, id := range slices.Backward(ids) {
		kept := filepath.Join(s.state.Dir(), "runs", string(id), cycle.FilePlan)
		if _, err := os.Stat(kept); err == nil {
			return kept
		}
	}
	return ""
}

// writePlan writes a plan to a file of the user's.
func writePlan(file string, pl keyrotor.Plan) error {
	text, err := plan.TextOf(pl)
	if err != nil {
		return err
	}
	return replaceFile(file, text.Write)
}
