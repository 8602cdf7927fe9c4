package cycle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// A run is shown as it was assessed, whatever rules, waivers and clock there are
// today: its files are read beside each other, which have the same order.
//
//	inventory.jsonl    key 1   key 2           key 3
//	eligibility.jsonl  key 1   key 2           key 3
//	findings.jsonl     a key 1, b key 1        a key 3     (what applies)

// WasAssessed reports whether a run was assessed, and refuses one whose assessment
// is not what its record vouches for.
func WasAssessed(a Artifacts, log Log) (bool, error) {
	summary, err := Summary(a)
	if err != nil {
		return false, err
	}
	sealed, err := sealedDigests(log)
	if err != nil {
		return false, err
	}
	there, err := digestsOf(a, FileInventory, FileEligibility, FileFindings, FileSummary)
	if err != nil {
		return false, err
	}
	if summary.Assessed == nil && sealed[FileFindings] == "" && there[FileFindings] == "" {
		return false, nil
	}
	if sealed[FileSummary] == "" {
		delete(there, FileSummary) // every stage writes it anew, and the last one was killed, or is at work
	}
	var altered []string
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if now := there[name]; now == "" || now != sealed[name] {
			altered = append(altered, name)
		}
	}
	switch {
	case slices.Contains(altered, FileInventory):
		return false, notAsAssessed(a.ID(), altered, "keyrotor evidence verify STATE   says what was changed where\nthen restore the files, or begin a new run:\nkeyrotor scan")
	case len(altered) > 0 || summary.Assessed == nil:
		return false, notAsAssessed(a.ID(), altered, "keyrotor evidence verify STATE   says what was changed where\nthen restore the files, or judge the keys anew:\nkeyrotor assess --run "+string(a.ID()))
	}
	return true, nil
}

// digestsOf are the digests of files, "" for one that is not there.
func digestsOf(a Artifacts, names ...string) (map[string]keyrotor.Digest, error) {
	digests := map[string]keyrotor.Digest{}
	for _, name := range names {
		digest, err := DigestOf(a, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		digests[name] = digest
	}
	return digests, nil
}

func notAsAssessed(run keyrotor.RunID, files []string, next string) error {
	return &keyrotor.Refusal{
		What: "the record of run " + string(run) + " does not vouch for how it was assessed", Why: files,
		Now: "nothing was changed by this command", Next: next,
	}
}

// AsAssessed hands out the assessments of a run as they were recorded. Rules that
// do not apply to a key are not recorded, and not among its findings.
func AsAssessed(a Artifacts) iter.Seq2[keyrotor.Assessment, error] {
	return func(yield func(keyrotor.Assessment, error) bool) {
		err := reread(a, func(as keyrotor.Assessment) error {
			if !yield(as, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(keyrotor.Assessment{}, err)
		}
	}
}

func reread(a Artifacts, each func(keyrotor.Assessment) error) error {
	eligibility, err := openLines[keyrotor.EligibilityLine](a, FileEligibility)
	if err != nil {
		return err
	}
	defer eligibility.file.Close()
	findings, err := openLines[keyrotor.FindingLine](a, FileFindings)
	if err != nil {
		return err
	}
	defer findings.file.Close()
	_, err = ReadInventory(a, func(asset keyrotor.Asset) error {
		as, target := keyrotor.Assessment{Asset: asset}, asset.Target()
		if eligibility.now == nil || eligibility.now.Target != target {
			return eligibility.apart()
		}
		as.Eligibility, as.View = eligibility.now.Eligibility, eligibility.now.View
		for findings.now != nil && findings.now.Target == target {
			as.Findings = append(as.Findings, findings.now.Finding)
			if err := findings.next(); err != nil {
				return err
			}
		}
		if err := eligibility.next(); err != nil {
			return err
		}
		return each(as)
	})
	if err != nil {
		return err
	}
	if eligibility.now != nil {
		return eligibility.apart()
	}
	for findings.now != nil && findings.now.Target.Kind == keyrotor.KindWaiver { // behind the keys
		lapsed := keyrotor.Assessment{
			Asset: keyrotor.Asset{Kind: keyrotor.KindWaiver, ID: findings.now.Target.ID}, Findings: []keyrotor.Finding{findings.now.Finding},
		}
		if err := errors.Join(each(lapsed), findings.next()); err != nil {
			return err
		}
	}
	if findings.now != nil {
		return findings.apart()
	}
	return nil
}

// lineReader reads a .jsonl file line by line beside another file.
type lineReader[T any] struct {
	run   keyrotor.RunID
	name  string
	file  io.Closer
	lines *bufio.Reader
	line  int
	now   *T // nil behind the last line
}

// openLines opens the file at its first line.
func openLines[T any](a Artifacts, name string) (*lineReader[T], error) {
	f, err := a.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notRun(name, a.ID(), "keyrotor assess --run "+string(a.ID()))
	}
	if err != nil {
		return nil, err
	}
	l := &lineReader[T]{run: a.ID(), name: name, file: f, lines: bufio.NewReaderSize(f, 1<<16)}
	if err := l.next(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// next goes to the next line.
func (l *lineReader[T]) next() error {
	for l.now = nil; ; {
		text, err := l.lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("run %s: %s line %d: %w", l.run, l.name, l.line+1, err)
		}
		l.line++
		if len(bytes.TrimSpace(text)) > 0 {
			l.now = new(T)
			if err := json.Unmarshal(text, l.now); err != nil {
				return fmt.Errorf("run %s: %s line %d: %w", l.run, l.name, l.line, err)
			}
			return nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// apart says that the files of the run are not of the same keys in the same order.
func (l *lineReader[T]) apart() error {
	return notAsAssessed(l.run, []string{fmt.Sprintf("%s line %d is not about the key of the inventory that is next", l.name, l.line)},
		"judge the keys anew: keyrotor assess --run "+string(l.run))
}
