package cycle

import (
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// Planned puts a plan's totals into the run's summary.
func Planned(a Artifacts, p keyrotor.Plan, now time.Time) error {
	calls := 0
	for _, b := range p.Budget {
		calls += b.Count
	}
	return updateSummary(a, func(s *keyrotor.Summary) {
		s.Planned = &keyrotor.PlannedCounts{Digest: p.Digest, Changes: len(p.Changes), Waves: len(p.Waves), Calls: calls}
		s.Updated = now
	})
}

// Seal signs the run's log with the digests of all its files and puts the
// run's head into the estate's log. It may be called after every stage: each
// seal adds to the logs and takes nothing back.
func Seal(a Artifacts, log *ledger.Run, estateDir string, signer ledger.Signer, now time.Time) error {
	names, err := a.List()
	if err != nil {
		return err
	}
	artifacts := map[string]keyrotor.Digest{}
	for _, name := range names {
		if artifacts[name], err = DigestOf(a, name); err != nil {
			return err
		}
	}
	head, err := log.Seal(signer, artifacts)
	if err != nil {
		return fmt.Errorf("seal run %s: %w", a.ID(), err)
	}
	estate, err := ledger.OpenEstate(estateDir)
	if err != nil {
		return err
	}
	if err := estate.Add(head, signer); err != nil {
		return fmt.Errorf("put run %s into the estate's log: %w", a.ID(), err)
	}
	return nil
}
