package main

import (
	"errors"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// states are how the changes of a plan stood, as far as anything became of them.
type states map[keyrotor.ChangeID]keyrotor.OutcomeState

// earlier is how the earlier turns of a plan left its changes.
func (s *session) earlier(run *store.Run, pl keyrotor.Plan) (states, error) {
	begun, any, err := cycle.CarriedOut(ledger.Journal(run.Dir()))
	if err != nil || !any || begun != pl.Digest {
		return nil, err
	}
	did, err := s.recorded(run, pl)
	if err != nil {
		return nil, err
	}
	left := states{}
	for _, o := range did {
		left[o.Change] = o.State
	}
	return left, nil
}

// finished reports whether earlier turns have left nothing of a plan to do.
func (left states) finished(pl keyrotor.Plan) bool {
	ended := 0
	for _, state := range left {
		if state.Final() && state != keyrotor.Unproven { // of what is unproven, apply takes another look
			ended++
		}
	}
	return ended == len(pl.Changes)
}

// leaves is what the outcomes of a run leave to be done.
type leaves struct {
	open   bool // apply has something to do
	doubt  bool // it has not yet looked again at what is unproven
	undone bool // what was promised did not happen, or is not known to have
}

// leftBy is what a turn leaves, after the earlier ones and with the error that it
// ended with. Where a canary is unproven and a second look has shown nothing, the
// rest of its plan waits for ever: only another plan goes on.
func leftBy(outcomes []keyrotor.Outcome, earlier states, err error) leaves {
	var l leaves
	held, busy := false, false
	for _, o := range outcomes {
		switch {
		case o.State == keyrotor.NotStarted:
			held = true
		case o.State == keyrotor.Unproven:
			l.undone = true
			l.doubt = l.doubt || earlier[o.Change] != keyrotor.Unproven
		case o.State == keyrotor.RolledBack:
			l.undone = true
		case !o.State.Final():
			busy = true
		}
	}
	stuck := l.undone && !l.doubt && errors.Is(err, apply.ErrStopped)
	l.open = busy || held && !stuck
	return l
}

// anew is the way on where apply has nothing left to do.
func anew() []report.Next {
	return []report.Next{
		{Command: "keyrotor scan", About: "what is there now"},
		{Command: "keyrotor plan", About: "after that: plans anew what did not happen"},
	}
}

// onlyAnew replaces the next commands of an error of apply where the same apply
// would say the same once more.
func onlyAnew(err error, l leaves) error {
	var problem *keyrotor.Problem
	if l.undone && !l.open && !l.doubt && errors.As(err, &problem) {
		problem.Next = "keyrotor scan\nkeyrotor plan   after that: plans anew what did not happen"
	}
	return err
}
