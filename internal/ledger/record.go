package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Altered says that files of a run are not what keyrotor wrote.
type Altered struct {
	Run   keyrotor.RunID
	Files []string // paths within the run's folder
	// Left are those of them that no seal has ever covered: as a writer left them
	// who was killed, or whose disk was full.
	Left []string
}

// Error names the first files.
func (a *Altered) Error() string {
	names := a.Files
	if len(names) > 3 {
		names = append(slices.Clone(names[:3]), fmt.Sprintf("and %d more", len(a.Files)-3))
	}
	return fmt.Sprintf("run %s: not as keyrotor wrote it: %s", a.Run, strings.Join(names, ", "))
}

// Record notes, durably, that the file of the run is about to be put in place
// with this digest. It comes after the file's bytes are written and before their
// rename, so that there is no moment in which a file can be changed and pass for
// ours: what differs from its last record is a crash between the two, which the
// record before tells, or a forgery.
func (r *Run) Record(name string, digest keyrotor.Digest) error {
	if err := artifactName(name); err != nil {
		return err
	}
	return r.Append(context.Background(), Entry{Type: TypeArtifact, Artifact: name, Digest: digest})
}

// Placed tells how the rename after Record went. A file that came into place is from
// then on what was recorded, and no crash explains another; where it did not, the log
// learns that the file is the one before.
func (r *Run) Placed(name string, done bool) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	if done {
		r.placed[name] = true
		return nil
	}
	delete(r.placed, name)
	rec, err := r.replay()
	if err != nil {
		return err
	}
	_, digest, err := r.hash(name)
	if f := rec.files[name]; err != nil || digest == f.digest || !f.interrupted(digest) {
		return err
	}
	return r.write([]*waiting{interruptedEntry(r.now(), name, digest)})
}

func artifactName(name string) error {
	if !fs.ValidPath(name) || name == "." || name == logDir || strings.HasPrefix(name, logDir+"/") {
		return fmt.Errorf("record: %q is not the path of a file of the run", name)
	}
	return nil
}

// Artifacts are the digests of the run's files as they were last recorded.
func (r *Run) Artifacts() (map[string]keyrotor.Digest, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	rec, err := r.replay()
	if err != nil {
		return nil, err
	}
	digests := map[string]keyrotor.Digest{}
	for name, f := range rec.files {
		if f.digest != "" {
			digests[name] = f.digest
		}
	}
	return digests, nil
}

// Check returns *Altered when files of the run are not what was recorded. Of the
// named files it demands more: that a seal, or the writer itself, vouches for them.
// What a killed process left right before its seal may be forged as well, and what
// no record knows was put there: both are to be made anew before anything is built
// on them.
func (r *Run) Check(named ...string) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	rec, err := r.replay()
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for name := range rec.files {
		names[name] = true
	}
	for _, name := range named {
		names[name] = true // also where no record knows of it
	}
	altered := &Altered{Run: r.id}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		_, digest, err := r.hash(name)
		if err != nil {
			return err
		}
		f := rec.files[name]
		left := f.left(digest)
		switch {
		case digest == f.digest, f.interrupted(digest), left && !slices.Contains(named, name):
			continue
		case left && f.digest == "":
			altered.Left = append(altered.Left, name)
		}
		altered.Files = append(altered.Files, name)
	}
	if len(altered.Files) > 0 {
		return altered
	}
	return nil
}

// recorded is what the journal says of one file.
type recorded struct {
	digest, before keyrotor.Digest // the last record and the one before; "" for no file
	sealed         bool            // the last record is under a seal
	placed         bool            // its writer saw it come into place, and writes still
	// found are digests that no writer vouches for: of a process that was killed
	// before its seal, of files that came from elsewhere, or forged.
	found []keyrotor.Digest
	stale bool // the newest record of all is one of these
	// adopted is the one of them that a seal has taken up, with a word.
	adopted keyrotor.Digest
}

// left: the file is what nobody vouches for.
func (f recorded) left(now keyrotor.Digest) bool { return slices.Contains(f.found, now) }

// interrupted: the file is what it was before its last record, which is so new
// that the crash between record and rename may have come to nobody's notice.
func (f recorded) interrupted(now keyrotor.Digest) bool {
	return !f.sealed && !f.placed && now == f.before
}

// replayed is what the journal says of files and of its end.
type replayed struct {
	files map[string]recorded
	last  Entry
}

// closed: the last entry is a seal by the same key, so nothing is new.
func (s replayed) closed(key string) bool { return s.last.Type == TypeSeal && s.last.Text == key }

func (r *Run) replay() (replayed, error) {
	rec := replayed{files: map[string]recorded{}}
	each := func(fn func(Entry) error) error { return r.entriesUpTo(r.size, fn) }
	found, err := FoundIn(each)
	if err != nil {
		return rec, err
	}
	err = each(func(e Entry) error {
		switch e.Type {
		case TypeArtifact:
			if found(e.Seq) || e.Found > 0 {
				f := rec.files[e.Artifact]
				f.found, f.stale = append(slices.Clone(f.found), e.Digest), true
				if f.adopted = ""; !found(e.Seq) {
					f.adopted = e.Digest
				}
				rec.files[e.Artifact] = f
				break
			}
			f := recorded{digest: e.Digest, before: rec.files[e.Artifact].digest}
			if was := rec.files[e.Artifact]; was.digest == e.Digest && !was.sealed {
				f.before = was.before // recorded twice with the same bytes
			}
			rec.files[e.Artifact] = f
		case TypeSeal:
			for name, f := range rec.files {
				f.sealed = true
				rec.files[name] = f
			}
		}
		rec.last = e
		return nil
	})
	for name := range r.placed {
		f := rec.files[name]
		f.placed = true
		rec.files[name] = f
	}
	return rec, err
}

// settle holds every recorded file against its record.
func (r *Run) settle(rec replayed) (batch []*waiting, altered []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(rec.files)) {
		f := rec.files[name]
		lines, digest, err := r.hash(name)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case digest == f.digest && !f.stale, digest != "" && digest == f.adopted:
		case digest == f.digest || f.interrupted(digest):
			batch = append(batch, interruptedEntry(r.now(), name, digest))
		case f.left(digest):
			batch = append(batch, foundEntry(r.now(), name, digest, "left by a process that was killed before its seal, or put there: nobody vouches for it"))
		default:
			altered = append(altered, name)
			continue
		}
		if err := r.writeLines(name, digest, lines); err != nil {
			return nil, nil, err
		}
	}
	return batch, altered, nil
}

func foundEntry(at time.Time, name string, digest keyrotor.Digest, why string) *waiting {
	return &waiting{entry: Entry{Type: TypeArtifact, At: at, Artifact: name, Digest: digest, Found: 1, Text: why}}
}

func interruptedEntry(at time.Time, name string, digest keyrotor.Digest) *waiting {
	return &waiting{entry: Entry{
		Type: TypeArtifact, At: at, Artifact: name, Digest: digest,
		Text: "its writing was interrupted: the file is the one before",
	}}
}

// adopt records files that are there and that nobody recorded: an approval that
// was brought from elsewhere.
func (r *Run) adopt(rec replayed, found []string) ([]*waiting, error) {
	var batch []*waiting
	for _, name := range slices.Sorted(slices.Values(found)) {
		if err := artifactName(name); err != nil {
			return nil, err
		}
		if f, known := rec.files[name]; known && (f.digest != "" || len(f.found) > 0) {
			continue
		}
		lines, digest, err := r.hash(name)
		if err != nil {
			return nil, err
		}
		if digest == "" {
			return nil, fmt.Errorf("seal: %s is not there", name)
		}
		if err := r.writeLines(name, digest, lines); err != nil {
			return nil, err
		}
		batch = append(batch, foundEntry(r.now(), name, digest, "found in the run's folder: not written by keyrotor there"))
	}
	return batch, nil
}

// hash is a file's digest and the short hashes of its lines; "" when there is no
// such file.
func (r *Run) hash(name string) ([]byte, keyrotor.Digest, error) {
	f, err := r.in.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe is not waited for
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("digest %s: %w", name, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, "", errors.Join(fmt.Errorf("digest %s: it is no file", name), err)
	}
	lines, digest, err := hashLines(f)
	if err != nil {
		return nil, "", fmt.Errorf("digest %s: %w", name, err)
	}
	return lines, digest, nil
}

// writeLines keeps the short hashes of a file's lines, from which Verify tells
// where it was changed later.
func (r *Run) writeLines(name string, digest keyrotor.Digest, lines []byte) error {
	name = path.Join(logDir, linesDir, name)
	if digest != "" {
		return r.in.keep(name, lines)
	}
	if err := r.in.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotWrite(err)
	}
	return nil
}
