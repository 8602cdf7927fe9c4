package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// VerifyOptions is what comes from elsewhere than the folder being checked.
type VerifyOptions struct {
	// Key is the text of a file of verifier keys, one a line: all checkpoints
	// must be signed by one of them.
	Key string
	// Checkpoint is one that was kept elsewhere, of the estate's log or of a
	// run's: the record must still contain all that it covers.
	Checkpoint []byte
	// Written tells of a path within a run whether only keyrotor writes such files.
	// One that no record knows is then a fault, for none comes about by a crash.
	Written func(name string) bool
}

// Fault is one place where the record is not what it was.
type Fault struct {
	File   string `json:"file"`             // path within the folder that was checked
	Line   int    `json:"line,omitempty"`   // from 1, where lines can be told
	Offset int64  `json:"offset,omitempty"` // bytes from the start, for binary files
	What   string `json:"what"`
}

// String is the fault as messages show it.
func (f Fault) String() string {
	switch {
	case f.Line > 0:
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.What)
	case f.Offset > 0:
		return fmt.Sprintf("%s: at byte %d: %s", f.File, f.Offset, f.What)
	}
	return f.File + ": " + f.What
}

// Report is what a check found.
type Report struct {
	Runs      int      `json:"runs"`
	Entries   int      `json:"entries"`   // of all journals
	Artifacts int      `json:"artifacts"` // files whose digest was checked
	Head      string   `json:"head,omitempty"`
	Faults    []Fault  `json:"faults,omitempty"`
	Notices   []string `json:"notices,omitempty"`
	// CannotExclude says what this check, done this way, would not have seen.
	CannotExclude []string `json:"cannot_exclude,omitempty"`
}

// OK reports whether the record is whole.
func (r Report) OK() bool { return len(r.Faults) == 0 }

// ErrMoving says that the record was written to during every reading, and what was
// read does not fit together: nothing can be said for or against it.
var ErrMoving = errors.New("it is being written to without a pause")

// Verify checks a state folder or the folder of one run, offline, and says where
// it was changed. An error means that the check could not be made. A record that
// somebody writes meanwhile is read again until it stood still for one reading.
func Verify(dir string, o VerifyOptions) (Report, error) {
	const patience = 15 * time.Second
	for start := time.Now(); ; {
		before := standing(dir)
		report, err := verifyOnce(dir, o)
		if err == nil && report.OK() || standing(dir) == before {
			return report, err
		}
		if time.Since(start) > patience {
			return Report{}, errors.Join(ErrMoving, err)
		}
		time.Sleep(rand.N(100 * time.Millisecond)) // out of step with the writer
	}
}

func verifyOnce(dir string, o VerifyOptions) (Report, error) {
	v := &verifier{root: dir, written: o.Written, runs: map[keyrotor.RunID]*runCheck{}}
	var err error
	if v.keys, err = ParseKeys(o.Key); err != nil {
		return Report{}, err
	}
	if o.Key != "" && len(v.keys) == 0 {
		return Report{}, errors.New("the key file holds no verifier key")
	}
	if len(o.Checkpoint) > 0 {
		kept, err := parseCheckpoint(o.Checkpoint)
		if err != nil {
			return Report{}, fmt.Errorf("the checkpoint kept elsewhere: %w", err)
		}
		v.kept = &kept
	}
	if _, err := os.ReadDir(dir); errors.Is(err, fs.ErrPermission) {
		return Report{}, err // not to be taken for a folder of something else
	}
	switch {
	case exists(filepath.Join(dir, "runs")) || exists(filepath.Join(dir, "ledger")):
		err = v.state()
	case exists(filepath.Join(dir, logDir)):
		err = v.oneRun()
	default:
		return Report{}, fmt.Errorf("%s is neither a state folder (runs/, ledger/) nor the folder of a run (log/)", dir)
	}
	if err != nil {
		return Report{}, err
	}
	if v.report.Runs == 0 && len(v.heads) == 0 && v.kept == nil && v.report.OK() {
		return Report{}, fmt.Errorf("%s holds no run, and no log of any: there is nothing to check. A checkpoint that was kept elsewhere (--checkpoint) tells whether there was", dir)
	}
	v.checkKept()
	v.limits()
	return v.report, nil
}

// standing tells one state of the record from another: each write of it changes a
// journal or a checkpoint.
func standing(dir string) string {
	var all strings.Builder
	note := func(folder string) {
		files, _ := os.ReadDir(folder)
		for _, f := range files {
			if info, err := f.Info(); err == nil {
				fmt.Fprintln(&all, folder, f.Name(), info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	note(filepath.Join(dir, logDir))
	note(filepath.Join(dir, estateDir))
	runs, _ := os.ReadDir(filepath.Join(dir, "runs"))
	for _, run := range runs {
		note(filepath.Join(dir, "runs", run.Name(), logDir))
	}
	return all.String()
}

type verifier struct {
	root    string
	keys    []string
	signers []string // of the seals that were met
	kept    *checkpoint
	written func(name string) bool
	report  Report
	// estateFiles are those of the estate's log, by path within the root, as they
	// were at one moment.
	estateFiles map[string][]byte

	heads  []Head // of the estate's log, in order
	estate logCheck
	// estateLost: the estate has no checkpoint that can be read, and that was said.
	estateLost bool
	runs       map[keyrotor.RunID]*runCheck
}

func (v *verifier) fault(file string, line int, format string, args ...any) {
	v.report.Faults = append(v.report.Faults, Fault{File: file, Line: line, What: fmt.Sprintf(format, args...)})
}

func (v *verifier) faultAt(file string, offset int, format string, args ...any) {
	v.report.Faults = append(v.report.Faults, Fault{File: file, Offset: int64(offset), What: fmt.Sprintf(format, args...)})
}

func (v *verifier) notice(format string, args ...any) {
	v.report.Notices = append(v.report.Notices, fmt.Sprintf(format, args...))
}

// largestFile is more than the journal of a million changes; what is larger is
// not read into memory.
const largestFile = 2 << 30

// read returns the bytes of a file within the folder; false when it is missing,
// which is the caller's to judge.
func (v *verifier) read(name string) ([]byte, bool, error) {
	if v.estateFiles != nil && within(name, estateDir) {
		data, found := v.estateFiles[name]
		return data, found, nil
	}
	file := filepath.Join(v.root, filepath.FromSlash(name))
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if !v.regular(name, info) {
		return nil, true, nil
	}
	if info.Size() > largestFile {
		v.fault(name, 0, "has %d bytes: no such file of a record is that large", info.Size())
		return nil, true, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil // a seal under way cleared it away since
	}
	return data, err == nil, err
}

// regular reports whether a file of the record is one. Who is handed a folder to
// check must not wait for a pipe or read a device without an end.
func (v *verifier) regular(name string, info fs.FileInfo) bool {
	if info.Mode().IsRegular() {
		return true
	}
	v.fault(name, 0, "is not a file but %s", info.Mode().Type())
	return false
}

// links finds the links in a folder of the record: what they lead to is not kept by
// whoever keeps the record, and no command follows one that leads out of it.
func (v *verifier) links(name string) error {
	err := filepath.WalkDir(filepath.Join(v.root, filepath.FromSlash(name)), func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // cleared away since, or not there
		}
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		rel, err := filepath.Rel(v.root, file)
		v.fault(filepath.ToSlash(rel), 0, "is a link; a record holds its files themselves")
		return err
	})
	if err != nil {
		return fmt.Errorf("look for links: %w", err)
	}
	return nil
}

// files lists all files below a folder within the root, by slash paths relative
// to that folder.
func (v *verifier) files(name string) ([]string, error) {
	var names []string
	if v.estateFiles != nil && (name == estateDir || within(name, estateDir)) {
		for _, file := range slices.Sorted(maps.Keys(v.estateFiles)) {
			if rel, below := strings.CutPrefix(file, name+"/"); below {
				names = append(names, rel)
			}
		}
		return names, nil
	}
	base := filepath.Join(v.root, filepath.FromSlash(name))
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != base {
			return nil // cleared away since
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(base, path)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// state checks the estate's log, each run in the folder, and each against the
// other.
func (v *verifier) state() error {
	if err := v.takeEstate(); err != nil {
		return err
	}
	if err := v.checkEstate(); err != nil {
		return err
	}
	if err := v.links(estateDir); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(v.root, "runs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := v.links("runs/" + e.Name()); err != nil {
			return err
		}
		if !e.IsDir() {
			continue
		}
		id := keyrotor.RunID(e.Name())
		run, err := v.checkRun(id, "runs/"+e.Name())
		if err != nil {
			return err
		}
		v.runs[id] = run
		v.report.Runs++
	}
	if err := v.estateTiles(); err != nil {
		return err
	}
	return v.joinHeads()
}

func (v *verifier) oneRun() error {
	if v.kept != nil && v.kept.origin == estateOrigin {
		return errors.New("the checkpoint kept elsewhere is of the estate's log, which is not in the folder of one run: give the state folder")
	}
	if err := v.links("."); err != nil {
		return err
	}
	id, err := v.ownID()
	if err != nil {
		return err
	}
	run, err := v.checkRun(id, ".")
	if err != nil {
		return err
	}
	v.runs[id] = run
	v.report.Runs = 1
	v.notice("one run was checked by itself: whether other runs are missing is told by the whole state folder only")
	return nil
}

// ownID is the name of the run that the folder is of: what its checkpoint says,
// for a copy may have another name; else the folder's name.
func (v *verifier) ownID() (keyrotor.RunID, error) {
	raw, _, err := v.read("log/checkpoint")
	if err != nil {
		return "", err
	}
	if c, err := parseCheckpoint(raw); err == nil {
		if id, ok := strings.CutPrefix(c.origin, runOrigin("")); ok {
			return keyrotor.RunID(id), nil
		}
	}
	abs, err := filepath.Abs(v.root)
	return keyrotor.RunID(filepath.Base(abs)), err
}

// limits says plainly what this check could not have seen.
func (v *verifier) limits() {
	cannot := func(s string) { v.report.CannotExclude = append(v.report.CannotExclude, s) }
	if len(v.keys) == 0 && len(v.signers) > 1 {
		v.notice("%d keys made the seals: %s", len(v.signers), strings.Join(v.signers, ", "))
	}
	if len(v.keys) == 0 {
		cannot("a rewrite: without a verifier key from elsewhere (--key) the record is shown to be consistent with itself, not to be the one that was written")
	}
	if v.kept == nil {
		cannot("a cut tail or a fork: without a checkpoint kept elsewhere (--checkpoint) the record may end earlier than it once did, or another one may exist")
	} else {
		cannot("a cut after the checkpoint that was kept elsewhere: what came later is not covered by it")
	}
	open := slices.ContainsFunc(mapValues(v.runs), func(r *runCheck) bool { return len(r.lines) > r.sealed })
	if open {
		cannot("a cut at the end of runs that are not sealed to their end (see the notices): no signature covers those lines yet")
	}
}

func mapValues(m map[keyrotor.RunID]*runCheck) []*runCheck {
	var out []*runCheck
	for _, r := range m {
		out = append(out, r)
	}
	return out
}

// allowedKeys is who may have signed: the keys given, else the key that the
// record itself names.
func (v *verifier) allowedKeys(named string) []string {
	if len(v.keys) > 0 {
		return v.keys
	}
	return []string{named}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func isTemp(name string) bool {
	return strings.HasPrefix(name[strings.LastIndex(name, "/")+1:], ".tmp-")
}
