package ledger_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

func TestEntriesComeBackInOrderAndWhole(t *testing.T) {
	s := newState(t)
	r := s.open(t, runID)
	until := clock().Add(time.Hour)
	entries := []ledger.Entry{
		{Type: ledger.TypePlan, Digest: "sha256:00", Text: "<plan> & \u2028 \"quoted\" ü \x00"},
		{Type: ledger.TypeIntent, Change: "c1", Step: 1, Verb: keyrotor.EnableRotation, Token: "t"},
		{Type: ledger.TypeReceipt, Change: "c1", Receipt: &keyrotor.Receipt{Change: "c1", Step: 1, At: clock(), RequestIDs: []string{"r-1"}, Result: map[string]string{"b": "2", "a": "1"}}},
		{Type: ledger.TypeOutcome, Change: "c1", Outcome: &keyrotor.Outcome{Change: "c1", State: keyrotor.Waiting, Until: &until}},
		{Type: ledger.TypeApproval, Approval: &keyrotor.Approval{Principal: "bob", Signature: "-----\nx\n"}},
	}
	for _, e := range entries {
		if err := r.Append(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = s.open(t, runID)
	defer r.Close()
	var got []ledger.Entry
	if err := r.Entries(func(e ledger.Entry) error { got = append(got, e); return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		want := entries[i]
		want.Schema, want.Version, want.Seq, want.At = keyrotor.SchemaLedgerEntry, 1, int64(i), clock()
		if i < len(got) {
			want.Chain = got[i].Chain
		}
		entries[i] = want
	}
	if d := cmp.Diff(entries, got); d != "" {
		t.Errorf("entries (-want +got):\n%s", d)
	}
}

func TestASecondWriterIsRefused(t *testing.T) {
	s := newState(t)
	r := s.open(t, runID)
	_, err := ledger.OpenRun(s.runDir(runID), runID, clock)
	var refusal *keyrotor.Refusal
	if !errors.As(err, &refusal) || refusal.Next == "" {
		t.Fatalf("got %v, want a refusal", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s.open(t, runID).Close()
}

func TestManyWritersAtOnceLoseNothing(t *testing.T) {
	s := newState(t)
	r := s.open(t, runID)
	var group sync.WaitGroup
	const writers, each = 16, 20
	for w := range writers {
		group.Go(func() {
			for i := range each {
				if err := r.Append(context.Background(), ledger.Entry{Type: ledger.TypeNote, Text: fmt.Sprintf("%d/%d", w, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	r.Close()
	r = s.open(t, runID)
	defer r.Close()
	next := make([]int, writers)
	for _, text := range texts(t, r) {
		var w, i int
		if _, err := fmt.Sscanf(text, "%d/%d", &w, &i); err != nil {
			t.Fatal(err)
		}
		if next[w] != i {
			t.Errorf("writer %d: got entry %d, want %d", w, i, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d entries, want %d", w, n, each)
		}
	}
}

// TestACrashAtEveryByteLosesNoAcknowledgedLine cuts the journal after every
// byte, as a kill in the middle of a write does.
func TestACrashAtEveryByteLosesNoAcknowledgedLine(t *testing.T) {
	testenv.Slow(t, "a crash at every byte")
	s := newState(t)
	r := s.open(t, runID)
	for i := range 4 {
		appendNote(t, r, fmt.Sprint("entry ", i))
	}
	r.Close()
	journal := filepath.Join(s.runDir(runID), "log", "journal.jsonl")
	whole := read(t, journal)
	for n := range len(whole) + 1 {
		if err := os.WriteFile(journal, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if report := verify(t, s.dir, ledger.VerifyOptions{}); !report.OK() {
			t.Fatalf("cut at byte %d, before recovery: %v", n, report.Faults)
		}
		r := s.open(t, runID)
		appendNote(t, r, "after")
		got := texts(t, r)
		r.Close()
		acknowledged := bytes.Count(whole[:n], []byte("\n"))
		var want []string
		for i := range acknowledged {
			want = append(want, fmt.Sprint("entry ", i))
		}
		if torn := n - (bytes.LastIndexByte(whole[:n], '\n') + 1); torn > 0 {
			want = append(want, fmt.Sprintf("recovered after an interruption: %d bytes of an unfinished, never acknowledged line were cut off", torn))
		}
		want = append(want, "after")
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("cut at byte %d (-want +got):\n%s", n, d)
		}
		if report := verify(t, s.dir, ledger.VerifyOptions{}); !report.OK() {
			t.Fatalf("cut at byte %d, after recovery: %v", n, report.Faults)
		}
	}
}

func TestADamagedJournalIsNotWrittenOn(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"a changed line":      func(b []byte) []byte { return bytes.Replace(b, []byte("entry 1"), []byte("entry x"), 1) },
		"a missing line":      func(b []byte) []byte { i := bytes.IndexByte(b, '\n'); return b[i+1:] },
		"a line put in":       func(b []byte) []byte { return append([]byte("{}\n"), b...) },
		"zeros in the middle": func(b []byte) []byte { b[len(b)/2] = 0; return b },
	} {
		t.Run(name, func(t *testing.T) {
			s := newState(t)
			r := s.open(t, runID)
			for i := range 3 {
				appendNote(t, r, fmt.Sprint("entry ", i))
			}
			r.Close()
			journal := filepath.Join(s.runDir(runID), "log", "journal.jsonl")
			write(t, journal, string(damage(read(t, journal))))
			_, err := ledger.OpenRun(s.runDir(runID), runID, clock)
			var problem *keyrotor.Problem
			if !errors.As(err, &problem) || !strings.Contains(err.Error(), "journal.jsonl:") {
				t.Errorf("got %v, want a problem that names the line", err)
			}
		})
	}
}

func TestAJournalShorterThanItsSealIsNotWrittenOn(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 2, nil)
	journal := filepath.Join(s.runDir(runID), "log", "journal.jsonl")
	data := read(t, journal)
	write(t, journal, string(data[:bytes.IndexByte(data, '\n')+1]))
	if _, err := ledger.OpenRun(s.runDir(runID), runID, clock); err == nil {
		t.Error("opened, want a problem")
	}
}

func TestACancelledContextWritesNothing(t *testing.T) {
	s := newState(t)
	r := s.open(t, runID)
	defer r.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Append(ctx, ledger.Entry{Type: ledger.TypeNote}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if got := texts(t, r); len(got) != 0 {
		t.Errorf("got entries %q", got)
	}
}

func TestAnEntryTooLongForATileIsRefusedAlone(t *testing.T) {
	s := newState(t)
	r := s.open(t, runID)
	defer r.Close()
	if err := r.Append(context.Background(), ledger.Entry{Type: ledger.TypeNote, Text: strings.Repeat("x", 1<<16)}); err == nil {
		t.Error("no error")
	}
	appendNote(t, r, "short")
	if got := texts(t, r); !slices.Equal(got, []string{"short"}) {
		t.Errorf("got %q", got)
	}
}

// TestAFullDiskLosesNothing runs in a process whose files may not grow beyond a
// limit, so that a write ends in the middle of a line.
func TestAFullDiskLosesNothing(t *testing.T) {
	if dir := os.Getenv("LEDGER_TEST_FULL_DISK"); dir != "" {
		fillUp(t, dir)
		return
	}
	s := newState(t)
	cmd := exec.Command("sh", "-c", `ulimit -f 8 && exec "$0" -test.run '^TestAFullDiskLosesNothing$' -test.v`, os.Args[0])
	cmd.Env = append(os.Environ(), "LEDGER_TEST_FULL_DISK="+s.runDir(runID))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "acknowledged=") {
		t.Fatalf("%v: %s", err, out)
	}
	var want int
	if _, err := fmt.Sscanf(string(out[bytes.Index(out, []byte("acknowledged=")):]), "acknowledged=%d", &want); err != nil {
		t.Fatal(err)
	}
	if report := verify(t, s.dir, ledger.VerifyOptions{}); !report.OK() || report.Entries != want {
		t.Errorf("got %d entries and %v, want %d", report.Entries, report.Faults, want)
	}
	r := s.open(t, runID)
	defer r.Close()
	appendNote(t, r, "there is room again")
	if got := len(texts(t, r)); got != want+1 {
		t.Errorf("got %d entries, want %d", got, want+1)
	}
}

func fillUp(t *testing.T, dir string) {
	r, err := ledger.OpenRun(dir, runID, clock)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n < 1000; n++ {
		err = r.Append(context.Background(), ledger.Entry{Type: ledger.TypeNote, Text: strings.Repeat("x", 100)})
		if err != nil {
			break
		}
	}
	var problem *keyrotor.Problem
	if !errors.As(err, &problem) {
		t.Fatalf("got %v, want a problem", err)
	}
	// The log is as before: what fits still goes in, and is counted.
	if got := len(texts(t, r)); got != n {
		t.Fatalf("%d entries after the failure, want %d", got, n)
	}
	fmt.Printf("acknowledged=%d\n", n)
}

func TestTheSigningKeyIsPrivateAndStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "ledger.key")
	chance := bytes.NewReader(bytes.Repeat([]byte{7}, 256))
	_, first, err := ledger.LoadOrCreateKey(path, "keyrotor-ledger", chance)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
	}
	_, second, err := ledger.LoadOrCreateKey(path, "keyrotor-ledger", chance)
	if err != nil || first != second {
		t.Errorf("second time: got %q, %v, want %q", second, err, first)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.LoadOrCreateKey(path, "keyrotor-ledger", chance); err == nil {
		t.Error("a key that others can read: no error")
	}
	secret := strings.TrimSpace(string(read(t, path)))
	write(t, path, secret[:len(secret)-9]+"\n")
	os.Chmod(path, 0o600)
	if _, _, err := ledger.LoadOrCreateKey(path, "keyrotor-ledger", chance); err == nil || strings.Contains(err.Error(), secret[20:40]) {
		t.Errorf("a spoiled key: got %v, want an error that does not quote it", err)
	}
}

// TestAKilledProcessLosesNoAcknowledgedEntry kills a process that tells, after
// each entry, that it was acknowledged.
func TestAKilledProcessLosesNoAcknowledgedEntry(t *testing.T) {
	if dir := os.Getenv("LEDGER_TEST_KILLED"); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	s := newState(t)
	total := 0
	for round := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestAKilledProcessLosesNoAcknowledgedEntry$")
		cmd.Env = append(os.Environ(), "LEDGER_TEST_KILLED="+s.runDir(runID))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if acknowledged++; acknowledged == 20+7*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed, as it should be
		total += acknowledged
		r := s.open(t, runID)
		if got := len(texts(t, r)); got < total {
			t.Errorf("round %d: %d entries, %d were acknowledged", round, got, total)
		} else {
			total = got
		}
		r.Close()
	}
	if report := verify(t, s.dir, ledger.VerifyOptions{}); !report.OK() {
		t.Error(report.Faults)
	}
}

func writeUntilKilled(t *testing.T, dir string) {
	r, err := ledger.OpenRun(dir, runID, clock)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100_000 {
				if err := r.Append(context.Background(), ledger.Entry{Type: ledger.TypeIntent, Change: "c1"}); err != nil {
					t.Error(err)
					return
				}
				fmt.Println("acknowledged")
			}
		})
	}
	group.Wait()
}

// A report of a run that somebody is applying was refused as in use.
func TestAJournalIsReadWhileItsWriterHoldsIt(t *testing.T) {
	s := newState(t)
	r := s.open(t, runID)
	defer r.Close()
	appendNote(t, r, "one")
	appendNote(t, r, "two")
	path := filepath.Join(s.runDir(runID), "log", "journal.jsonl")
	write(t, path, string(read(t, path))+"{\"half a l")
	var got []string
	err := ledger.Journal(s.runDir(runID)).Entries(func(e ledger.Entry) error { got = append(got, e.Text); return nil })
	if err != nil || strings.Join(got, " ") != "one two" {
		t.Errorf("got %q, %v; want the two whole lines", got, err)
	}
	if err := ledger.Journal(t.TempDir()).Entries(func(ledger.Entry) error { return errors.New("an entry") }); err != nil {
		t.Errorf("a run without a log: %v", err)
	}
}

// An apply went on for minutes, and ended well, in a journal that was no longer there.
func TestNothingIsBegunOnceTheJournalIsGone(t *testing.T) {
	for name, remove := range map[string]func(log string) error{
		"removed": func(log string) error { return os.Remove(filepath.Join(log, "journal.jsonl")) },
		"replaced": func(log string) error {
			text, err := os.ReadFile(filepath.Join(log, "journal.jsonl"))
			other := filepath.Join(log, "other")
			return errors.Join(err, os.WriteFile(other, text, 0o600), os.Rename(other, filepath.Join(log, "journal.jsonl")))
		},
		"its folder removed": os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			s := newState(t)
			r := s.open(t, runID)
			defer r.Close()
			note := ledger.Entry{Type: ledger.TypeNote, Text: "hello"}
			if err := r.Append(t.Context(), note); err != nil {
				t.Fatal(err)
			}
			if err := remove(filepath.Join(s.runDir(runID), "log")); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				var problem *keyrotor.Problem
				if err := r.Append(t.Context(), note); !errors.As(err, &problem) || !strings.Contains(err.Error(), "was removed or replaced") {
					t.Errorf("got %v, want a problem that says what happened", err)
				}
			}
		})
	}
}
