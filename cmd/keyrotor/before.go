package main

import (
	"fmt"
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/store"
)

// mostUnassessed is how many earlier scans an assessment reads one by one. Every
// assessed run hands on what those before it knew, so only scans that nobody
// assessed have to be read at all.
const mostUnassessed = 30

// before is what earlier runs know of keys: of the newest run that was assessed,
// and of every scan since.
func (s *session) before(run *store.Run) (cycle.Earlier, error) {
	known := cycle.Earlier{SeenOn: cycle.SeenOn{}, Settings: s.settings()}
	ids, err := s.state.Runs()
	if err != nil {
		return known, err
	}
	scans := 0
	for _, id := range slices.Backward(ids) {
		if id >= run.ID() {
			continue
		}
		if scans == mostUnassessed {
			fmt.Fprintf(s.err, "! none of the %d scans before this was assessed; a key that was on before those and off since is not known for it\n", scans)
			break
		}
		read, whole, err := s.addSeen(known.SeenOn, id)
		if err != nil {
			fmt.Fprintf(s.err, "! run %s is left out of what earlier runs saw: %s\n", id, said(err.Error()))
		}
		if whole {
			break
		}
		if read {
			scans++
		}
	}
	return known, nil
}

// addSeen adds what one run saw. The few keys of an undo are no survey, and a scan
// that did not finish says nothing.
func (s *session) addSeen(seen cycle.SeenOn, id keyrotor.RunID) (read, whole bool, err error) {
	run, err := s.state.Run(id)
	if err != nil {
		return false, false, err
	}
	if survey, err := isSurvey(run); err != nil || !survey {
		return false, false, err
	}
	log, err := s.sealedLog(run)
	if err != nil {
		return true, false, err
	}
	whole, err = seen.Add(run, log)
	return true, whole, err
}
