package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// Who checks a record was often handed the folder by a stranger.
func TestAHostileFolderNeitherHoldsUpNorFillsTheOneWhoChecks(t *testing.T) {
	run := filepath.Join("runs", string(runID))
	replace := func(t *testing.T, path string, by func(string) error) {
		t.Helper()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := by(path); err != nil {
			t.Fatal(err)
		}
	}
	pipe := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	endless := func(path string) error { return os.Symlink("/dev/zero", path) }
	for name, c := range map[string]struct {
		file string
		by   func(string) error
	}{
		"a pipe for the estate's checkpoint": {"ledger/checkpoint", pipe},
		"a pipe for a sealed file":           {run + "/outcomes.jsonl", pipe},
		"a pipe for the hashes of lines":     {run + "/log/lines/outcomes.jsonl", pipe},
		"a device for the journal":           {run + "/log/journal.jsonl", endless},
		"a device for a run's checkpoint":    {run + "/log/checkpoint", endless},
		"a device for a sealed file":         {run + "/plan.json", endless},
		"a journal of four gigabytes": {run + "/log/journal.jsonl", func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 4<<30)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := small(t)
			replace(t, filepath.Join(s.dir, c.file), c.by)
			if report := verify(t, s.dir, ledger.VerifyOptions{}); !names(report, c.file) {
				t.Errorf("got %+v, want a fault of %s", report.Faults, c.file)
			}
		})
	}
	for _, file := range []string{"ledger/checkpoint", run + "/log/checkpoint"} {
		t.Run("an endless log claimed by "+file, func(t *testing.T) {
			s := small(t)
			path := filepath.Join(s.dir, file)
			lines := strings.SplitN(string(read(t, path)), "\n", 3)
			write(t, path, fmt.Sprintf("%s\n%d\n%s", lines[0], int64(1)<<62, lines[2]))
			if report := verify(t, s.dir, ledger.VerifyOptions{}); !names(report, file) || len(report.Faults) > 10 {
				t.Errorf("got %d faults, want a few, one of %s", len(report.Faults), file)
			}
		})
	}
}

// A run's head of a negative size made the check panic.
func TestAHeadThatCannotBeIsAFault(t *testing.T) {
	for _, size := range []int64{-1, 0} {
		s := newState(t)
		head := s.turn(t, runID, 1, map[string]string{"plan.json": "{}"})
		head.Size = size
		s.add(t, head)
		if report := verify(t, s.dir, ledger.VerifyOptions{}); report.OK() {
			t.Errorf("size %d: no fault", size)
		}
	}
}

// Of daily scans each run has one seal. With the estate's log cut back past several
// of them, each looked like a seal that was interrupted.
func TestAnEstatesLogThatWasCutBackPastSeveralRunsIsAFault(t *testing.T) {
	s := newState(t)
	s.turn(t, firstRun, 1, nil)
	early := copyTree(t, filepath.Join(s.dir, "ledger"))
	for _, id := range []keyrotor.RunID{"20261121T101502Z-0001", "20261121T101502Z-0002", "20261121T101502Z-0003"} {
		s.turn(t, id, 1, map[string]string{"inventory.jsonl": "{}\n"})
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "runs", "20261121T101502Z-0001")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(early, filepath.Join(s.dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	for _, forged := range []bool{false, true} {
		if forged { // a mark that would hide the runs' seals
			for _, id := range []keyrotor.RunID{"20261121T101502Z-0002", "20261121T101502Z-0003"} {
				r := s.open(t, id)
				if err := r.Append(t.Context(), ledger.Entry{Type: ledger.TypeFound, Found: 2}); err != nil {
					t.Fatal(err)
				}
				r.Close()
			}
		}
		if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); report.OK() {
			t.Errorf("forged marks %v: no fault", forged)
		}
	}
}

// One run whose seal could not be read kept every other from being mended.
func TestARunThatCannotBeReadHidesNoOtherThatIsBehind(t *testing.T) {
	s := newState(t)
	const other = keyrotor.RunID("20261121T101502Z-0002")
	s.turn(t, runID, 1, nil)
	if err := os.RemoveAll(filepath.Join(s.dir, "ledger")); err != nil { // the log knows neither
		t.Fatal(err)
	}
	s.turn(t, other, 1, nil)
	if err := os.RemoveAll(filepath.Join(s.dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.runDir(other), "log", "checkpoint"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	estate, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	behind, err := estate.Behind(map[keyrotor.RunID]string{runID: s.runDir(runID), other: s.runDir(other)})
	if !slices.Equal(behind, []keyrotor.RunID{runID}) || err == nil || !strings.Contains(err.Error(), string(other)) {
		t.Errorf("behind: got %v, %v; want the one run, and the other in the error", behind, err)
	}
}

// Who checks a record and is suspended in the middle must not hold up its writers.
func TestACheckHoldsUpNoWriterThatHasNothingToAdd(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, nil)
	f, err := os.Open(filepath.Join(s.dir, "ledger", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	estate, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	if behind, err := estate.Behind(map[keyrotor.RunID]string{runID: s.runDir(runID)}); err != nil || len(behind) > 0 {
		t.Errorf("behind: got %v, %v, want none", behind, err)
	}
}
