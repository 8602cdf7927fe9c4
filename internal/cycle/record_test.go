package cycle_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

func TestWhatARecordWritesIsInTheLogBeforeItIsInPlace(t *testing.T) {
	e := newEstate(t)
	rec := e.open(t)
	defer rec.Log.Close()
	err := rec.Write(cycle.FileInventory, func(w io.Writer) error {
		_, err := io.WriteString(w, "{}\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	digests, err := rec.Log.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	want, err := cycle.DigestOf(e.run, cycle.FileInventory)
	if err != nil || digests[cycle.FileInventory] != want {
		t.Errorf("recorded %q, %v; want %q", digests[cycle.FileInventory], err, want)
	}
	wrong := errors.New("half way")
	err = rec.Write(cycle.FileInventory, func(w io.Writer) error {
		io.WriteString(w, "{\"a\"")
		return wrong
	})
	if !errors.Is(err, wrong) {
		t.Errorf("got %v, want what went wrong", err)
	}
	if err := rec.Whole(); err != nil {
		t.Errorf("after a write that failed: %v", err)
	}
}

// An inventory, or outcomes, that somebody had altered became part of the record
// with the next command, and plans and reports were made from them.
func TestAlteredFilesAreNeitherBuiltOnNorSealed(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2")
	rec := e.open(t)
	if err := cycle.SavePlan(rec, p); err != nil {
		t.Fatal(err)
	}
	rec.Log.Close()
	path := filepath.Join(e.run.Dir(), "plan.json")
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte(" "), kept...), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = e.apply(t, p, e.approval(t, p, time.Hour))
	refusedWith(t, err, "changed since keyrotor wrote them")
	if len(e.on) > 0 {
		t.Errorf("changed %v", e.on)
	}
	rec = e.open(t)
	defer rec.Log.Close()
	var problem *keyrotor.Problem
	if err := rec.Seal(); !errors.As(err, &problem) || !strings.Contains(err.Error(), "plan.json") {
		t.Errorf("got %v, want a problem that names the file", err)
	}
	report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{})
	if err != nil || report.OK() {
		t.Errorf("the check finds %v, %v", report.Faults, err)
	}
	if err := os.WriteFile(path, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rec.Seal(); err != nil {
		t.Errorf("restored: %v", err)
	}
}

// A run that was begun is finished, whatever became of its files: half a rollout
// is worse than a report that has to be made again.
func TestARunThatWasBegunIsFinishedThoughAFileWasAltered(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2")
	e.refused["k2"] = true
	a := e.approval(t, p, time.Hour)
	if _, err := e.apply(t, p, a); err != nil {
		t.Fatal(err)
	}
	e.refused["k2"] = false
	if err := os.WriteFile(filepath.Join(e.run.Dir(), cycle.FileOutcomes), []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.apply(t, p, a); err != nil || !e.on["k2"] {
		t.Errorf("got %v, on %v; want both on", err, e.on)
	}
}

// Whoever could write the folder could write an intent of last week behind the
// last seal, and so apply a plan whose approvals had run out.
func TestABackdatedIntentDoesNotReviveAnExpiredApproval(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2")
	a := e.approval(t, p, time.Hour)
	rec := e.open(t)
	for _, entry := range []ledger.Entry{
		{Type: ledger.TypePlan, Digest: p.Digest, Artifact: cycle.FilePlan},
		{Type: ledger.TypeIntent, Change: "k1", Step: 1, Verb: keyrotor.EnableRotation, At: e.now},
	} {
		if err := rec.Log.Append(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	rec.Log.Close()
	e.now = e.now.Add(2 * time.Hour)
	_, err := e.apply(t, p, a)
	refusedWith(t, err, "expired")
	if len(e.on) > 0 {
		t.Errorf("changed %v", e.on)
	}
}
