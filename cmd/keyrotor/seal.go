package main

import (
	"os"
	"path/filepath"

	"github.com/keyrotor/keyrotor"
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
	signer, verifier, err := ledger.LoadOrCreateKey(path, ledgerKeyName, p.rand)
	if err != nil {
		return nil, "", &keyrotor.Problem{
			Err: err, Now: "nothing was sealed; nothing was changed in AWS by that",
			Next: "mend " + path + ", or name the ledger's key in KEYROTOR_LEDGER_KEY",
		}
	}
	return signer, verifier, nil
}

// record writes into a run. Where the run has a log already it does so as the
// log's only writer, and seals what it wrote: a file that changed after the last
// seal is what evidence verify must call a forgery. A run without a log, of which
// nothing is sealed yet, is written as it is; the log is nil then.
func (s *session) record(run *store.Run, write func(*ledger.Run) error) error {
	if !ledger.Begun(run.Dir()) {
		return write(nil)
	}
	log, err := ledger.OpenRun(run.Dir(), run.ID(), s.now)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := write(log); err != nil {
		return err
	}
	return s.seal(run, log)
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
