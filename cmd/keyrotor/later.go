package main

import (
	"fmt"
	"sync"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/store"
)

// settings are how the runs of this state left keys last, by ARN. The runs are
// read when it is first asked, for most never have to be.
func (s *session) settings() func(arn string) (cycle.Setting, bool) {
	all := sync.OnceValue(s.readSettings)
	return func(arn string) (cycle.Setting, bool) {
		set, known := all()[arn]
		return set, known
	}
}

// readSettings names a run that cannot be read: what it did is not known then,
// and a change of its is called a discrepancy, or somebody else's.
func (s *session) readSettings() map[string]cycle.Setting {
	last := map[string]cycle.Setting{}
	ids, err := s.state.Runs()
	if err != nil {
		fmt.Fprintf(s.err, "! what other runs did is not known: %s\n", said(err.Error()))
	}
	for _, id := range ids {
		left, err := s.settingsOf(id)
		if err != nil {
			fmt.Fprintf(s.err, "! run %s cannot be read; what it did is not known: %s\n", id, said(err.Error()))
		}
		for arn, set := range left {
			if !set.At.Before(last[arn].At) {
				last[arn] = set
			}
		}
	}
	return last
}

func (s *session) settingsOf(id keyrotor.RunID) (map[string]cycle.Setting, error) {
	run, err := s.state.Run(id)
	if err != nil {
		return nil, err
	}
	if applied, err := isApplied(run); err != nil || !applied {
		return nil, err
	}
	pl, log, err := s.vouchedPlan(run)
	if err != nil {
		return nil, err
	}
	did, err := cycle.Carried(log, pl)
	if err != nil {
		return nil, err
	}
	return cycle.Settings(pl, did), nil
}

// vouchedPlan is the plan of another run where a seal that is believed covers it, and
// what of that run's log is under it: two files that somebody put there are no run of
// ours.
func (s *session) vouchedPlan(run *store.Run) (pl keyrotor.Plan, log ledger.Sealed, err error) {
	if log, err = s.sealedLog(run); err != nil {
		return pl, log, err
	}
	if err := cycle.Vouched(run, log, cycle.FilePlan); err != nil {
		return pl, log, err
	}
	pl, err = readPlan(run)
	return pl, log, err
}

// byUs says which run, other than the one given, left a key as it is now; "" for
// none.
func (s *session) byUs(run keyrotor.RunID) func(keyrotor.Asset) string {
	last := s.settings()
	return func(a keyrotor.Asset) string {
		if set, known := last(a.ARN); known && set.By != run && set.Holds(a.KMS) {
			return set.String()
		}
		return ""
	}
}
