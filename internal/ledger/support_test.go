package ledger_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

const runID = keyrotor.RunID("20261121T101502Z-5f3c")

func clock() time.Time { return time.Date(2026, 11, 21, 10, 15, 2, 0, time.UTC) }

func newSigner(t testing.TB, seed byte) (ledger.Signer, string) {
	t.Helper()
	chance := rand.NewChaCha8([32]byte{seed})
	s, key, err := ledger.LoadOrCreateKey(filepath.Join(t.TempDir(), "keyrotor", "ledger.key"), "keyrotor-ledger", chance)
	if err != nil {
		t.Fatal(err)
	}
	return s, key
}

// state is a state folder with an estate's log and its signer.
type state struct {
	dir    string
	signer ledger.Signer
	key    string
}

func newState(t testing.TB) *state {
	t.Helper()
	s, key := newSigner(t, 1)
	return &state{dir: filepath.Join(t.TempDir(), "state"), signer: s, key: key}
}

func (s *state) runDir(id keyrotor.RunID) string { return filepath.Join(s.dir, "runs", string(id)) }

func (s *state) open(t testing.TB, id keyrotor.RunID) *ledger.Run {
	t.Helper()
	r, err := ledger.OpenRun(s.runDir(id), id, clock)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *state) estate(t testing.TB) *ledger.Estate {
	t.Helper()
	e, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// takeUp is what a writer does first, as cycle.Open does it: end a seal that was
// interrupted before its head was in the estate's log, and mark what stands behind.
func (s *state) takeUp(r *ledger.Run, estate *ledger.Estate, _ keyrotor.RunID) error {
	return r.TakeUp(s.signer, estate)
}

// turn opens a run, appends n notes, writes the files and seals all.
func (s *state) turn(t testing.TB, id keyrotor.RunID, n int, files map[string]string) ledger.Head {
	t.Helper()
	r := s.open(t, id)
	defer r.Close()
	estate, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.takeUp(r, estate, id); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		appendNote(t, r, fmt.Sprintf("entry %d <of> %s", i, id))
	}
	for name, text := range files {
		record(t, r, name, text)
		write(t, filepath.Join(s.runDir(id), name), text)
	}
	head, err := r.Seal(s.signer, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.add(t, head)
	return head
}

// record tells the log of a file that is about to be put in place.
func record(t testing.TB, r *ledger.Run, name, text string) {
	t.Helper()
	if err := r.Record(name, keyrotor.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))))); err != nil {
		t.Fatal(err)
	}
}

// add puts a run's head into the estate's log.
func (s *state) add(t testing.TB, head ledger.Head) {
	t.Helper()
	estate, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	if err := estate.Add(head); err != nil {
		t.Fatal(err)
	}
}

func appendNote(t testing.TB, r *ledger.Run, text string) {
	t.Helper()
	if err := r.Append(context.Background(), ledger.Entry{Type: ledger.TypeNote, Text: text}); err != nil {
		t.Fatal(err)
	}
}

func texts(t testing.TB, r *ledger.Run) []string {
	t.Helper()
	var all []string
	if err := r.Entries(func(e ledger.Entry) error { all = append(all, e.Text); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func verify(t testing.TB, dir string, o ledger.VerifyOptions) ledger.Report {
	t.Helper()
	report, err := ledger.Verify(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// filesIn lists all files below dir, relative to it.
func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		names = append(names, rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
