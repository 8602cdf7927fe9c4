package cycle

import (
	"errors"
	"fmt"
	"strings"
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

// untouched refuses to seal a file anew that no stage writes a second time: its
// new digest would make a forgery part of the record.
func untouched(run keyrotor.RunID, log *ledger.Run, artifacts map[string]keyrotor.Digest) error {
	var changed error
	err := log.Entries(func(e ledger.Entry) error {
		once := e.Artifact == FileInventory || strings.HasPrefix(e.Artifact, DirPlans+"/")
		now, there := artifacts[e.Artifact]
		if e.Type == ledger.TypeArtifact && once && there && now != e.Digest && changed == nil {
			changed = &keyrotor.Problem{
				Err:  fmt.Errorf("seal run %s: %s is not what was sealed, and no command writes it twice", run, e.Artifact),
				Now:  "what was done is in the run's log; it was not sealed over the changed file",
				Next: "keyrotor evidence verify, which says what was changed where",
			}
		}
		return nil
	})
	return errors.Join(err, changed)
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
	if err := untouched(a.ID(), log, artifacts); err != nil {
		return err
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
