package main

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// TestNoKilledCommandLooksLikeAForger kills every command that writes a run, at
// any moment of its life, and asks right after each kill, and not first after the
// next command has mended things, whether the record is whole.
func TestNoKilledCommandLooksLikeAForger(t *testing.T) {
	testenv.Slow(t, "takes seconds")
	r := fewKeys(t)
	state := filepath.Join(r.dir, "state")
	r.must(exitDone, "scan")
	kills := 0
	for range pick(2, 12) {
		for _, command := range []string{"scan", "assess", "plan", "approve --all --key alice plan.json", "apply plan.json", "verify", "report"} {
			cmd := r.command(strings.Fields(command)...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// Most of a command's life is before its first write.
			time.Sleep(30*time.Millisecond + rand.N(60*time.Millisecond))
			_ = cmd.Process.Kill() // it may have ended
			_ = cmd.Wait()
			if !cmd.ProcessState.Exited() {
				kills++
			}
			report, err := ledger.Verify(state, ledger.VerifyOptions{})
			if err != nil || !report.OK() {
				t.Fatalf("after %d kills, the last of %q: %v, %v", kills, command, report.Faults, err)
			}
		}
		// Somebody comes and does the round in peace.
		r.run("scan")
		r.run("assess")
		r.run("plan")
	}
	t.Logf("%d commands were killed", kills)
}

// fewKeys is a workplace beside a sandbox of a few keys.
func fewKeys(t *testing.T) *rig {
	t.Helper()
	world, o, err := worldNamed("few")
	if err != nil {
		t.Fatal(err)
	}
	box := sandbox.New(o)
	if err := box.Load(world); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	return newRig(t, server.URL, world.Management)
}

// A run that was killed while it was scanned stayed unsealed for good, for the next
// scan is another run.
// Only the top of a run's folder was looked at: what a killed approve or verify had
// half written in a folder of its own stayed there.
func TestTheNextScanClearsHalfWrittenFilesOfEveryFolder(t *testing.T) {
	r := fewKeys(t)
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	runs, err := filepath.Glob(filepath.Join(r.dir, "state", "runs", "*"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs %v, %v", runs, err)
	}
	left := filepath.Join("state", "runs", filepath.Base(runs[0]), "plans", ".tmp-left")
	r.write(left, "half a fi")
	r.must(exitDone, "scan")
	if _, err := os.Stat(filepath.Join(r.dir, left)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v)", left, err)
	}
}

func TestTheNextScanSealsWhatAKilledOneLeft(t *testing.T) {
	r := fewKeys(t)
	r.must(exitDone, "scan")
	state := filepath.Join(r.dir, "state")
	runs, err := filepath.Glob(filepath.Join(state, "runs", "*"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs %v, %v", runs, err)
	}
	r.write(filepath.Join("state", "runs", filepath.Base(runs[0]), ".tmp-left"), "half a fi")
	log, err := ledger.OpenRun(runs[0], "", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), ledger.Entry{Type: ledger.TypeNote, Text: "and there it was killed"}); err != nil {
		t.Fatal(err)
	}
	log.Close()
	r.write(filepath.Join("state", "runs", filepath.Base(runs[0]), ".tmp-left"), "half a fi")
	r.must(exitDone, "scan")
	report, err := ledger.Verify(state, ledger.VerifyOptions{})
	if err != nil || !report.OK() || len(report.Notices) > 0 {
		t.Errorf("%v, %q, %v; want nothing to say", report.Faults, report.Notices, err)
	}
}
