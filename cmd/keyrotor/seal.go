package main

import (
	"os"
	"path/filepath"

	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/store"
)

// ledgerKeyName is the name in the ledger's signatures.
const ledgerKeyName = "keyrotor-ledger"

// ledgerKeyPath is where the ledger's key is kept: in the user's configuration
// folder, never in the state, and never one of an approver's keys.
func (p *program) ledgerKeyPath() (string, error) {
	if path := p.env("KEYROTOR_LEDGER_KEY"); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", usage("find the folder for the ledger's key: %w (set KEYROTOR_LEDGER_KEY)", err)
	}
	return filepath.Join(dir, "keyrotor", "ledger.key"), nil
}

func (p *program) ledgerKey() (ledger.Signer, string, error) {
	path, err := p.ledgerKeyPath()
	if err != nil {
		return nil, "", err
	}
	return ledger.LoadOrCreateKey(path, ledgerKeyName, p.rand)
}

// seal closes what the run's log holds so far: tiles, checkpoint, and the run's
// head in the estate's log.
func (s *session) seal(run *store.Run, log *ledger.Run) error {
	signer, _, err := s.ledgerKey()
	if err != nil {
		return err
	}
	return cycle.Seal(run, log, s.ledgerDir(), signer, s.now().UTC())
}
