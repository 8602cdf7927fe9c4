package ledger_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowebpki/jcs"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// forgeLine appends an entry to a journal without any key, as anybody can who can
// write the folder.
func (s *state) forgeLine(t testing.TB, fields map[string]any) {
	t.Helper()
	path := filepath.Join(s.runDir(runID), "log", "journal.jsonl")
	lines := strings.Split(strings.TrimSuffix(string(read(t, path)), "\n"), "\n")
	var last struct {
		Chain string `json:"chain"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	entry := map[string]any{"schema": keyrotor.SchemaLedgerEntry, "version": 1, "seq": len(lines), "at": clock()}
	for name, value := range fields {
		entry[name] = value
	}
	canonical := func() []byte {
		raw, err := json.Marshal(entry)
		if err != nil {
			t.Fatal(err)
		}
		out, err := jcs.Transform(raw)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	sum := sha256.Sum256(append([]byte(last.Chain), canonical()...))
	entry["chain"] = base64.StdEncoding.EncodeToString(sum[:])
	write(t, path, strings.Join(append(lines, string(canonical())), "\n")+"\n")
}

// A name in a journal is whatever somebody wrote there: as a path it led to the
// ledger's own key, and removed it.
func TestANameInAJournalLeadsNowhereElse(t *testing.T) {
	for _, digest := range []string{"", "sha256:00"} {
		s := newState(t)
		s.turn(t, runID, 1, map[string]string{"plan.json": "{}"})
		precious := filepath.Join(s.dir, "..", "ledger.key")
		write(t, precious, "precious")
		fields := map[string]any{"type": ledger.TypeArtifact, "artifact": "../../../../../ledger.key"}
		if digest != "" {
			fields["digest"] = digest
		}
		s.forgeLine(t, fields)
		if r, err := ledger.OpenRun(s.runDir(runID), runID, clock); err == nil {
			_, err = r.Seal(s.signer, nil)
			r.Close()
			t.Errorf("digest %q: the run was opened, and sealed: %v", digest, err)
		}
		if got := string(read(t, precious)); got != "precious" {
			t.Errorf("digest %q: the file outside holds %q", digest, got)
		}
	}
}

func TestALinkInARunLeadsNowhereElse(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, map[string]string{"summary.json": "{}"})
	outside := t.TempDir()
	write(t, filepath.Join(outside, "summary.json"), "precious")
	lines := filepath.Join(s.runDir(runID), "log", "lines")
	if err := os.RemoveAll(lines); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, lines); err != nil {
		t.Fatal(err)
	}
	r := s.open(t, runID)
	defer r.Close()
	record(t, r, "summary.json", "{ }")
	write(t, filepath.Join(s.runDir(runID), "summary.json"), "{ }")
	if _, err := r.Seal(s.signer, nil); err == nil {
		t.Error("a run whose folder leads elsewhere was sealed")
	}
	if got := string(read(t, filepath.Join(outside, "summary.json"))); got != "precious" {
		t.Errorf("the file outside holds %q", got)
	}
}

// A record whose files were moved away, with links in their places, was called whole,
// and no other command could read it.
func TestALinkInARecordIsAFault(t *testing.T) {
	for _, name := range []string{
		"ledger", "ledger/checkpoint", "runs/" + string(runID), "runs/" + string(runID) + "/log", "runs/" + string(runID) + "/log/journal.jsonl",
		"runs/" + string(runID) + "/log/checkpoint", "runs/" + string(runID) + "/plan.json", "runs/" + string(runID) + "/approvals",
	} {
		t.Run(name, func(t *testing.T) {
			s := newState(t)
			s.turn(t, runID, 1, map[string]string{"plan.json": "{}", "approvals/a.json": "{}"})
			if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); !report.OK() {
				t.Fatalf("before: %v", report.Faults)
			}
			away, path := filepath.Join(t.TempDir(), "away"), filepath.Join(s.dir, filepath.FromSlash(name))
			if err := errors.Join(os.Rename(path, away), os.Symlink(away, path)); err != nil {
				t.Fatal(err)
			}
			want := name + ": is a link; a record holds its files themselves"
			report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key})
			if !slices.ContainsFunc(report.Faults, func(f ledger.Fault) bool { return f.String() == want }) {
				t.Errorf("faults %v, want %q", report.Faults, want)
			}
		})
	}
}

// An emptied state was whole.
func TestAStateWithoutARunIsNotCalledWhole(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, nil)
	kept := read(t, filepath.Join(s.dir, "ledger", "checkpoint"))
	for _, name := range []string{"runs", "ledger"} {
		if err := errors.Join(os.RemoveAll(filepath.Join(s.dir, name)), os.Mkdir(filepath.Join(s.dir, name), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if report, err := ledger.Verify(s.dir, ledger.VerifyOptions{Key: s.key}); err == nil || !strings.Contains(err.Error(), "nothing to check") {
		t.Errorf("got %+v, %v; want that there is nothing to check", report, err)
	}
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key, Checkpoint: kept}); report.OK() {
		t.Error("a checkpoint that was kept finds nothing missing")
	}
}

func TestALogThatALinkLeadsToIsNotRead(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, nil)
	log := filepath.Join(s.runDir(runID), "log")
	away := filepath.Join(t.TempDir(), "away")
	if err := errors.Join(os.Rename(log, away), os.Symlink(away, log)); err != nil {
		t.Fatal(err)
	}
	err := ledger.Journal(s.runDir(runID)).Entries(func(ledger.Entry) error { return nil })
	var problem *keyrotor.Problem
	if !errors.As(err, &problem) || !strings.Contains(problem.Next, "keyrotor evidence verify") {
		t.Errorf("got %v, want a problem that says how to find what is wrong", err)
	}
}

func TestTheSealOfAStrangerNamesHisKeyToReaders(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, nil)
	_, other := newSigner(t, 9)
	err := ledger.Sealed{Journal: ledger.Journal(s.runDir(runID)), Run: runID, Believed: []string{other}}.Entries(func(ledger.Entry) error { return nil })
	var refused *keyrotor.Refusal
	if !errors.As(err, &refused) || !slices.Equal(refused.Why, []string{s.signer.VerifierKey()}) || !strings.Contains(refused.Next, "ledger_keys") {
		t.Errorf("got %v, want a refusal that names the key and where to add it", err)
	}
}

// Whoever can write the state can write an estate's log without a run, and sign it
// with a key of his own. To add to it would make it ours.
func TestAnEstatesLogBySomebodyElseIsNotAddedTo(t *testing.T) {
	s := newState(t)
	s.turn(t, firstRun, 1, nil)
	head := s.turn(t, runID, 1, nil)
	if err := os.RemoveAll(filepath.Join(s.dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	stranger, _ := newSigner(t, 9)
	theirs, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), stranger)
	if err != nil {
		t.Fatal(err)
	}
	forged := head
	forged.Key = stranger.VerifierKey()
	if err := theirs.Add(forged); err != nil {
		t.Fatal(err)
	}
	ours, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	var refusal *keyrotor.Refusal
	if err := ours.Add(head); !errors.As(err, &refusal) {
		t.Errorf("add: got %v, want a refusal", err)
	}
	if _, err := ours.Head(); !errors.As(err, &refusal) {
		t.Errorf("head: got %v, want a refusal", err)
	}
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); report.OK() {
		t.Error("no fault")
	}
}

// Without its log, runs could be taken away, and a new log signed over the rest.
func TestAnEstatesLogThatIsGoneIsNotBegunAnew(t *testing.T) {
	s := newState(t)
	s.turn(t, firstRun, 1, nil)
	s.turn(t, runID, 1, nil)
	s.turn(t, runID, 1, nil)
	if err := errors.Join(os.RemoveAll(filepath.Join(s.dir, "ledger")), os.RemoveAll(s.runDir(firstRun))); err != nil {
		t.Fatal(err)
	}
	estate, err := ledger.OpenEstate(filepath.Join(s.dir, "ledger"), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	r := s.open(t, runID)
	defer r.Close()
	var problem *keyrotor.Problem
	if err := s.takeUp(r, estate, runID); !errors.As(err, &problem) || !strings.Contains(problem.Next, "evidence verify") {
		t.Errorf("got %v, want a problem", err)
	}
}

// A run that a stranger sealed was marked as found, signed by us, and passed.
func TestARunSealedByAStrangerIsNotSealedByUs(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, map[string]string{"verification.jsonl": "{}\n"})
	stranger, strangerKey := newSigner(t, 9)
	r := s.open(t, runID)
	record(t, r, "verification.jsonl", "{ }\n")
	write(t, filepath.Join(s.runDir(runID), "verification.jsonl"), "{ }\n")
	if _, err := r.Seal(ledger.Believing(stranger, []string{s.key}), nil); err != nil {
		t.Fatal(err)
	}
	var refusal *keyrotor.Refusal
	if err := r.TakeUp(s.signer, s.estate(t)); !errors.As(err, &refusal) || !strings.Contains(fmt.Sprint(refusal.Why), strangerKey) {
		t.Errorf("take up: got %v, want a refusal that names the key", err)
	}
	if _, err := r.Seal(s.signer, nil); !errors.As(err, &refusal) {
		t.Errorf("seal: got %v, want a refusal", err)
	}
	r.Close()
	if report := verify(t, s.dir, ledger.VerifyOptions{Key: s.key}); report.OK() {
		t.Error("no fault")
	}
}

// A copy of a run under another name was sealed by the command that refused it.
func TestACopyOfAnotherRunIsRefused(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, nil)
	if err := os.CopyFS(s.runDir(firstRun), os.DirFS(s.runDir(runID))); err != nil {
		t.Fatal(err)
	}
	r := s.open(t, firstRun)
	defer r.Close()
	var refusal *keyrotor.Refusal
	if err := r.TakeUp(s.signer, s.estate(t)); !errors.As(err, &refusal) || !strings.Contains(fmt.Sprint(refusal.Why), "another run") {
		t.Errorf("got %v, want a refusal that says so", err)
	}
}

func TestACheckpointOfTheEstatesLogIsNotHeldAgainstOneRun(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 1, nil)
	kept := read(t, filepath.Join(s.dir, "ledger", "checkpoint"))
	if report, err := ledger.Verify(s.runDir(runID), ledger.VerifyOptions{Checkpoint: kept}); err == nil || !strings.Contains(err.Error(), "state folder") {
		t.Errorf("got %v, %v; want an error that asks for the state folder", report.Faults, err)
	}
}

// What is read without taking the run up is read as far as a believed seal covers
// it, and no further.
func TestOnlyWhatABelievedSealCoversIsReadAsSealed(t *testing.T) {
	s := newState(t)
	s.turn(t, runID, 3, nil)
	count := func(keys ...string) (n int, err error) {
		log := ledger.Sealed{Journal: ledger.Journal(s.runDir(runID)), Run: runID, Believed: keys}
		return n, log.Entries(func(ledger.Entry) error { n++; return nil })
	}
	want, err := count(s.key)
	if err != nil || want != 4 { // three notes and the seal
		t.Fatalf("got %d entries, %v, want 4", want, err)
	}
	s.forgeLine(t, map[string]any{"type": ledger.TypeArtifact, "artifact": "inventory.jsonl", "digest": "sha256:00"})
	if got, err := count(s.key); got != want || err != nil {
		t.Errorf("with a forged line behind the seal: got %d, %v, want %d", got, err, want)
	}
	_, strangerKey := newSigner(t, 9)
	if got, err := count(strangerKey); err == nil {
		t.Errorf("sealed by a key that is not believed: %d entries", got)
	}
	path := filepath.Join(s.runDir(runID), "log", "journal.jsonl")
	write(t, path, strings.Replace(string(read(t, path)), "entry 1", "entry 7", 1))
	if got, err := count(s.key); err == nil {
		t.Errorf("with another line under the seal: %d entries", got)
	}
}
