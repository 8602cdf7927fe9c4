package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/testenv"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// Every seal took in what the files then held: outcomes that somebody had altered
// between two commands became part of the record with the second one.
func TestAFileThatWasChangedBetweenTwoSealsIsNeverSealed(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, map[string]string{"outcomes.jsonl": "{\"a\":1}\n{\"a\":2}\n"})
	path := filepath.Join(s.runDir(runID), "outcomes.jsonl")
	write(t, path, "{\"a\":1}\n{\"a\":3}\n")
	for range 2 {
		r := s.open(t, runID)
		appendNote(t, r, "the run goes on")
		head, err := r.Seal(s.signer, []string{"outcomes.jsonl"})
		var altered *ledger.Altered
		if !errors.As(err, &altered) || altered.Files[0] != "outcomes.jsonl" {
			t.Errorf("got %v, want the altered file", err)
		}
		if err := r.Check(); !errors.As(err, &altered) {
			t.Errorf("check: got %v, want the altered file", err)
		}
		r.Close()
		s.add(t, head) // what the run did meanwhile is sealed all the same
		report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key})
		if len(report.Faults) != 1 || report.Faults[0].Line != 2 || !names(report, "runs/"+string(runID)+"/outcomes.jsonl") {
			t.Errorf("got %v, want line 2 of the outcomes", report.Faults)
		}
	}
	write(t, path, "{\"a\":1}\n{\"a\":2}\n")
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() {
		t.Errorf("restored: %v", report.Faults)
	}
}

// TestWhatNoSealCoversYet: between the writing of a file and the next seal a file
// may be the one recorded or, after a crash, the one before; nothing else.
func TestWhatNoSealCoversYet(t *testing.T) {
	const first, second = "{\"a\":1}\n", "{\"a\":2}\n"
	for name, c := range map[string]struct {
		is      string // what the file holds, "" for no file
		earlier bool   // the first text was recorded and sealed before
		ok      bool
	}{
		"the file is in place":                        {second, true, true},
		"killed before its rename":                    {first, true, true},
		"something else":                              {"{}\n", true, false},
		"a file that was there is gone":               {"", true, false},
		"a first file is in place":                    {second, false, true},
		"killed before the rename of a first file":    {"", false, true},
		"something else in the place of a first file": {first, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newState(t)
			files := map[string]string{"plan.json": "{}"}
			if c.earlier {
				files["summary.json"] = first
			}
			s.turn(t, runID, 1, files)
			r := s.open(t, runID)
			record(t, r, "summary.json", second)
			r.Close()
			path := filepath.Join(s.runDir(runID), "summary.json")
			if c.is == "" {
				os.Remove(path)
			} else {
				write(t, path, c.is)
			}
			if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); report.OK() != c.ok {
				t.Errorf("before the next seal: got %v, want ok %v", report.Faults, c.ok)
			}
			r = s.open(t, runID)
			head, err := r.Seal(s.signer, nil)
			r.Close()
			if (err == nil) != c.ok {
				t.Errorf("the next seal: got %v, want ok %v", err, c.ok)
			}
			s.add(t, head)
			report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key})
			if report.OK() != c.ok || c.ok && len(report.Notices) > 0 {
				t.Errorf("after the next seal: got %v and %q, want ok %v", report.Faults, report.Notices, c.ok)
			}
		})
	}
}

func TestAFileThatNobodyRecordedIsSealedAsFound(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, nil)
	write(t, filepath.Join(s.runDir(runID), "approvals", "bob.json"), "{}\n")
	if report := verify(t, s.dir, ledger.VerifyOptions{}); !report.OK() || !strings.Contains(strings.Join(report.Notices, " "), "in no record") {
		t.Errorf("before a seal: %v, %q", report.Faults, report.Notices)
	}
	r := s.open(t, runID)
	head, err := r.Seal(s.signer, []string{"approvals/bob.json"})
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	s.add(t, head)
	write(t, filepath.Join(s.runDir(runID), "approvals", "bob.json"), "{ }\n")
	if report := verify(t, s.dir, ledger.VerifyOptions{}); !names(report, "runs/"+string(runID)+"/approvals/bob.json") {
		t.Errorf("changed after the seal: %v", report.Faults)
	}
}

func TestOnlyFilesOfTheRunCanBeRecorded(t *testing.T) {
	s := newState(t)
	r := s.open(t, runID)
	defer r.Close()
	for _, name := range []string{"", ".", "../plan.json", "/etc/passwd", "log", "log/journal.jsonl"} {
		if err := r.Record(name, "sha256:00"); err == nil {
			t.Errorf("%q was recorded", name)
		}
		if _, err := r.Seal(s.signer, []string{name}); err == nil {
			t.Errorf("%q was sealed", name)
		}
	}
}

// A head that listed all files grew past the longest entry with several hundred.
func TestARunOfAThousandFilesFitsTheEstatesLog(t *testing.T) {
	testenv.Slow(t, "a thousand synced files")
	s := newState(t)
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("approvals/a-rather-long-name-of-somebody-%d.json", i)] = "{}"
	}
	s.turn(t, runID, 1, files)
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() || report.Artifacts != 1000 {
		t.Errorf("%d files, %v", report.Artifacts, report.Faults)
	}
}

func TestWhatKilledWritersLeftIsRemovedByTheNextWriter(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, nil)
	left := []string{
		filepath.Join(s.runDir(runID), ".tmp-1"), filepath.Join(s.runDir(runID), "log", "tile", ".tmp-2"), filepath.Join(s.dir, "ledger", ".tmp-3"),
	}
	for _, path := range left {
		write(t, path, "half a fi")
	}
	s.turn(t, runID, 1, nil)
	for _, path := range left {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
}

// TestAnApprovalIsAWitnessOfTheEstatesLog: an approver signs the head that the
// estate's log had; who holds the ledger's key cannot sign for the approver.
func TestAnApprovalIsAWitnessOfTheEstatesLog(t *testing.T) {
	s := newState(t)
	s.turn(t, firstRun, 1, nil)
	s.turn(t, runID, 1, nil)
	estate, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	over, err := estate.HeadOver(runID, ledger.Journal(s.runDir(runID)))
	if err != nil || !strings.HasPrefix(over, "2:") {
		t.Fatalf("head over the run: %q, %v", over, err)
	}
	if other, err := estate.HeadOver("20261121T101503Z-0000", ledger.Journal(t.TempDir())); err != nil || other != "0:" {
		t.Errorf("head over a run that is not in the log: %q, %v", other, err)
	}
	// A copy of the run alone, in a state with a log of its own, would bear witness of
	// the wrong one.
	copied := newState(t)
	copied.turn(t, firstRun, 2, nil)
	if err := os.CopyFS(copied.runDir(runID), os.DirFS(s.runDir(runID))); err != nil {
		t.Fatal(err)
	}
	c := copied.open(t, runID)
	var refusal *keyrotor.Refusal
	if err := c.TakeUp(copied.signer, copied.estate(t)); !errors.As(err, &refusal) || !strings.Contains(refusal.What, "exchanged") {
		t.Errorf("a run beside another estate's log: got %v, want a refusal", err)
	}
	c.Close()
	root := over[2:]
	for name, c := range map[string]struct{ head, fault string }{
		"the head of then":    {over, ""},
		"nothing was seen":    {"0:", ""},
		"the log was longer":  {"9:" + root, "cut off"},
		"the log was another": {"1:" + root, "rewritten"},
		"not a head":          {"two:" + root, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			machine := &state{dir: copyTree(t, s.dir), signer: s.signer, key: s.key}
			r := machine.open(t, runID)
			a := keyrotor.Approval{Principal: "alice@example.com", Statement: keyrotor.Statement{LedgerHead: c.head}}
			if err := r.Append(t.Context(), ledger.Entry{Type: ledger.TypeApproval, Approval: &a}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Seal(s.signer, nil); err != nil {
				t.Fatal(err)
			}
			r.Close()
			machine.turn(t, runID, 1, nil)
			report := verify(t, machine.dir, ledger.VerifyOptions{Key: s.key})
			if report.OK() != (c.fault == "") || !strings.Contains(fmt.Sprint(report.Faults), c.fault) {
				t.Errorf("that counted: got %v, want %q", report.Faults, c.fault)
			}
			signed, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			waiting := &state{dir: copyTree(t, s.dir), signer: s.signer, key: s.key}
			waiting.turn(t, runID, 0, map[string]string{"approvals/alice.json": string(signed)})
			report = verify(t, waiting.dir, ledger.VerifyOptions{Key: s.key})
			if report.OK() != (c.fault == "") || !strings.Contains(fmt.Sprint(report.Faults), c.fault) {
				t.Errorf("that is not applied yet: got %v, want %q", report.Faults, c.fault)
			}
		})
	}
}
