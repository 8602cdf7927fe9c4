package store_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/store"
)

var when = time.Date(2026, 11, 21, 10, 15, 2, 0, time.UTC)

func open(t *testing.T, dir string) *store.State {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newRun(t *testing.T, dir string) *store.Run {
	t.Helper()
	r, err := open(t, dir).NewRun(when, bytes.NewReader([]byte{0x5f, 0x3c}))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunsAreNamedByTimeAndChanceAndListedOldestFirst(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.Latest(); !errors.Is(err, keyrotor.ErrNotFound) {
		t.Errorf("latest of an empty state: got %v, want ErrNotFound", err)
	}
	var want []keyrotor.RunID
	for i, tail := range [][]byte{{0x5f, 0x3c}, {0x00, 0x01}} {
		r, err := s.NewRun(when.Add(time.Duration(i)*time.Hour), bytes.NewReader(tail))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, r.ID())
	}
	if want[0] != "20261121T101502Z-5f3c" {
		t.Errorf("first id: got %s, want 20261121T101502Z-5f3c", want[0])
	}
	if err := os.Mkdir(filepath.Join(s.Dir(), "runs", "mine"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := s.Runs()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("runs (-want +got):\n%s", d)
	}
	last, err := s.Latest()
	if err != nil || last.ID() != want[1] {
		t.Errorf("latest: got %v, %v, want %s", last, err, want[1])
	}
}

func TestARunOfTheSameNameIsNeverTakenTwice(t *testing.T) {
	s := open(t, t.TempDir())
	chance := bytes.NewReader([]byte{1, 1, 1, 1, 2, 2})
	a, err := s.NewRun(when, chance)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.NewRun(when, chance)
	if err != nil {
		t.Fatal(err)
	}
	if a.ID() == b.ID() {
		t.Errorf("two runs have the id %s", a.ID())
	}
}

func TestRunIDsThatLeadElsewhereAreNotFound(t *testing.T) {
	s := open(t, t.TempDir())
	for _, id := range []keyrotor.RunID{"", "..", "../runs", "20261121T101502Z-5f3c/..", "20261121T101502Z-5f3c"} {
		if _, err := s.Run(id); !errors.Is(err, keyrotor.ErrNotFound) {
			t.Errorf("run %q: got %v, want ErrNotFound", id, err)
		}
	}
}

func TestNamesThatLeaveTheRunOrEnterItsLogAreRefused(t *testing.T) {
	r := newRun(t, t.TempDir())
	for _, name := range []string{"", ".", "..", "../x", "/etc/x", "a/../b", "log", "log/journal.jsonl"} {
		err := r.Write(name, func(io.Writer) error { return nil })
		if err == nil {
			t.Errorf("write %q: no error", name)
		}
		if _, err := r.Open(name); err == nil {
			t.Errorf("open %q: no error", name)
		}
	}
}

func TestALinkOutOfTheRunIsNotFollowedAndAPipeNotWaitedFor(t *testing.T) {
	r := newRun(t, t.TempDir())
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(r.Dir(), "approvals")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(r.Dir(), "plan.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Write("approvals/alice.json", func(io.Writer) error { return nil }); err == nil {
		t.Error("written through a link that leads out of the run")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside: %v, %v", left, err)
	}
	if _, err := r.Open("plan.json"); err == nil {
		t.Error("a pipe was opened")
	}
}

func TestAWriteThatFailsLeavesTheOldFileAndNothingElse(t *testing.T) {
	r := newRun(t, t.TempDir())
	write := func(text string, fail error) error {
		return r.Write("plans/a.json", func(w io.Writer) error {
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
			return fail
		})
	}
	if err := write("old", nil); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := write("half of the ne", broken); !errors.Is(err, broken) {
		t.Errorf("got %v, want the error of the writer", err)
	}
	if got := read(t, r, "plans/a.json"); got != "old" {
		t.Errorf("after a failed write: got %q, want old", got)
	}
	entries, err := os.ReadDir(filepath.Join(r.Dir(), "plans"))
	if err != nil || len(entries) != 1 {
		t.Errorf("after a failed write the folder holds %v, %v", entries, err)
	}
}

func TestListLeavesOutTheLogAndHiddenFiles(t *testing.T) {
	r := newRun(t, t.TempDir())
	for _, name := range []string{"summary.json", "approvals/b.json", "approvals/a.json", "catalog/log/x"} {
		if err := r.Write(name, func(io.Writer) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"log/journal.jsonl", ".tmp-1", "plans/.tmp-2"} {
		path := filepath.Join(r.Dir(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := r.List()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"approvals/a.json", "approvals/b.json", "catalog/log/x", "summary.json"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("list (-want +got):\n%s", d)
	}
}

func TestAMissingFileSaysSo(t *testing.T) {
	r := newRun(t, t.TempDir())
	if _, err := r.Open("plan.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func TestAFolderThatCannotBeWrittenIsAProblemInThreeParts(t *testing.T) {
	dir := t.TempDir()
	r := newRun(t, dir)
	// A file where a folder should be refuses root too, unlike a mode.
	if err := os.WriteFile(filepath.Join(r.Dir(), "approvals"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := r.Write("approvals/a.json", func(io.Writer) error { return nil })
	var problem *keyrotor.Problem
	if !errors.As(err, &problem) || problem.Now == "" || problem.Next == "" {
		t.Errorf("got %v, want a problem that says what holds and what to do", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(file); !errors.As(err, &problem) {
		t.Errorf("state that is a file: got %v, want a problem", err)
	}
	if os.Getuid() == 0 {
		return
	}
	if err := os.Chmod(r.Dir(), 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(r.Dir(), 0o700)
	if err := r.Write("plan.json", func(io.Writer) error { return nil }); !errors.As(err, &problem) {
		t.Errorf("read-only folder: got %v, want a problem", err)
	}
}

func TestOpeningAStateLeavesNothingBehind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	open(t, dir)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want no folder", err)
	}
}

func read(t *testing.T, r *store.Run, name string) string {
	t.Helper()
	f, err := r.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
