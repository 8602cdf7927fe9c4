package cycle_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// A line behind the seal that gives an altered file's digest made the file pass as
// ours, and the next seal took it in.
func TestAForgedRecordOfAFileMakesItNoFileOfOurs(t *testing.T) {
	e := newEstate(t)
	rec := e.open(t)
	if err := rec.Write(cycle.FileInventory, writes("{\"a\":1}\n")); err != nil {
		t.Fatal(err)
	}
	if err := rec.Seal(); err != nil {
		t.Fatal(err)
	}
	rec.Close()
	altered := "{\"a\":2}\n"
	if err := os.WriteFile(filepath.Join(e.run.Dir(), cycle.FileInventory), []byte(altered), 0o600); err != nil {
		t.Fatal(err)
	}
	e.forge(t, ledger.Entry{Type: ledger.TypeArtifact, Artifact: cycle.FileInventory, Digest: keyrotor.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(altered))))})
	for range 3 {
		rec := e.open(t)
		refusedWith(t, rec.Whole(cycle.FileInventory), "changed since keyrotor wrote them")
		if err := rec.Seal(); err != nil {
			t.Fatal(err)
		}
		rec.Close()
		report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{})
		if err != nil || !strings.Contains(strings.Join(report.Notices, "\n"), "inventory.jsonl: nobody vouches for it") {
			t.Errorf("the check says %v, %q, %v", report.Faults, report.Notices, err)
		}
	}
	// Written anew by a writer, it is whole again.
	rec = e.open(t)
	defer rec.Close()
	if err := rec.Write(cycle.FileInventory, writes("{\"a\":3}\n")); err != nil {
		t.Fatal(err)
	}
	if err := rec.Whole(cycle.FileInventory); err != nil {
		t.Error(err)
	}
}

// A scan that was killed before its seal was told like a forgery, and the check that
// it sent people to called the record whole.
func TestAnInventoryThatWasLeftBeforeItsSealIsNotCalledChanged(t *testing.T) {
	e := newEstate(t)
	rec := e.open(t)
	if err := rec.Write(cycle.FileInventory, writes("{}\n")); err != nil {
		t.Fatal(err)
	}
	rec.Close() // and no seal: the process is gone
	rec = e.open(t)
	defer rec.Close()
	err := rec.Whole(cycle.FileInventory)
	refusedWith(t, err, "nobody vouches for files of run")
	var refusal *keyrotor.Refusal
	if errors.As(err, &refusal) && refusal.Next != "keyrotor scan   begins a new run" {
		t.Errorf("next %q, want a new scan", refusal.Next)
	}
}

// A receipt behind the seal was believed: the change was recorded as done, with the
// made-up request id, and nothing was done.
func TestForgedReceiptsAndOutcomesAreLookedInto(t *testing.T) {
	for name, forged := range map[string]ledger.Entry{
		"a receipt": {Type: ledger.TypeReceipt, Change: "k2", Step: 1, Verb: keyrotor.EnableRotation, Receipt: &keyrotor.Receipt{
			Change: "k2", Step: 1, Verb: keyrotor.EnableRotation, RequestIDs: []string{"made-up"},
		}},
		"an outcome": {Type: ledger.TypeOutcome, Change: "k2", Outcome: &keyrotor.Outcome{Change: "k2", State: keyrotor.Succeeded}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t)
			p := e.planFor(t, day, "k1", "k2")
			e.forge(t, ledger.Entry{Type: ledger.TypePlan, Digest: p.Digest}, forged)
			if _, err := e.apply(t, p, e.approval(t, p, time.Hour)); err != nil || !e.on["k2"] {
				t.Errorf("got %v, on %v; want k2 to be switched on", err, e.on)
			}
		})
	}
}

// A mark may be forged like any line: it must not reach back over what is sealed.
func TestAForgedMarkDoesNotUnmakeWhatWasBegun(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2")
	e.refused["k2"] = true
	a := e.approval(t, p, time.Hour)
	if _, err := e.apply(t, p, a); err != nil {
		t.Fatal(err)
	}
	delete(e.refused, "k2")
	e.forge(t,
		ledger.Entry{Type: ledger.TypeIntent, Change: "k2", Step: 1, Verb: keyrotor.EnableRotation}, // a killed turn
		ledger.Entry{Type: ledger.TypeFound, Found: 1 << 40}, ledger.Entry{Type: ledger.TypeFound, Found: 5},
	)
	e.now = e.now.Add(2 * time.Hour) // the approval ran out
	if _, err := e.apply(t, p, a); err != nil || !e.on["k2"] {
		t.Errorf("got %v, on %v; want what was begun to be finished", err, e.on)
	}
}

// A nightly scan by one machine is assessed and planned from on another, which has
// a ledger key of its own: where each believes the other, and nowhere else.
func TestWhatAnotherMachineSealedIsBuiltOnWhereItsKeyIsKnown(t *testing.T) {
	e := newEstate(t)
	other, otherKey, err := ledger.LoadOrCreateKey(filepath.Join(t.TempDir(), "ledger.key"), "keyrotor-ledger", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ours := ledger.Believing(e.key, []string{otherKey})
	e.key = ours
	rec := e.open(t)
	if err := rec.Write(cycle.FileInventory, writes("{}\n")); err != nil {
		t.Fatal(err)
	}
	if err := rec.Seal(); err != nil {
		t.Fatal(err)
	}
	rec.Close()
	var refusal *keyrotor.Refusal
	if _, err := cycle.Open(e.run, e.run.Dir(), other, filepath.Join(e.state.Dir(), "ledger"), time.Now); !errors.As(err, &refusal) || !strings.Contains(refusal.Next, "ledger_keys") {
		t.Errorf("by a machine that does not know ours: got %v, want a refusal that names ledger_keys", err)
	}
	for n, key := range []ledger.Signer{ledger.Believing(other, []string{ours.VerifierKey()}), ours, ledger.Believing(other, []string{ours.VerifierKey()})} {
		e.key = key
		rec := e.open(t)
		if err := rec.Whole(cycle.FileInventory); err != nil {
			t.Errorf("turn %d: %v", n, err)
		}
		if err := rec.Write(cycle.FileFindings, writes(fmt.Sprintln(n))); err != nil {
			t.Fatal(err)
		}
		if err := rec.Seal(); err != nil {
			t.Fatal(err)
		}
		rec.Close()
		for keys, want := range map[string]bool{"": true, ours.VerifierKey() + "\n" + otherKey: true, ours.VerifierKey(): false} {
			report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{Key: keys})
			if err != nil || report.OK() != want {
				t.Errorf("turn %d, checked with %q: %v, %v, want ok %v", n, keys, report.Faults, err, want)
			}
		}
	}
}

// What another machine began, and was believed, is finished here also after the
// approvals ran out.
func TestWhatABelievedMachineBeganIsFinished(t *testing.T) {
	e := newEstate(t)
	other, otherKey, err := ledger.LoadOrCreateKey(filepath.Join(t.TempDir(), "ledger.key"), "keyrotor-ledger", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := e.planFor(t, day, "k1", "k2")
	e.refused["k2"] = true
	a := e.approval(t, p, time.Hour)
	ours := e.key.VerifierKey()
	e.key = ledger.Believing(e.key, []string{otherKey})
	if _, err := e.apply(t, p, a); err != nil {
		t.Fatal(err)
	}
	delete(e.refused, "k2")
	e.forge(t, ledger.Entry{Type: ledger.TypeIntent, Change: "k2", Step: 1, Verb: keyrotor.EnableRotation}) // a killed turn
	e.key = ledger.Believing(other, []string{ours})
	e.now = e.now.Add(2 * time.Hour)
	if _, err := e.apply(t, p, a); err != nil || !e.on["k2"] {
		t.Errorf("got %v, on %v; want what was begun to be finished", err, e.on)
	}
}

// A folder that is put back as it was earlier would revive approvals that ran out:
// the estate's log knows how far the run had come.
func TestARunPutBackFromACopyIsRefused(t *testing.T) {
	for name, back := range map[string]func(t *testing.T, e *estate, early string){
		"the folder of earlier": func(t *testing.T, e *estate, early string) {
			if err := os.RemoveAll(e.run.Dir()); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(e.run.Dir(), os.DirFS(early)); err != nil {
				t.Fatal(err)
			}
		},
		"no log": func(t *testing.T, e *estate, _ string) {
			if err := os.RemoveAll(filepath.Join(e.run.Dir(), "log")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t)
			p := e.planFor(t, day, "k1", "k2")
			a := e.approval(t, p, time.Hour)
			e.refused["k2"] = true
			early := t.TempDir()
			if err := os.CopyFS(early, os.DirFS(e.run.Dir())); err != nil {
				t.Fatal(err)
			}
			if _, err := e.apply(t, p, a); err != nil {
				t.Fatal(err)
			}
			clear(e.refused)
			back(t, e, early)
			var refusal *keyrotor.Refusal
			rec, err := cycle.Open(e.run, e.run.Dir(), e.key, filepath.Join(e.state.Dir(), "ledger"), time.Now)
			if !errors.As(err, &refusal) {
				t.Errorf("got %v, want a refusal", err)
			}
			if rec != nil {
				rec.Close()
			}
		})
	}
}

// A file that no record knows was put there, and is never built on: of a survey it
// would be the newest.
func TestAFileThatNoRecordKnowsIsNotBuiltOn(t *testing.T) {
	e := newEstate(t)
	write := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(e.run.Dir(), name), []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cycle.FileInventory)
	for turn := range 2 {
		rec := e.open(t)
		var refusal *keyrotor.Refusal
		if err := rec.Whole(cycle.FileInventory); !errors.As(err, &refusal) {
			t.Errorf("turn %d: got %v, want a refusal", turn, err)
		}
		if err := rec.Seal(); err != nil {
			t.Fatal(err)
		}
		rec.Close()
		report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{Key: e.key.VerifierKey(), Written: cycle.Written})
		if err != nil || report.OK() {
			t.Errorf("turn %d: %v, %v, want a fault", turn, report.Faults, err)
		}
	}
}
