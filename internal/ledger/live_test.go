package ledger_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// writing is a writer's life: take the run up, put files in place, seal.
func (s *state) writing(n int) error {
	r, err := ledger.OpenRun(s.runDir(runID), runID, clock)
	if err != nil {
		return err
	}
	defer r.Close()
	estate, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		return err
	}
	if err := s.takeUp(r, estate, runID); err != nil {
		return err
	}
	for _, name := range []string{"outcomes.jsonl", "summary.json"} {
		text := fmt.Appendf(nil, "{\"n\":%d,\"at\":%d}\n", n, time.Now().UnixNano())
		path := filepath.Join(s.runDir(runID), name)
		if err := os.WriteFile(path+".new", text, 0o600); err != nil {
			return err
		}
		if err := r.Record(name, keyrotor.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256(text)))); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	head, err := r.Seal(s.signer, nil)
	if err != nil {
		return err
	}
	return estate.Add(head)
}

const writerDir = "KEYROTOR_TEST_LEDGER_WRITER"

// TestMain lets this binary be the writer that the tests below kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		fmt.Println(writeForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func writeForEver(dir string) error {
	key, _, err := ledger.LoadOrCreateKey(filepath.Join(dir, "ledger.key"), "keyrotor-ledger", rand.NewChaCha8([32]byte{}))
	if err != nil {
		return err
	}
	s := &state{dir: filepath.Join(dir, "state"), signer: key}
	fmt.Println("up") // whoever kills waits for it
	for n := 0; ; n++ {
		if err := s.writing(n); err != nil {
			return err
		}
	}
}

// TestAKilledWriterIsNeverTakenForAForger kills a process that does nothing but
// write and seal, at any moment, again and again on one record. What it leaves is
// no forgery, nothing is asked to be restored, and the next one goes on.
func TestAKilledWriterIsNeverTakenForAForger(t *testing.T) {
	testenv.Slow(t, "kills many writers")
	dir := t.TempDir()
	for range 200 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), writerDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 500)
		n, _ := out.Read(said)
		if string(said[:n]) != "up\n" {
			t.Fatalf("the writer says %q", said[:n])
		}
		time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		n, _ = out.Read(said)
		if err := cmd.Wait(); err == nil || n > 0 {
			t.Fatalf("the writer ended by itself: %v, %q", err, said[:n])
		}
		if runs, err := os.ReadDir(filepath.Join(dir, "state")); len(runs) == 0 {
			if err == nil || errors.Is(err, os.ErrNotExist) {
				continue // killed before its first write
			}
		}
		report, err := ledger.Verify(filepath.Join(dir, "state"), ledger.VerifyOptions{})
		if err != nil || !report.OK() {
			t.Fatalf("after a kill: %v, %v", report.Faults, err)
		}
	}
}

func TestARecordThatIsBeingWrittenIsNotTakenForTamperedWith(t *testing.T) {
	testenv.Slow(t, "checks beside a writer")
	s := newState(t)
	if err := s.writing(0); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 40 {
			if err := s.writing(n); err != nil {
				t.Error(err)
			}
		}
	}()
	for checks := 0; ; checks++ {
		select {
		case <-done:
			if checks == 0 {
				t.Error("nothing was checked meanwhile")
			}
			return
		default:
		}
		report, err := ledger.Verify(s.dir, ledger.VerifyOptions{Key: s.key})
		if err != nil || !report.OK() {
			t.Errorf("%v, %v", report.Faults, err)
		}
	}
}
