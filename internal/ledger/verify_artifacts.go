package ledger

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// told is what the log says of one file: the digest that a seal vouches for last,
// "" for no file, and those that nobody vouches for, because they were found behind
// a seal, came from elsewhere, or are under no seal yet.
type told struct {
	last  keyrotor.Digest
	found []keyrotor.Digest
}

// recordedArtifacts are the run's files by its entries.
func (r *runCheck) recordedArtifacts() map[string]told {
	files := map[string]told{}
	found := r.marks()
	take := func(e Entry, vouched bool) {
		if e.Type != TypeArtifact {
			return
		}
		t := files[e.Artifact]
		if vouched && e.Found == 0 && !found.has(e.Seq) {
			t = told{last: e.Digest}
		} else {
			t.found = append(t.found, e.Digest)
		}
		files[e.Artifact] = t
	}
	covered := 0
	if r.log.fits {
		for _, leaf := range r.log.leaves {
			if e, _, err := readEntry(leaf); err == nil {
				take(e, true)
			}
		}
		covered = len(r.log.leaves)
	}
	for _, e := range r.entries[min(covered, len(r.entries)):] {
		take(e, false)
	}
	return files
}

// artifacts holds the files of a run against their records, and the short hashes
// of lines against the files.
func (v *verifier) artifacts(r *runCheck) error {
	files := r.recordedArtifacts()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := v.artifact(r, name, files[name]); err != nil {
			return err
		}
	}
	return v.strayLines(r, files)
}

func (v *verifier) artifact(r *runCheck, name string, t told) error {
	file := path.Join(r.dir, name)
	if !fs.ValidPath(name) {
		v.fault(path.Join(r.log.dir, "journal.jsonl"), 0, "records %q, which is no file of a run", name)
		return nil
	}
	v.report.Artifacts++
	local := filepath.Join(v.root, filepath.FromSlash(file))
	var is []byte
	var digest keyrotor.Digest
	info, err := os.Stat(local)
	if err == nil {
		if !v.regular(file, info) {
			return nil
		}
		if is, digest, err = hashFile(local); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	switch {
	case digest == t.last && len(t.found) > 0 && digest != "":
		v.notice("%s: a later writing of it was interrupted, or is under no seal yet", file)
		return nil
	case digest == t.last:
		return v.linesFit(r, name, is, digest)
	case slices.Contains(t.found, digest):
		v.notice("%s: nobody vouches for it: it came from elsewhere, or who wrote it was killed before the seal, or it was put there", file)
		return nil
	case digest == "":
		v.fault(file, 0, "file is missing: it was recorded")
		return nil
	case t.last == "" && len(t.found) == 0:
		v.notice("%s: came after the record said that it was not there", file)
		return nil
	}
	was, _, err := v.read(path.Join(r.log.dir, "lines", name))
	if err != nil {
		return err
	}
	v.changedArtifact(file, was, is)
	return nil
}

func hashFile(path string) ([]byte, keyrotor.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	return hashLines(f)
}

// linesFit holds the short hashes of a whole file's lines against the file.
func (v *verifier) linesFit(r *runCheck, name string, is []byte, digest keyrotor.Digest) error {
	noted := path.Join(r.log.dir, "lines", name)
	was, found, err := v.read(noted)
	if err != nil || digest == "" || !r.log.fits {
		return err
	}
	if !found {
		v.fault(noted, 0, "file is missing")
	} else if !bytes.Equal(was, is) {
		v.fault(noted, 1+bytes.Count(was[:firstDifference(was, is)], []byte("\n")), "does not fit %s, which is whole", path.Join(r.dir, name))
	}
	return nil
}

// changedArtifact says where a file differs from what was recorded, as far as the
// short hashes of its lines tell.
func (v *verifier) changedArtifact(file string, was, is []byte) {
	oldLines, newLines := strings.Split(string(was), "\n"), strings.Split(string(is), "\n")
	oldLines, newLines = oldLines[:len(oldLines)-1], newLines[:len(newLines)-1]
	for i, line := range oldLines {
		if i >= len(newLines) {
			v.fault(file, i+1, "lines are missing: it was recorded with %d", len(oldLines))
			return
		}
		if newLines[i] != line {
			v.fault(file, i+1, "line is not the one that was recorded")
			return
		}
	}
	if len(newLines) == len(oldLines) || len(oldLines) == 0 {
		v.fault(file, 0, "file is not the one that was recorded")
		return
	}
	v.fault(file, len(oldLines)+1, "lines were added after it was recorded")
}

func (v *verifier) strayLines(r *runCheck, files map[string]told) error {
	dir := path.Join(r.log.dir, "lines")
	names, err := v.files(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if _, ok := files[n]; !ok && !isTemp(n) {
			v.notice("%s: belongs to no recorded file", path.Join(dir, n))
		}
	}
	return nil
}

// strangers names files that no record knows.
func (v *verifier) strangers(r *runCheck) error {
	files := r.recordedArtifacts()
	names, err := v.files(r.dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		_, known := files[n]
		switch {
		case known || n == "log/journal.jsonl" || n == "log/checkpoint" || within(n, "log/tile") || within(n, "log/lines"):
		case isTemp(n):
			v.notice("%s: left by an interrupted write", path.Join(r.dir, n))
		case v.written != nil && v.written(n):
			v.fault(path.Join(r.dir, n), 0, "in no record: keyrotor records such a file before it puts it in place")
		default:
			v.notice("%s: in no record", path.Join(r.dir, n))
		}
	}
	return nil
}
