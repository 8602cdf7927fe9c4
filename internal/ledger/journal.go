package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// Journal is the log of the run in a folder, to be read without being its writer:
// another process may append to it meanwhile.
type Journal string

// Entries calls fn for each whole line, in order; none when the run has no log. It
// holds them against nothing: OpenRun and Verify do.
func (j Journal) Entries(fn func(Entry) error) error {
	f, err := os.OpenInRoot(string(j), path.Join(logDir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cannotRead(string(j), err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return entriesOf(f, info.Size(), asItIs, fn)
}

// beginsWith reports whether the log's first entries are those that a head is of,
// and its first seal is the head's. A seal that was interrupted is none.
func (j Journal) beginsWith(h Head) (bool, error) {
	f, err := os.OpenInRoot(string(j), path.Join(logDir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, cannotRead(string(j), err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	var t tree
	seals, err := sealsOf(linesOf(f, info.Size()), h.Size, t.add)
	if err != nil || h.Size < 1 || t.leaves != h.Size || seals != 1 {
		return false, err
	}
	root, err := t.rootAt(h.Size)
	return root == h.Root, err
}

// sealsOf counts the seals among so many lines of a log, and hands each line on. A
// seal that was interrupted before its checkpoint is none.
func sealsOf(lines iter.Seq2[[]byte, error], most int64, each func(line []byte) error) (int, error) {
	var seals, found []Entry
	n := int64(0)
	for line, err := range lines {
		if err != nil {
			return 0, err
		}
		if n++; n > most {
			break
		}
		e, _, err := readEntry(line)
		if err == nil {
			err = each(line)
		}
		if err != nil {
			return 0, err
		}
		switch e.Type {
		case TypeSeal:
			seals = append(seals, e)
		case TypeFound:
			found = append(found, e)
		}
	}
	marks := marksOf(found, 0)
	return len(slices.DeleteFunc(seals, func(e Entry) bool { return marks.has(e.Seq) })), nil
}

// Sealed reports whether the last seal covers all that the log holds; true also
// where there is no log, and nothing to seal.
func (j Journal) Sealed() (bool, error) {
	var n int64
	last := TypeSeal
	err := j.Entries(func(e Entry) error {
		n, last = n+1, e.Type
		return nil
	})
	if err != nil || n == 0 {
		return true, err
	}
	size, err := j.sealedSize()
	return last == TypeSeal && size == n, err
}

// sealedSize is how many entries the run's checkpoint covers, whoever signed it; 0
// where there is none.
func (j Journal) sealedSize() (int64, error) {
	root, err := os.OpenRoot(string(j))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer root.Close()
	s, err := readSeal(folder{root}, logDir)
	return s.size, err
}

// Sealed is the part of a run's log that stands under a seal by one of the believed
// keys, to be read without being its writer.
type Sealed struct {
	Journal  Journal
	Run      keyrotor.RunID
	Believed []string // verifier keys, as Signer.Believed gives them
}

// Entries calls fn for each entry under the seal, in order: none where nothing is
// sealed. A seal by anybody else, or over other entries, is an error.
func (s Sealed) Entries(fn func(Entry) error) error {
	root, err := os.OpenRoot(string(s.Journal))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cannotRead(string(s.Journal), err)
	}
	defer root.Close()
	sealed, err := readSeal(folder{root}, logDir)
	if err != nil || sealed.size == 0 {
		return err
	}
	if sealed.signer(runOrigin(s.Run), s.Believed) == "" {
		named, err := sealer(s.Journal.Entries, sealed.size)
		return cmp.Or(err, notOurs(s.Run, named))
	}
	f, err := root.Open(path.Join(logDir, journalName))
	if err != nil {
		return cannotRead(string(s.Journal), err)
	}
	defer f.Close()
	t, size, err := s.tree(f, sealed)
	if err != nil {
		return err
	}
	return entriesOf(f, size, t.hash, fn) // the same lines, though it is read again
}

// beside is the head of the estate's log that the last seal names.
func (s Sealed) beside() (head string, err error) {
	err = s.Entries(func(e Entry) error {
		head = e.Head // the last entry is the seal
		return nil
	})
	return head, err
}

// tree is that of what a seal covers, and how many bytes of the journal those are.
func (s Sealed) tree(f *os.File, sealed seal) (t tree, size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return t, 0, err
	}
	for line, err := range linesOf(f, info.Size()) {
		if err == nil {
			err = t.add(line)
		}
		if err != nil {
			return t, 0, err
		}
		size += int64(len(line)) + 1
		if t.leaves == sealed.size {
			break
		}
	}
	if t.leaves != sealed.size {
		return t, 0, fmt.Errorf("run %s: its log has %d entries, its seal covers %d", s.Run, t.leaves, sealed.size)
	}
	got, err := t.rootAt(t.leaves)
	if err == nil && got != sealed.root {
		err = fmt.Errorf("run %s: its log is not the one that was sealed", s.Run)
	}
	return t, size, err
}
