package ledger_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

const firstRun = keyrotor.RunID("20261120T090000Z-0a1b")

// small is a state with two runs, the second sealed twice.
func small(t testing.TB) *state {
	t.Helper()
	s := newState(t)
	s.turn(t, firstRun, 1, map[string]string{"summary.json": "{}\n"})
	s.turn(t, runID, 1, map[string]string{"outcomes.jsonl": "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", "plan.json": "{}"})
	s.turn(t, runID, 2, map[string]string{"approvals/bob.json": "{}\n"})
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() || report.Runs != 2 || report.Artifacts != 4 {
		t.Fatalf("the untouched state: %+v", report)
	}
	return s
}

// names reports whether some fault is in the file.
func names(r ledger.Report, file string) bool {
	return slices.ContainsFunc(r.Faults, func(f ledger.Fault) bool { return f.File == filepath.ToSlash(file) })
}

// stride is 1 where the whole matrix is wanted. A quick run still takes every
// byte of the estate's log here, and of a run's folder in a test of its own.
func stride(name string) int {
	if os.Getenv(testenv.Require) != "" || strings.HasPrefix(name, "ledger/") {
		return 1
	}
	return 11
}

func TestEveryFlippedByteIsFoundAndItsFileNamed(t *testing.T) {
	testenv.Slow(t, "flips every byte")
	s := small(t)
	for _, name := range filesIn(t, s.dir) {
		path := filepath.Join(s.dir, name)
		data := read(t, path)
		for i := 0; i < len(data); i += stride(name) {
			poke(t, path, i, data[i]^1<<(i%8))
			// Without a key: the record alone must give it away.
			if report := verify(t, s.dir, ledger.VerifyOptions{}); !names(report, name) {
				t.Errorf("%s: byte %d flipped: %+v", name, i, report.Faults)
			}
			poke(t, path, i, data[i])
		}
	}
}

// poke writes one byte in place: truncating thousands of times makes some file
// systems wait for the disk.
func poke(t testing.TB, path string, at int, b byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{b}, int64(at)); err != nil {
		t.Fatal(err)
	}
}

func TestEveryRunFolderAloneGivesAwayAFlippedByte(t *testing.T) {
	testenv.Slow(t, "flips every byte")
	s := small(t)
	dir := s.runDir(runID)
	for _, name := range filesIn(t, dir) {
		path := filepath.Join(dir, name)
		data := read(t, path)
		for i := range data {
			poke(t, path, i, data[i]^1)
			if report := verify(t, dir, ledger.VerifyOptions{}); !names(report, name) {
				t.Errorf("%s: byte %d flipped: %+v", name, i, report.Faults)
			}
			poke(t, path, i, data[i])
		}
	}
}

func TestEveryRemovedSwappedOrRepeatedLineIsFoundWithItsNumber(t *testing.T) {
	s := small(t)
	for _, name := range filesIn(t, s.dir) {
		if !strings.HasSuffix(name, ".jsonl") {
			continue
		}
		path := filepath.Join(s.dir, name)
		data := read(t, path)
		lines := strings.SplitAfter(strings.TrimSuffix(string(data), "\n"), "\n")
		lines[len(lines)-1] += "\n"
		check := func(what string, at int, changed []string) {
			t.Helper()
			write(t, path, strings.Join(changed, ""))
			report := verify(t, s.dir, ledger.VerifyOptions{})
			if !slices.ContainsFunc(report.Faults, func(f ledger.Fault) bool { return f.File == name && f.Line == at+1 }) {
				t.Errorf("%s: line %d %s: %v", name, at+1, what, report.Faults)
			}
		}
		for i := range lines {
			check("removed", i, slices.Delete(slices.Clone(lines), i, i+1))
			check("repeated", i+1, slices.Insert(slices.Clone(lines), i+1, lines[i]))
			if i+1 < len(lines) {
				swapped := slices.Clone(lines)
				swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
				check("swapped", i, swapped)
			}
		}
		write(t, path, string(data))
	}
}

func TestEveryMissingFileAndRunIsFound(t *testing.T) {
	s := small(t)
	for _, name := range filesIn(t, s.dir) {
		if strings.HasSuffix(name, "lock") {
			continue // holds nothing
		}
		path := filepath.Join(s.dir, name)
		data := read(t, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if report := verify(t, s.dir, ledger.VerifyOptions{}); !names(report, name) {
			t.Errorf("%s removed: %v", name, report.Faults)
		}
		write(t, path, string(data))
	}
	for _, gone := range []string{"runs/" + string(firstRun), "runs/" + string(runID), "runs/" + string(runID) + "/log", "ledger", "runs"} {
		away := filepath.Join(t.TempDir(), "away")
		if err := os.Rename(filepath.Join(s.dir, gone), away); err != nil {
			t.Fatal(err)
		}
		if report := verify(t, s.dir, ledger.VerifyOptions{}); report.OK() {
			t.Errorf("%s removed: no fault", gone)
		}
		if err := os.Rename(away, filepath.Join(s.dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEveryCutOfEveryFileIsFound cuts files short, as a full disk of a copy
// does.
func TestEveryCutOfEveryFileIsFound(t *testing.T) {
	testenv.Slow(t, "cuts every file at many places")
	s := small(t)
	for _, name := range filesIn(t, s.dir) {
		path := filepath.Join(s.dir, name)
		data := read(t, path)
		for i := len(data) - 1; i >= 0; i -= stride(name) {
			if err := os.Truncate(path, int64(i)); err != nil {
				t.Fatal(err)
			}
			if report := verify(t, s.dir, ledger.VerifyOptions{}); !names(report, name) {
				t.Errorf("%s cut at byte %d: %v", name, i, report.Faults)
			}
		}
		write(t, path, string(data)+"\n")
		if report := verify(t, s.dir, ledger.VerifyOptions{}); len(data) > 0 && !names(report, name) {
			t.Errorf("%s with a byte more: %v", name, report.Faults)
		}
		write(t, path, string(data))
	}
}

// TestWhatOnlyAKeyOrACheckpointFinds makes records that are consistent with
// themselves: only what was kept elsewhere can tell.
func TestWhatOnlyAKeyOrACheckpointFinds(t *testing.T) {
	s := newState(t)
	s.turn(t, firstRun, 1, nil)
	early := copyTree(t, s.dir)
	s.turn(t, runID, 2, nil)
	kept := read(t, filepath.Join(s.dir, "ledger", "checkpoint"))
	keptRun := read(t, filepath.Join(s.runDir(runID), "log", "checkpoint"))
	s.turn(t, runID, 1, nil)

	forger, _ := newSigner(t, 9)
	rewritten := &state{dir: filepath.Join(t.TempDir(), "state"), signer: forger}
	fork := &state{dir: filepath.Join(t.TempDir(), "state"), signer: s.signer}
	for _, other := range []*state{rewritten, fork} {
		other.turn(t, firstRun, 2, nil)
		other.turn(t, runID, 2, nil)
		other.turn(t, runID, 1, nil)
	}
	for name, c := range map[string]struct {
		dir     string
		o       ledger.VerifyOptions
		ok      bool
		limited string // what the report says it cannot exclude
		fault   string
	}{
		"the record itself":                       {s.dir, ledger.VerifyOptions{Key: s.key, Checkpoint: kept}, true, "after the checkpoint", ""},
		"the record and a run's checkpoint":       {s.dir, ledger.VerifyOptions{Key: s.key, Checkpoint: keptRun}, true, "after the checkpoint", ""},
		"the record without key and checkpoint":   {s.dir, ledger.VerifyOptions{}, true, "a rewrite", ""},
		"a cut tail, nothing to compare with":     {early, ledger.VerifyOptions{Key: s.key}, true, "a cut tail or a fork", ""},
		"a cut tail, with a checkpoint":           {early, ledger.VerifyOptions{Checkpoint: kept}, false, "", "cut off"},
		"a cut tail, with a run's checkpoint":     {early, ledger.VerifyOptions{Checkpoint: keptRun}, false, "", "no such log"},
		"a rewrite, nothing to compare with":      {rewritten.dir, ledger.VerifyOptions{}, true, "a rewrite", ""},
		"a rewrite, with a key":                   {rewritten.dir, ledger.VerifyOptions{Key: s.key}, false, "", "not among the keys given"},
		"a rewrite, with a checkpoint":            {rewritten.dir, ledger.VerifyOptions{Checkpoint: kept}, false, "", "rewritten"},
		"a fork by the same key, with a key":      {fork.dir, ledger.VerifyOptions{Key: s.key}, true, "a cut tail or a fork", ""},
		"a fork by the same key, with checkpoint": {fork.dir, ledger.VerifyOptions{Key: s.key, Checkpoint: kept}, false, "", "fork"},
		"a run by itself":                         {s.runDir(runID), ledger.VerifyOptions{Key: s.key, Checkpoint: keptRun}, true, "after the checkpoint", ""},
		"a run by itself that is a fork":          {fork.runDir(firstRun), ledger.VerifyOptions{Key: s.key, Checkpoint: keptRun}, false, "", "no such log"},
	} {
		t.Run(name, func(t *testing.T) {
			report := verify(t, c.dir, c.o)
			if report.OK() != c.ok {
				t.Errorf("ok: got %v, want %v: %v", report.OK(), c.ok, report.Faults)
			}
			if !strings.Contains(strings.Join(report.CannotExclude, "\n"), c.limited) {
				t.Errorf("cannot exclude: got %q, want %q", report.CannotExclude, c.limited)
			}
			if !strings.Contains(fmt.Sprint(report.Faults), c.fault) {
				t.Errorf("faults: got %v, want %q", report.Faults, c.fault)
			}
		})
	}
}

func TestAKeptCheckpointThatWasForgedIsNoWitness(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, nil)
	kept := read(t, filepath.Join(s.dir, "ledger", "checkpoint"))
	flipped := bytes.Replace(kept, []byte("keyrotor/ledger\n1\n"), []byte("keyrotor/ledger\n2\n"), 1)
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key, Checkpoint: flipped}); report.OK() {
		t.Error("no fault")
	}
	if _, err := ledger.Verify(s.dir, ledger.VerifyOptions{Checkpoint: []byte("yes")}); err == nil {
		t.Error("a checkpoint that is none: no error")
	}
	if _, err := ledger.Verify(s.dir, ledger.VerifyOptions{Key: "PRIVATE+KEY+x"}); err == nil {
		t.Error("a key that is none: no error")
	}
	if _, err := ledger.Verify(t.TempDir(), ledger.VerifyOptions{}); err == nil {
		t.Error("an empty folder: no error")
	}
}

func TestARunThatGoesOnIsNoFaultButSaidToBeUncovered(t *testing.T) {
	s := small(t)
	r := s.open(t, runID)
	appendNote(t, r, "more")
	const longer = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n"
	record(t, r, "outcomes.jsonl", longer)
	r.Close()
	write(t, filepath.Join(s.runDir(runID), "outcomes.jsonl"), longer)
	report := verify(t, s.dir, ledger.VerifyOptions{})
	if !report.OK() || !strings.Contains(strings.Join(report.Notices, "\n"), "no signature covers") {
		t.Errorf("got %v and notices %q", report.Faults, report.Notices)
	}
	if !strings.Contains(strings.Join(report.CannotExclude, "\n"), "not sealed to their end") {
		t.Errorf("cannot exclude: got %q", report.CannotExclude)
	}
	journal := filepath.Join(s.runDir(runID), "log", "journal.jsonl")
	data := read(t, journal)
	for i := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1; i < len(data)-1; i++ {
		flipped := bytes.Clone(data)
		flipped[i] ^= 1
		write(t, journal, string(flipped))
		if report := verify(t, s.dir, ledger.VerifyOptions{}); report.OK() {
			t.Errorf("byte %d of a line that no seal covers is flipped: no fault", i)
		}
	}
}

// copyTree copies a folder to a new one.
func copyTree(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
