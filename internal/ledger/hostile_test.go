package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
