package main

import (
	"context"
	"errors"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/store"
)

// planUndo plans the way back from what a run did, after a fresh look at every
// key that it touched.
func (s *session) planUndo(ctx context.Context, f planFlags) error {
	if err := s.writable("out", f.file); err != nil {
		return err
	}
	// The way back is a plan of a new run, and never the one that is in the file.
	replaced, err := f.overSigned(s, "")
	if err != nil {
		return err
	}
	old, outcomes, err := s.toUndo(keyrotor.RunID(f.undo))
	if err != nil {
		return err
	}
	signers, _, err := s.signers()
	if err != nil {
		return err
	}
	// Asked before a run is begun: one that was refused would stand unsealed.
	if _, err := s.author(signers, f.authorKey); err != nil {
		return err
	}
	if err := s.checkNeeded(signers); err != nil {
		return err
	}
	run, estate, err := s.begin(ctx, nil)
	if err != nil {
		return err
	}
	var fresh map[string]keyrotor.Asset
	var pop keyrotor.Population
	err = s.record(run, func(rec *cycle.Record) error {
		fresh, pop, err = cycle.Relook(ctx, rec, cycle.RelookOptions{
			Plan: old, Outcomes: outcomes, Look: estate.Look, Now: s.now, Version: versionText(), Endpoints: estate.Endpoints(),
		})
		return err
	})
	if err != nil {
		return err
	}
	if pop.Gaps > 0 {
		s.res.add(exitPart) // what could not be looked at is left as it is
	}
	j, err := s.judge(run)
	if err != nil {
		return err
	}
	o, err := s.planOptions(run, f, j)
	if err != nil {
		return err
	}
	o.Author.Identity, o.Inputs.InventoryTaken = estate.Identity().ARN, pop.Ended
	o.ByUs = s.byUs(old.Run)
	pl, err := plan.Undo(old, outcomes, func(t keyrotor.Target) (keyrotor.Asset, bool) {
		a, ok := fresh[strings.TrimSpace(t.ARN)]
		return a, ok
	}, o)
	if err != nil {
		return err
	}
	if err := s.keepPlan(run, pl, f.file); err != nil {
		return err
	}
	replaced()
	s.sayBeyond(pl)
	return s.showPlan(pl, f.file)
}

// toUndo is the plan of a run, and what the run did.
func (s *session) toUndo(id keyrotor.RunID) (keyrotor.Plan, []keyrotor.Outcome, error) {
	run, err := s.state.Run(id)
	if errors.Is(err, keyrotor.ErrNotFound) {
		return keyrotor.Plan{}, nil, usage("--undo: %w", err)
	}
	if err != nil {
		return keyrotor.Plan{}, nil, err
	}
	pl, err := readPlan(run)
	if err != nil {
		return pl, nil, err
	}
	if err := s.resting(run); err != nil {
		return pl, nil, err
	}
	outcomes, err := s.recorded(run, pl)
	return pl, outcomes, err
}

// resting refuses a run that another process is writing: what is still being done
// cannot be undone whole.
func (s *session) resting(run *store.Run) error {
	if !ledger.Begun(run.Dir()) {
		return nil
	}
	log, err := ledger.OpenRun(run.Dir(), run.ID(), s.now)
	if err != nil {
		return err
	}
	return log.Close()
}

// recorded is what the run did, by its log: after a kill the outcomes in its
// folder are those of an earlier turn, or none.
func (s *session) recorded(run *store.Run, pl keyrotor.Plan) ([]keyrotor.Outcome, error) {
	if !ledger.Begun(run.Dir()) {
		return cycle.Outcomes(run)
	}
	return cycle.Recorded(ledger.Journal(run.Dir()), pl)
}
