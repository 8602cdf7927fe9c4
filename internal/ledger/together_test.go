package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/testenv"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// attempt is one turn of a writer, which may be killed before the estate's log
// learns of its seal.
func (s *state) attempt(id keyrotor.RunID, signer ledger.Signer, killed bool) error {
	r, err := ledger.OpenRun(s.runDir(id), id, clock)
	if err != nil {
		return err
	}
	defer r.Close()
	estate, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), signer)
	if err != nil {
		return err
	}
	if err := r.TakeUp(signer, estate); err != nil {
		return err
	}
	if err := r.Record("summary.json", "sha256:00"); err != nil {
		return err
	}
	if err := r.Record("summary.json", ""); err != nil { // and it is gone again
		return err
	}
	head, err := r.Seal(signer, nil)
	if err != nil || killed {
		return err
	}
	return estate.Add(head)
}

func later(n int) keyrotor.RunID { return keyrotor.RunID(fmt.Sprintf("20261121T1016%02dZ-5f3c", n)) }

// One kill in a fresh state made both machines refuse for ever.
func TestTwoMachinesThatBelieveEachOtherGoOnAfterAKill(t *testing.T) {
	s := newState(t)
	b, bKey := newSigner(t, 2)
	a := ledger.Believing(s.signer, []string{bKey})
	b = ledger.Believing(b, []string{s.key})
	if err := s.attempt(runID, b, true); err != nil {
		t.Fatal(err)
	}
	for n, turn := range []struct {
		run keyrotor.RunID
		who ledger.Signer
	}{{runID, a}, {runID, b}, {later(0), a}, {later(1), b}} {
		if err := s.attempt(turn.run, turn.who, false); err != nil {
			t.Errorf("turn %d: %v", n, err)
		}
		if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key + "\n" + bKey}); !report.OK() {
			t.Errorf("turn %d: %v", n, report.Faults)
		}
	}
}

// Where the estate's log cannot be written, each scan leaves a seal that it does not
// know. Once it can be, all of them are known for what they are.
func TestSealsThatTheEstatesLogNeverLearntOfAreMended(t *testing.T) {
	testenv.Slow(t, "many seals")
	s := newState(t)
	for n := range 20 {
		if err := s.attempt(later(n), s.signer, true); err != nil {
			t.Fatal(err)
		}
	}
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() {
		t.Errorf("before: %v", report.Faults)
	}
	for n := range 20 {
		if err := s.attempt(later(n), s.signer, false); err != nil {
			t.Fatal(err)
		}
	}
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() || !strings.HasPrefix(report.Head, "40:") {
		t.Errorf("after: head %s, %v", report.Head, report.Faults)
	}
}

// An older copy of the estate's log, put back to hide that a run is gone, was mended
// by the next command, under our own key.
func TestAnEstatesLogPutBackIsNotMended(t *testing.T) {
	s := newState(t)
	s.turn(t, firstRun, 1, nil)
	early := copyTree(t, filepath.Join(s.dir, "ledger"))
	for n := range 3 {
		s.turn(t, later(n), 1, nil)
	}
	ledgerDir := filepath.Join(s.dir, "ledger")
	if err := errors.Join(os.RemoveAll(ledgerDir), os.Rename(early, ledgerDir), os.RemoveAll(s.runDir(later(1)))); err != nil {
		t.Fatal(err)
	}
	var refusal *keyrotor.Refusal
	if err := s.attempt(later(2), s.signer, false); !errors.As(err, &refusal) || !strings.Contains(refusal.What, "cut back") {
		t.Errorf("got %v, want a refusal", err)
	}
	if err := s.attempt(later(9), s.signer, false); err != nil { // a new run does not know better
		t.Fatal(err)
	}
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); report.OK() {
		t.Error("no fault")
	}
}

func TestALinkInThePlaceOfAFolderOfTheRecordIsRefused(t *testing.T) {
	for name, link := range map[string]func(s *state) string{
		"ledger": func(s *state) string { return filepath.Join(s.dir, "ledger") },
		"run":    func(s *state) string { return s.runDir(runID) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newState(t)
			outside := t.TempDir()
			precious := []string{".tmp-precious", "tile/map.png", "log/tile/map.png"}
			for _, name := range precious {
				write(t, filepath.Join(outside, name), "x")
			}
			if err := errors.Join(os.MkdirAll(filepath.Join(s.dir, "runs"), 0o700), os.Symlink(outside, link(s))); err != nil {
				t.Fatal(err)
			}
			if err := s.attempt(runID, s.signer, false); err == nil {
				t.Error("no error")
			}
			if got := filesIn(t, outside); len(got) != len(precious) {
				t.Errorf("outside are %q", got)
			}
		})
	}
}

func TestAPathMayHoldAnyCharacter(t *testing.T) {
	for _, name := range []string{"st[ate", "state[1]", "a*b?"} {
		s := newState(t)
		s.dir = filepath.Join(t.TempDir(), name)
		for n := range 3 {
			s.turn(t, runID, n+1, nil)
		}
		if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() {
			t.Errorf("%s: %v", name, report.Faults)
		}
		if err := os.RemoveAll(filepath.Join(s.dir, "ledger")); err != nil {
			t.Fatal(err)
		}
		if head, err := s.estate(t).Head(); err == nil {
			t.Errorf("%s: the estate's log is gone, and its head is %q", name, head)
		}
	}
}

// The file may be exchanged while it is open, and put back before anybody looks.
func TestEntriesAreThoseThatWereThereWhenTheLogWasOpened(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 3, nil)
	r := s.open(t, runID)
	defer r.Close()
	path := filepath.Join(s.runDir(runID), "log", "journal.jsonl")
	was := read(t, path)
	overwrite := func(data []byte) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(data, 0); err != nil {
			t.Fatal(err)
		}
	}
	for name, lie := range map[string][]byte{
		"another line": bytes.Replace(was, []byte("entry 1"), []byte("entry 7"), 1),
		"fewer lines":  append([]byte(`{"type":"plan","digest":"sha256:00"}`), append(bytes.Repeat([]byte(" "), len(was)-len(`{"type":"plan","digest":"sha256:00"}`)-1), '\n')...),
	} {
		overwrite(lie)
		err := r.Entries(func(ledger.Entry) error { return nil })
		overwrite(was)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := r.Entries(func(ledger.Entry) error { return nil }); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

func TestAPipeInThePlaceOfAFileIsNotWaitedFor(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, map[string]string{"inventory.jsonl": "x\n"})
	path := filepath.Join(s.runDir(runID), "inventory.jsonl")
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.attempt(runID, s.signer, false) }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits")
	}
}
