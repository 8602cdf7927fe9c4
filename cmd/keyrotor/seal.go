package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

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
	return s.recordWithin(0, run, write)
}

// recordWithin is record that waits so long for another command to end: two
// approvers at once are no reason to refuse one.
func (s *session) recordWithin(patience time.Duration, run *store.Run, write func(*cycle.Record) error) error {
	signer, _, err := s.ledgerKey()
	if err != nil {
		return err // found out before the first effect, not after the last
	}
	rec, err := s.takeUp(patience, run, signer)
	if err != nil {
		return err
	}
	defer rec.Close()
	werr := write(rec)
	if werr != nil && rec.Log.Empty() {
		return werr
	}
	serr := rec.Seal()
	var altered *ledger.Altered
	if werr != nil && errors.As(serr, &altered) {
		return werr // it says more, or is about the same
	}
	return errors.Join(werr, unsealed(serr))
}

func (s *session) takeUp(patience time.Duration, run *store.Run, signer ledger.Signer) (*cycle.Record, error) {
	for start := time.Now(); ; {
		rec, err := cycle.Open(run, run.Dir(), signer, s.ledgerDir(), s.now)
		var busy *ledger.Busy
		if !errors.As(err, &busy) || time.Since(start) > patience {
			return rec, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// sealLeft seals what the latest run was left with by a killed process, and clears
// away its half-written files: who scans again never comes back to it. What another
// process is writing is left to it; that it cannot be done holds up nothing.
func (s *session) sealLeft() {
	run, err := s.state.Latest()
	if err != nil || !ledger.Begun(run.Dir()) {
		return
	}
	estate, err := ledger.OpenEstate(s.ledgerDir())
	if err != nil {
		return
	}
	behind, err := estate.Behind(run.ID(), run.Dir())
	if err != nil {
		return
	}
	half, _ := filepath.Glob(filepath.Join(run.Dir(), ".tmp-*"))
	if sealed, err := ledger.Journal(run.Dir()).Sealed(); err != nil || sealed && !behind && len(half) == 0 {
		return
	}
	signer, _, err := s.ledgerKey()
	if err != nil {
		return
	}
	rec, err := cycle.Open(run, run.Dir(), signer, s.ledgerDir(), s.now)
	if err != nil {
		return
	}
	defer rec.Close()
	if !rec.Log.Empty() {
		_ = rec.Seal()
	}
}

// headOver is the head of the estate's log for an approval of the run to carry.
func (s *session) headOver(run *store.Run) (string, error) {
	estate, err := ledger.OpenEstate(s.ledgerDir())
	if err != nil {
		return "", err
	}
	return estate.HeadOver(run.ID(), ledger.Journal(run.Dir()))
}

// unsealed says what holds when the work is done and the seal is not.
func unsealed(err error) error {
	var altered *ledger.Altered
	if err == nil || errors.As(err, &altered) {
		return err
	}
	return &keyrotor.Problem{
		Err: fmt.Errorf("seal the record: %w", err), Now: "what was done holds and is in the run's log, which is not sealed yet",
		Next: "mend that; then keyrotor report, or any other command on this run, seals what is there",
	}
}
