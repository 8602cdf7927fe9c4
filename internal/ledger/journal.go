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
