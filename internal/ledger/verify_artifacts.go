package ledger

import (
	"bytes"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// sealedArtifacts are the last digests under the checkpoint.
func (r *runCheck) sealedArtifacts() map[string]keyrotor.Digest {
	sealed := map[string]keyrotor.Digest{}
	if !r.log.fits {
		return sealed
	}
	for _, leaf := range r.log.leaves {
		if e, _, err := readEntry(leaf); err == nil && e.Type == TypeArtifact {
			sealed[e.Artifact] = e.Digest
		}
	}
	return sealed
}

// artifacts holds the files of a run against their sealed digests, and the short
// hashes of lines against the files.
func (v *verifier) artifacts(r *runCheck) error {
	sealed := r.sealedArtifacts()
	for _, name := range slices.Sorted(maps.Keys(sealed)) {
		file := path.Join(r.dir, name)
		v.report.Artifacts++
		local := filepath.Join(v.root, filepath.FromSlash(file))
		info, err := os.Stat(local)
		if err != nil {
			v.fault(file, 0, "file is missing: it was sealed")
			continue
		}
		if !v.regular(file, info) {
			continue
		}
		lines, digest, err := hashLines(local)
		if err != nil {
			return err
		}
		noted := path.Join(r.log.dir, "lines", name)
		was, found, err := v.read(noted)
		if err != nil {
			return err
		}
		switch {
		case digest != sealed[name]:
			v.changedArtifact(r, file, was, lines)
		case !found:
			v.fault(noted, 0, "file is missing")
		case !bytes.Equal(was, lines):
			v.fault(noted, 1+bytes.Count(was[:firstDifference(was, lines)], []byte("\n")), "does not fit %s, which is whole", file)
		}
	}
	return v.strayLines(r, sealed)
}

// changedArtifact says where a file differs from what was sealed. A file that
// only grew while its run goes on is no fault: its next seal will cover it.
func (v *verifier) changedArtifact(r *runCheck, file string, was, is []byte) {
	oldLines, newLines := strings.Split(string(was), "\n"), strings.Split(string(is), "\n")
	oldLines, newLines = oldLines[:len(oldLines)-1], newLines[:len(newLines)-1]
	for i, line := range oldLines {
		if i >= len(newLines) {
			v.fault(file, i+1, "lines are missing: it was sealed with %d", len(oldLines))
			return
		}
		if newLines[i] != line {
			v.fault(file, i+1, "line is not the one that was sealed")
			return
		}
	}
	if len(newLines) == len(oldLines) {
		v.fault(file, 0, "file is not the one that was sealed")
		return
	}
	if len(r.lines) > r.sealed {
		v.notice("%s: %d lines came after the last seal of a run that goes on: no signature covers them yet", file, len(newLines)-len(oldLines))
		return
	}
	v.fault(file, len(oldLines)+1, "lines were added after it was sealed")
}

func (v *verifier) strayLines(r *runCheck, sealed map[string]keyrotor.Digest) error {
	dir := path.Join(r.log.dir, "lines")
	names, err := v.files(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if _, ok := sealed[n]; !ok && !isTemp(n) {
			v.notice("%s: belongs to no sealed file", path.Join(dir, n))
		}
	}
	return nil
}

// strangers names files that no seal knows.
func (v *verifier) strangers(r *runCheck) error {
	sealed := r.sealedArtifacts()
	names, err := v.files(r.dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		_, known := sealed[n]
		switch {
		case known || n == "log/journal.jsonl" || n == "log/checkpoint" || within(n, "log/tile") || within(n, "log/lines"):
		case n == ".lock":
		case isTemp(n):
			v.notice("%s: left by an interrupted write", path.Join(r.dir, n))
		default:
			v.notice("%s: under no seal", path.Join(r.dir, n))
		}
	}
	return nil
}
