package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/store"
)

// ledgerKeyName is the name in the ledger's signatures.
const ledgerKeyName = "keyrotor-ledger"

// ledgerKeyPath is where the ledger's key is kept: where the environment or the
// configuration says, else in the user's configuration folder; never in the state
// that it vouches for, and never one of an approver's keys.
func (s *session) ledgerKeyPath() (string, error) {
	path := s.env("KEYROTOR_LEDGER_KEY")
	if path == "" && s.cfg.LedgerKey != "" {
		path = s.cfg.path(s.cfg.LedgerKey)
	}
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", usage("find the folder for the ledger's key: %w (set ledger_key, or KEYROTOR_LEDGER_KEY)", err)
		}
		return filepath.Join(dir, "keyrotor", "ledger.key"), nil
	}
	if within(s.state.Dir(), path) {
		return "", usage("the ledger's key %s is in the state folder: who can write the state could seal it anew; name a file elsewhere", path)
	}
	return path, nil
}

// within reports whether a path lies in a folder.
func within(dir, path string) bool {
	dir, derr := filepath.Abs(dir)
	path, perr := filepath.Abs(path)
	rel, rerr := filepath.Rel(dir, path)
	return derr == nil && perr == nil && rerr == nil && filepath.IsLocal(rel)
}

func (s *session) ledgerKey() (ledger.Signer, string, error) {
	path, err := s.ledgerKeyPath()
	if err != nil {
		return nil, "", err
	}
	signer, verifier, err := ledger.LoadOrCreateKey(path, ledgerKeyName, s.rand)
	if err != nil {
		return nil, "", &keyrotor.Problem{
			Err: err, Now: "nothing was sealed; nothing was changed in AWS by that",
			Next: "mend " + path + ", or name the ledger's key in KEYROTOR_LEDGER_KEY",
		}
	}
	return signer, verifier, nil
}

// record opens a run for its one writer, and seals what was written. That a
// stage failed is no reason to leave unsealed what it had written before.
func (s *session) record(run *store.Run, write func(*cycle.Record) error) error {
	signer, _, err := s.ledgerKey()
	if err != nil {
		return err // found out before the first effect, not after the last
	}
	log, err := ledger.OpenRun(run.Dir(), run.ID(), s.now)
	if err != nil {
		return err
	}
	defer log.Close()
	rec := &cycle.Record{Folder: run, Log: log, Signer: signer, Estate: s.ledgerDir()}
	werr := write(rec)
	if werr != nil && log.Empty() {
		return werr
	}
	serr := rec.Seal()
	var altered *ledger.Altered
	if werr != nil && errors.As(serr, &altered) {
		return werr // it says more, or is about the same
	}
	return errors.Join(werr, unsealed(serr))
}

// headOver is the head of the estate's log for an approval of the run to carry.
func (s *session) headOver(run keyrotor.RunID) (string, error) {
	estate, err := ledger.OpenEstate(s.ledgerDir())
	if err != nil {
		return "", err
	}
	return estate.HeadOver(run)
}

// unsealed says what holds when the work is done and the seal is not.
func unsealed(err error) error {
	var altered *ledger.Altered
	if err == nil || errors.As(err, &altered) {
		return err
	}
	return &keyrotor.Problem{
		Err: fmt.Errorf("seal the record: %w", err), Now: "what was done holds and is in the run's log, which is not sealed yet",
		Next: "mend that, then the same command again: it repeats nothing and seals what is there",
	}
}
