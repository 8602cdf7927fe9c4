package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Journal is the log of the run in a folder, to be read without being its writer:
// another process may append to it meanwhile.
type Journal string

// Entries calls fn for each whole line, in order; none when the run has no log. It
// holds them against nothing: OpenRun and Verify do.
func (j Journal) Entries(fn func(Entry) error) error {
	path := filepath.Join(string(j), logDir, journalName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the run's log: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return entriesOf(f, info.Size(), fn)
}

// firstSeal is how many entries the first seal covers, itself among them; 0 when
// nothing is sealed.
func (j Journal) firstSeal() (int64, error) {
	var size int64
	err := j.Entries(func(e Entry) error {
		if e.Type == TypeSeal && size == 0 {
			size = e.Seq + 1
		}
		return nil
	})
	return size, err
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
	size, err := sealedSize(filepath.Join(string(j), logDir))
	return last == TypeSeal && size == n, err
}
