package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// folder serves a log's files to the independent checker.
type folder string

func (f folder) ReadCheckpoint(context.Context) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), layout.CheckpointPath))
}

func (f folder) ReadTile(_ context.Context, l, i uint64, p uint8) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), layout.TilePath(l, i, p)))
}

func (f folder) ReadEntryBundle(_ context.Context, i uint64, p uint8) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), layout.EntriesPath(i, p)))
}

// independent checks a log with Tessera's fsck, which nobody here wrote.
func independent(t testing.TB, dir, origin, key string) error {
	t.Helper()
	verifier, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	leaves := func(bundle []byte) ([][]byte, error) {
		var b api.EntryBundle
		if err := b.UnmarshalText(bundle); err != nil {
			return nil, err
		}
		var hashes [][]byte
		for _, e := range b.Entries {
			hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
		}
		return hashes, nil
	}
	// Its queue has room for N files, and a worker that found a fault leaves it:
	// with fewer places than files, a fault makes it wait for ever.
	return fsck.New(origin, verifier, folder(dir), leaves, fsck.Opts{N: 64}).Check(t.Context())
}

func TestAnIndependentCheckerAcceptsBothLogsAndRejectsAFlippedBit(t *testing.T) {
	testenv.Slow(t, "an independent checker over many tiles")
	for _, n := range []int{1, 254, 255, 256, 700} {
		t.Run(fmt.Sprintf("%d entries", n), func(t *testing.T) {
			s := newState(t)
			for i := range 3 {
				s.turn(t, keyrotor.RunID(fmt.Sprintf("20261121T10150%dZ-5f3c", i)), 1, nil)
			}
			s.turn(t, runID, n/2, map[string]string{"plan.json": "{}\n"})
			s.turn(t, runID, n-n/2, map[string]string{"plan.json": "{}\n\n", "summary.json": "{}"})
			logs := map[string]string{
				filepath.Join(s.runDir(runID), "log"): "keyrotor/runs/" + string(runID),
				filepath.Join(s.dir, "ledger"):        "keyrotor/ledger",
			}
			for dir, origin := range logs {
				if err := independent(t, dir, origin, s.key); err != nil {
					t.Errorf("%s: %v", origin, err)
				}
				for _, name := range filesIn(t, dir) {
					if !strings.HasPrefix(name, "tile/") && name != "checkpoint" {
						continue
					}
					path := filepath.Join(dir, name)
					data := read(t, path)
					flipped := bytes.Clone(data)
					flipped[len(flipped)/2] ^= 1
					write(t, path, string(flipped))
					if err := independent(t, dir, origin, s.key); err == nil {
						t.Errorf("%s: a bit of %s is flipped and the log accepted", origin, name)
					}
					write(t, path, string(data))
				}
			}
			if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() {
				t.Errorf("our own check: %v", report.Faults)
			}
		})
	}
}

func TestSealingAgainAddsAndSealingNothingNewDoesNot(t *testing.T) {
	s := newState(t)
	first := s.turn(t, runID, 2, map[string]string{"plan.json": "a"})
	again := s.turn(t, runID, 0, nil)
	if again.Size != first.Size || again.Root != first.Root {
		t.Errorf("nothing new: got size %d, want %d", again.Size, first.Size)
	}
	third := s.turn(t, runID, 0, map[string]string{"plan.json": "b"})
	if want := first.Size + 2; third.Size != want {
		t.Errorf("a changed artifact: got size %d, want %d", third.Size, want)
	}
	estate, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	if head, err := estate.Head(); err != nil || !strings.HasPrefix(head, "2:") {
		t.Errorf("estate's head: got %q, %v, want size 2", head, err)
	}
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() {
		t.Errorf("check: %v", report.Faults)
	}
}

func TestAnEmptyEstateHasTheHeadZero(t *testing.T) {
	estate, err := ledger.OpenEstate(filepath.Join(t.TempDir(), "ledger"), newState(t).signer)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := estate.Head(); err != nil || got != "0:" {
		t.Errorf("got %q, %v, want 0:", got, err)
	}
}

func TestRunsThatEndAtOnceNeverForkTheEstatesLog(t *testing.T) {
	s := newState(t)
	other, otherKey := newSigner(t, 2)
	s.signer, other = ledger.Believing(s.signer, []string{otherKey}), ledger.Believing(other, []string{s.key})
	var group sync.WaitGroup
	const runs = 12
	for i := range runs {
		id := keyrotor.RunID(fmt.Sprintf("20261121T1015%02dZ-5f3c", i))
		machine := *s
		if i%2 == 1 {
			machine.signer = other
		}
		group.Go(func() { machine.turn(t, id, 1, nil) })
	}
	group.Wait()
	report := verify(t, s.dir, ledger.VerifyOptions{Key: "# two machines\n" + s.key + "\n" + otherKey + "\n"})
	if !report.OK() || report.Runs != runs || !strings.HasPrefix(report.Head, fmt.Sprint(runs, ":")) {
		t.Errorf("got %d runs, head %s, %v", report.Runs, report.Head, report.Faults)
	}
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); report.OK() {
		t.Error("a key that is not given sealed half of the runs: no fault")
	}
}

// TestACrashInsideASealIsMendedByTheNext puts the state together as it is when a
// writer is killed after each of its writes: the journal learns of the file, the
// file comes into place, then its short hashes, the journal's seal, tiles, the
// run's checkpoint, away with its outgrown tiles, and the same for the estate's
// log.
func TestACrashInsideASealIsMendedByTheNext(t *testing.T) {
	s := newState(t)
	s.turn(t, firstRun, 1, nil)
	s.turn(t, runID, 2, map[string]string{"plan.json": "a"})
	before := contents(t, s.dir)
	s.turn(t, runID, 2, map[string]string{"plan.json": "b"})
	after := contents(t, s.dir)
	inRun := "runs/" + string(runID) + "/"
	order := func(name string) int {
		switch {
		case strings.Contains(name, "/log/lines/"):
			return 2
		case strings.HasSuffix(name, "plan.json"):
			return 1
		case strings.HasSuffix(name, "journal.jsonl"):
			return 3
		case strings.HasPrefix(name, inRun+"log/tile"):
			return 4
		case name == inRun+"log/checkpoint":
			return 5
		case strings.HasPrefix(name, "ledger/tile"):
			return 7 // 6: the run's outgrown tiles are away
		case name == "ledger/checkpoint":
			return 8
		}
		return 0
	}
	for stage := range 9 {
		dir := filepath.Join(t.TempDir(), "state")
		for name, data := range before {
			_, stays := after[name]
			if stays || !strings.HasPrefix(name, inRun) || stage < 6 {
				write(t, filepath.Join(dir, name), data)
			}
		}
		for name, data := range after {
			if order(name) <= stage {
				write(t, filepath.Join(dir, name), data)
			}
		}
		if stage < 3 { // the journal knows of the file, and nothing of a seal
			lines := strings.SplitAfter(after[inRun+"log/journal.jsonl"], "\n")
			write(t, filepath.Join(dir, inRun+"log/journal.jsonl"), strings.Join(lines[:len(lines)-2], ""))
		}
		crashed := &state{dir: dir, signer: s.signer, key: s.key}
		if report := verify(t, dir, ledger.VerifyOptions{}); (stage < 2 || stage == 8) && !report.OK() {
			t.Errorf("killed after stage %d, before the next seal: %v", stage, report.Faults)
		}
		crashed.turn(t, runID, 1, nil)
		wrong := func(notice string) bool { // a file that came into place under no seal stays one that nobody vouches for
			return stage == 0 || stage > 4 || !strings.Contains(notice, "plan.json: nobody vouches for it")
		}
		if report := verify(t, dir, ledger.VerifyOptions{Key: s.key}); !report.OK() || slices.ContainsFunc(report.Notices, wrong) {
			t.Errorf("killed after stage %d, after the next seal: %v, %q", stage, report.Faults, report.Notices)
		}
	}
}

// TestAFirstSealKilledInsideAnyWriteIsNoFault cuts the very first seal of a state
// off while each of its files is still a temporary one.
func TestAFirstSealKilledInsideAnyWriteIsNoFault(t *testing.T) {
	whole := newState(t)
	whole.turn(t, runID, 2, map[string]string{"plan.json": "a"})
	log := "runs/" + string(runID) + "/log/"
	written := []string{ // in this order
		log + "journal.jsonl", log + "tile/entries/000.p/4", log + "tile/0/000.p/4", log + "checkpoint",
		"ledger/lock", "ledger/tile/entries/000.p/1", "ledger/tile/0/000.p/1", "ledger/checkpoint",
	}
	for i, name := range written[1:] {
		s := &state{dir: filepath.Join(t.TempDir(), "state"), signer: whole.signer, key: whole.key}
		for _, done := range append([]string{"runs/" + string(runID) + "/plan.json", log + "lines/plan.json"}, written[:i+1]...) {
			write(t, filepath.Join(s.dir, done), string(read(t, filepath.Join(whole.dir, done))))
		}
		write(t, filepath.Join(s.dir, filepath.Dir(name), ".tmp-123"), "{")
		if report := verify(t, s.dir, ledger.VerifyOptions{}); !report.OK() {
			t.Errorf("killed while it wrote %s: %v", name, report.Faults)
		}
		s.turn(t, runID, 1, nil)
		if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() || strings.Contains(strings.Join(report.Notices, "\n"), "seal was interrupted") {
			t.Errorf("killed while it wrote %s, after the next seal: %v, %q", name, report.Faults, report.Notices)
		}
	}
}

func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range filesIn(t, dir) {
		all[name] = string(read(t, filepath.Join(dir, name)))
	}
	return all
}
