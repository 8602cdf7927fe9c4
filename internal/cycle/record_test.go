package cycle_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
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

// forge appends lines to the run's log as anybody can who can write the folder and
// has no key: chained as they must be, and with any date.
func (e *estate) forge(t *testing.T, entries ...ledger.Entry) {
	t.Helper()
	log, err := ledger.OpenRun(e.run.Dir(), e.run.ID(), func() time.Time { return e.now })
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, entry := range entries {
		if err := log.Append(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
}

// A line that says that the plan was begun last week lifted the expiry of its
// approvals, and the next command's seal made it look like ours.
func TestAForgedBeginningRevivesNoApprovalNeitherNowNorLater(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2")
	a := e.approval(t, p, time.Hour)
	begun := e.now
	e.now = e.now.Add(2 * time.Hour)
	e.forge(t,
		ledger.Entry{Type: ledger.TypePlan, Digest: p.Digest, Artifact: cycle.FilePlan, At: begun},
		ledger.Entry{Type: ledger.TypeApproval, Approval: &a, At: begun},
		ledger.Entry{Type: ledger.TypeIntent, Change: "k1", Step: 1, Verb: keyrotor.EnableRotation, At: begun},
	)
	for n := range 3 {
		_, err := e.apply(t, p, a)
		refusedWith(t, err, "expired")
		rec := e.open(t) // a report, say, which seals what is there
		if err := rec.Seal(); err != nil {
			t.Fatal(err)
		}
		rec.Close()
		if len(e.on) > 0 {
			t.Fatalf("apply %d changed %v", n+1, e.on)
		}
	}
	if _, err := e.apply(t, p, e.approval(t, p, time.Hour)); err != nil || len(e.on) != 2 {
		t.Errorf("with a fresh approval: %v, on %v", err, e.on)
	}
}

func TestAForgedBeginningLiftsNoRequirement(t *testing.T) {
	e := newEstate(t)
	weak := e.planFor(t, keyrotor.Needs{Approvals: 1, ValidHours: 24, AuthorMayApprove: true}, "k1", "k2")
	weak.Author = keyrotor.Author{Principal: "alice@example.com"}
	weak = signed(t, weak)
	a := e.approval(t, weak, time.Hour)
	e.forge(t,
		ledger.Entry{Type: ledger.TypePlan, Digest: weak.Digest},
		ledger.Entry{Type: ledger.TypeOutcome, Change: "k9", Outcome: &keyrotor.Outcome{Change: "k9", State: keyrotor.Failed}},
	)
	for range 2 {
		_, err := e.apply(t, weak, a)
		refusedWith(t, err, "asks for less")
	}
	if len(e.on) > 0 {
		t.Errorf("changed %v", e.on)
	}
}

func TestAForgedApprovalIsNotWrittenDownAsOneThatCounted(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1")
	a := e.approval(t, p, time.Hour)
	forged := a
	forged.Signature, forged.Statement.LedgerHead = "nothing", "99:AAAA"
	if _, err := e.apply(t, p, forged, a); err != nil {
		t.Fatal(err)
	}
	if report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{}); err != nil || !report.OK() {
		t.Errorf("%v, %v", report.Faults, err)
	}
}

// Two had approved and the run was begun; both approvals ran out, and one of the
// two was renewed: that took away the one under which the run was begun.
func TestRenewingOneOfTwoApprovalsDoesNotHoldUpWhatWasBegun(t *testing.T) {
	e := newEstate(t)
	seed := sha256.Sum256([]byte("bob"))
	bob, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("alice@example.com %sbob@example.com %s", ssh.MarshalAuthorizedKey(e.alice.PublicKey()), ssh.MarshalAuthorizedKey(bob.PublicKey()))
	if e.signers, err = approve.ParseAllowedSigners("allowed_signers", []byte(text)); err != nil {
		t.Fatal(err)
	}
	p := e.planFor(t, keyrotor.Needs{Approvals: 2, ValidHours: 24}, "k1", "k2")
	by := func(who string, key ssh.Signer) keyrotor.Approval {
		a, err := approve.Sign(keyrotor.Statement{Plan: p.Digest, Changes: len(p.Changes), Expires: e.now.Add(day24), LedgerHead: "0:"}, who, key, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	alices, bobs := by("alice@example.com", e.alice), by("bob@example.com", bob)
	e.refused["k2"] = true
	if _, err := e.apply(t, p, alices, bobs); err != nil {
		t.Fatal(err)
	}
	delete(e.refused, "k2")
	e.forge(t, ledger.Entry{Type: ledger.TypeIntent, Change: "k2", Step: 1, Verb: keyrotor.EnableRotation}) // a turn that was killed
	e.now = e.now.Add(25 * time.Hour)
	if _, err := e.apply(t, p, by("alice@example.com", e.alice), bobs); err != nil || !e.on["k2"] {
		t.Errorf("got %v, on %v", err, e.on)
	}
}

const day24 = 24 * time.Hour

// Two kills, each between a record and its rename, once made the file that was in
// place all along look like nothing that was ever recorded.
func TestTwoInterruptedWritesInARowAreNoForgery(t *testing.T) {
	for name, first := range map[string]bool{"of a file that was there": true, "of a first file": false} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t)
			if first {
				rec := e.open(t)
				if err := rec.Write(cycle.FileSummary, writes("{}\n")); err != nil {
					t.Fatal(err)
				}
				if err := rec.Seal(); err != nil {
					t.Fatal(err)
				}
				rec.Close()
			}
			for _, digest := range []keyrotor.Digest{"sha256:02", "sha256:03", "sha256:04"} {
				rec := e.open(t)
				if err := rec.Log.Record(cycle.FileSummary, digest); err != nil {
					t.Fatal(err)
				}
				rec.Close()
			}
			if first {
				report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{})
				if err != nil || !report.OK() {
					t.Errorf("%v, %v", report.Faults, err)
				}
			}
			rec := e.open(t)
			defer rec.Close()
			if err := errors.Join(rec.Whole(), rec.Seal()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A head that a killed command did not add to the estate's log is added by the next
// one, before it seals anew.
func TestASealThatWasInterruptedBeforeTheEstatesLogIsEnded(t *testing.T) {
	e := newEstate(t)
	for n := range 3 {
		rec := e.open(t)
		if err := rec.Write(cycle.FileSummary, writes(fmt.Sprintf("{\"n\":%d}\n", n))); err != nil {
			t.Fatal(err)
		}
		if _, err := rec.Log.Seal(rec.Signer, nil); err != nil { // and there it was killed
			t.Fatal(err)
		}
		rec.Close()
		report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{})
		if err != nil || !report.OK() || len(report.Notices) == 0 {
			t.Errorf("kill %d: %v, %q, %v; want a notice", n+1, report.Faults, report.Notices, err)
		}
	}
	rec := e.open(t)
	rec.Close()
	if report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{}); err != nil || !report.OK() || len(report.Notices) > 0 {
		t.Errorf("after the next: %v, %q, %v", report.Faults, report.Notices, err)
	}
}

// While its writer lives, a file that came into place and is the one before again,
// or gone, was put back or taken away: no crash did that.
func TestAFileThatCameIntoPlaceIsNotTakenForAnInterruptedOne(t *testing.T) {
	for name, alter := range map[string]func(path, before string) error{
		"put back": func(path, before string) error { return os.WriteFile(path, []byte(before), 0o600) },
		"removed":  func(path, _ string) error { return os.Remove(path) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t)
			rec := e.open(t)
			path := filepath.Join(e.run.Dir(), cycle.FileOutcomes)
			if name == "put back" {
				if err := errors.Join(rec.Write(cycle.FileOutcomes, writes("1\n")), rec.Seal()); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(rec.Write(cycle.FileOutcomes, writes("2\n")), alter(path, "1\n")); err != nil {
				t.Fatal(err)
			}
			var altered *ledger.Altered
			if err := rec.Seal(); !errors.As(err, &altered) {
				t.Errorf("seal: got %v, want the altered file", err)
			}
			rec.Close()
			if report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{}); err != nil || report.OK() {
				t.Errorf("verify: %v, %v, want a fault", report.Faults, err)
			}
		})
	}
}

// A rename that fails leaves the file before, however often it fails.
func TestRenamesThatFailLeaveNoFault(t *testing.T) {
	e := newEstate(t)
	rec := e.open(t)
	if err := errors.Join(rec.Write(cycle.FileSummary, writes("1\n")), rec.Seal()); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		err := rec.Write(cycle.FileSummary, func(w io.Writer) error {
			fmt.Fprintln(w, 2+n)
			half, err := filepath.Glob(filepath.Join(e.run.Dir(), ".tmp-*"))
			for _, name := range half {
				err = errors.Join(err, os.Remove(name)) // there is nothing to rename
			}
			return err
		})
		if err == nil {
			t.Fatal("the rename went well")
		}
	}
	if err := rec.Seal(); err != nil {
		t.Error(err)
	}
	rec.Close()
	if report, err := ledger.Verify(e.state.Dir(), ledger.VerifyOptions{}); err != nil || !report.OK() {
		t.Errorf("%v, %v", report.Faults, err)
	}
}
