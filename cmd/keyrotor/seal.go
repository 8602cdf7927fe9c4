package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
		if !filepath.IsAbs(dir) { // HOME may be anything; of XDG_CONFIG_HOME the library sees to it
			return "", usage("find the folder for the ledger's key: %s is no absolute path, and leads elsewhere from each folder (mend HOME, or set ledger_key or KEYROTOR_LEDGER_KEY)", dir)
		}
		path = filepath.Join(dir, "keyrotor", "ledger.key")
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
	others, err := s.ledgerKeys()
	if err != nil {
		return nil, "", err
	}
	signer, verifier, err := s.ownLedgerKey(path)
	if err != nil {
		return nil, "", &keyrotor.Problem{
			Err: err, Now: "nothing was sealed; nothing was changed in AWS by that",
			Next: "mend " + path + ", or name the ledger's key in KEYROTOR_LEDGER_KEY",
		}
	}
	return ledger.Believing(signer, others), verifier, nil
}

// ownLedgerKey reads the ledger's key, and makes one where there is none. A pipe is
// not waited for.
func (s *session) ownLedgerKey(path string) (ledger.Signer, string, error) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		if err := regular(path, info); err != nil {
			return nil, "", fmt.Errorf("ledger key: %w", err)
		}
	}
	return ledger.LoadOrCreateKey(path, ledgerKeyName, s.rand)
}

// checkOwnLedgerKey reads the ledger's key where there is one, and makes none.
func (s *session) checkOwnLedgerKey(path string) (there bool, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	_, _, err = s.ownLedgerKey(path)
	return true, err
}

// ledgerKeys are the verifier keys of other machines whose seals are built on.
func (s *session) ledgerKeys() ([]string, error) {
	if s.cfg.LedgerKeys == "" {
		return nil, nil
	}
	path := s.cfg.path(s.cfg.LedgerKeys)
	if within(s.state.Dir(), path) {
		return nil, usage("ledger_keys %s is in the state folder: who can write the state could add a key; name a file elsewhere", path)
	}
	text, err := readInput(path, maxText)
	if err != nil {
		return nil, usage("read ledger_keys: %w", err)
	}
	keys, err := ledger.ParseKeys(string(text))
	if err != nil {
		return nil, usage("ledger_keys %s: %w", path, err)
	}
	return keys, nil
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

// sealLeft seals what killed processes left, and clears away their half-written
// files: who scans again never comes back to them. It looks at the latest run, and
// at those whose last seal the estate's log does not know. What another process is
// writing is left to it; that it cannot be done holds up nothing.
func (s *session) sealLeft() {
	latest, err := s.state.Latest()
	if err != nil {
		return
	}
	signer, _, err := s.ledgerKey()
	if err != nil {
		return
	}
	if halfWritten(latest) || !sealedToItsEnd(latest) {
		s.sealAnew(latest, signer)
	}
	for _, run := range s.behind(signer) {
		s.sealAnew(run, signer)
	}
}

// halfWritten looks at every folder of a run: plans, approvals and verifications are
// written beside each other, each in its own.
func halfWritten(run *store.Run) bool {
	found := false
	_ = filepath.WalkDir(run.Dir(), func(_ string, f fs.DirEntry, err error) error {
		found = found || err == nil && strings.HasPrefix(f.Name(), ".tmp-")
		if found {
			return fs.SkipAll
		}
		return nil // what cannot be read is not cleared away here
	})
	return found
}

func sealedToItsEnd(run *store.Run) bool {
	sealed, err := ledger.Journal(run.Dir()).Sealed()
	return err != nil || sealed // what cannot be read is not mended here
}

// behind are the runs whose last seal the estate's log does not know. One of which
// that cannot be told keeps no other from being sealed.
func (s *session) behind(signer ledger.Signer) []*store.Run {
	estate, err := ledger.OpenEstate(s.ledgerDir(), signer)
	if err != nil {
		return nil
	}
	ids, err := s.state.Runs()
	if err != nil {
		return nil
	}
	runs, dirs := map[keyrotor.RunID]*store.Run{}, map[keyrotor.RunID]string{}
	for _, id := range ids {
		if run, err := s.state.Run(id); err == nil {
			runs[id], dirs[id] = run, run.Dir()
		}
	}
	behind, _ := estate.Behind(dirs)
	var out []*store.Run
	for _, id := range behind {
		out = append(out, runs[id])
	}
	return out
}

func (s *session) sealAnew(run *store.Run, signer ledger.Signer) {
	if !ledger.Begun(run.Dir()) {
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
	estate, err := s.estateLog()
	if err != nil {
		return "", err
	}
	return estate.HeadOver(run.ID(), ledger.Journal(run.Dir()))
}

// estateLog is the estate's log as this machine believes it.
func (s *session) estateLog() (*ledger.Estate, error) {
	signer, _, err := s.ledgerKey()
	if err != nil {
		return nil, err
	}
	return ledger.OpenEstate(s.ledgerDir(), signer)
}

// believesEstate refuses a key or a log of the estate with which nothing could be
// sealed, before a run has anything in it.
func (s *session) believesEstate() error {
	estate, err := s.estateLog()
	if err != nil {
		return err
	}
	_, err = estate.Head()
	return err
}

// sealedLog is what a run's log holds under a seal that this machine believes.
func (s *session) sealedLog(run *store.Run) (ledger.Sealed, error) {
	signer, _, err := s.ledgerKey()
	if err != nil {
		return ledger.Sealed{}, err
	}
	return ledger.Sealed{Journal: ledger.Journal(run.Dir()), Run: run.ID(), Believed: signer.Believed()}, nil
}

// unsealed says what holds when the work is done and the seal is not.
func unsealed(err error) error {
	var altered *ledger.Altered
	if err == nil || errors.As(err, &altered) {
		return err
	}
	return &keyrotor.Problem{
		Err: fmt.Errorf("seal the record: %w", err), Now: "what was done holds and is in the run's log; its seal, or the estate's log's word of it, is missing",
		Next: "mend that; then\nkeyrotor report   or any other command on this run: it seals what is there",
	}
}
