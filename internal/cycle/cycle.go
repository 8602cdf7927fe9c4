// Package cycle turns the wheel once: it is the only place where the stages of
// the loop meet. The command line calls it, and so will every other runner;
// it decides nothing that a stage could decide, and speaks to no service.
//
//	Scan ▶ Assess ▶ Plan ▶ (approve) ▶ Apply ▶ Verify ▶ Seal
//
// Stages hand each other files of the run's folder, so that any of them can be
// done again, or on another machine, or days later.
package cycle

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Names of a run's files.
const (
	FileInventory    = "inventory.jsonl"
	FileEligibility  = "eligibility.jsonl"
	FileFindings     = "findings.jsonl"
	FileSeenOn       = "seen-on.jsonl"
	FilePlan         = "plan.json"
	FileOutcomes     = "outcomes.jsonl"
	FileVerification = "verification.jsonl"
	FileSummary      = "summary.json"
	FileReport       = "report.html"
	DirApprovals     = "approvals"
	DirPlans         = "plans"
	DirVerifications = "verifications"
)

// Written reports whether a file of this path within a run is one that only keyrotor
// writes. Approvals may be brought from elsewhere.
func Written(name string) bool {
	switch name {
	case FileInventory, FileEligibility, FileFindings, FileSeenOn, FilePlan, FileOutcomes, FileVerification, FileSummary, FileReport:
		return true
	}
	return strings.HasPrefix(name, DirPlans+"/") || strings.HasPrefix(name, DirVerifications+"/")
}

// Artifacts is the folder of one run, wherever it is kept, to be read.
type Artifacts interface {
	ID() keyrotor.RunID
	// Open reads a file; fs.ErrNotExist when its stage has not run yet.
	Open(name string) (io.ReadCloser, error)
	// List names every file but those of the log, sorted, with slashes.
	List() ([]string, error)
}

// Folder is the folder of one run, to be written.
type Folder interface {
	Artifacts
	// Write replaces a file, whole or not at all. The file is put in place only
	// after fill has returned nil.
	Write(name string, fill func(io.Writer) error) error
}

// notRun refuses a stage whose predecessor has not left its file.
func notRun(name string, run keyrotor.RunID, next string) error {
	return &keyrotor.Refusal{
		What: fmt.Sprintf("run %s has no %s", run, name),
		Now:  "nothing was changed", Next: next,
	}
}

// readLines streams a .jsonl file; the line number stands in every error.
func readLines[T any](a Artifacts, name string, each func(T) error) error {
	r, err := a.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	lines := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if n == 1 {
				if err := ofThisVersion(line); err != nil {
					return fmt.Errorf("run %s: %s: %w", a.ID(), name, err)
				}
			}
			var v T
			if jerr := json.Unmarshal(line, &v); jerr != nil {
				return fmt.Errorf("run %s: %s line %d: %w", a.ID(), name, n, jerr)
			}
			if eerr := each(v); eerr != nil {
				return eerr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("run %s: %s line %d: %w", a.ID(), name, n, err)
		}
	}
}

// ofThisVersion refuses a file whose lines mean something else, by its first one.
func ofThisVersion(line []byte) error {
	var of struct {
		Version int `json:"version"`
	}
	if json.Unmarshal(line, &of) == nil && of.Version > keyrotor.SchemaVersion {
		return fmt.Errorf("it is of version %d, which a newer keyrotor wrote; this one reads version %d", of.Version, keyrotor.SchemaVersion)
	}
	return nil
}

// lineWriter writes one JSON document a line.
type lineWriter struct {
	out *bufio.Writer
	enc *json.Encoder
}

func newLineWriter(w io.Writer) *lineWriter {
	out := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return &lineWriter{out, enc}
}

func (l *lineWriter) write(v any) error { return l.enc.Encode(v) }
func (l *lineWriter) flush() error      { return l.out.Flush() }

func writeLines[T any](a *Record, name string, values []T) error {
	return a.Write(name, func(w io.Writer) error {
		lines := newLineWriter(w)
		for _, v := range values {
			if err := lines.write(v); err != nil {
				return err
			}
		}
		return lines.flush()
	})
}

// DigestOf is the digest of a file's bytes.
func DigestOf(a Artifacts, name string) (keyrotor.Digest, error) {
	r, err := a.Open(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", fmt.Errorf("run %s: %s: %w", a.ID(), name, err)
	}
	return keyrotor.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
}

// Summary reads summary.json; a run that has none yet has an empty one.
func Summary(a Artifacts) (keyrotor.Summary, error) {
	s := keyrotor.Summary{Schema: keyrotor.SchemaSummary, Version: keyrotor.SchemaVersion, Run: a.ID()}
	r, err := a.Open(FileSummary)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer r.Close()
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return s, fmt.Errorf("run %s: %s: %w", a.ID(), FileSummary, err)
	}
	return s, nil
}

func updateSummary(a *Record, change func(*keyrotor.Summary)) error {
	s, err := Summary(a)
	if err != nil {
		return err
	}
	change(&s)
	return a.Write(FileSummary, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	})
}
