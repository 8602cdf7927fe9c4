package cycle_test

import (
	"crypto/rand"
	"crypto/sha256"
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
// a ledger key of its own.
func TestWhatAnotherMachineSealedIsBuiltOn(t *testing.T) {
	e := newEstate(t)
	rec := e.open(t)
	if err := rec.Write(cycle.FileInventory, writes("{}\n")); err != nil {
		t.Fatal(err)
	}
	if err := rec.Seal(); err != nil {
		t.Fatal(err)
	}
	rec.Close()
	other, _, err := ledger.LoadOrCreateKey(filepath.Join(t.TempDir(), "ledger.key"), "keyrotor-ledger", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ours := e.key
	for n, key := range []ledger.Signer{other, ours, other} {
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
		if report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{}); err != nil || !report.OK() || len(report.Notices) > 0 {
			t.Errorf("turn %d: %v, %q, %v", n, report.Faults, report.Notices, err)
		}
	}
}
