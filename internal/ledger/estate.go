package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/keyrotor/keyrotor"
)

const lockName = "lock"

// Estate is the log of run heads in a state folder. It holds nothing open: each
// call reads what is there now, so several processes may share the folder.
type Estate struct{ dir string }

// OpenEstate opens the estate's log in folder dir (<state>/ledger), making the
// folder when there is none.
func OpenEstate(dir string) (*Estate, error) {
	if err := makeDirs(dir); err != nil {
		return nil, cannotWrite(err)
	}
	return &Estate{dir: dir}, nil
}

// Head is the log's present size and root, "size:base64", and "0:" when it is
// empty. Approvals sign it.
func (e *Estate) Head() (string, error) {
	size, root, err := readCheckpoint(e.dir)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d:%s", size, root), nil
}

// HeadOver is the log's head where the log knows the run from its first seal on,
// and "0:" where it does not: a copy of the run, approved beside another estate's
// log, must not bear witness to that one.
func (e *Estate) HeadOver(run keyrotor.RunID, log Journal) (string, error) {
	first, err := log.firstSeal()
	if err != nil || first == 0 {
		return "0:", err
	}
	t, err := e.load()
	if err != nil {
		return "", fmt.Errorf("estate's log: %w", err)
	}
	for _, leaf := range t.leaves {
		var h Head
		if err := json.Unmarshal(leaf, &h); err != nil {
			return "", fmt.Errorf("estate's log: %w", err)
		}
		if h.Run == run && h.Size == first {
			return e.Head()
		}
		if h.Run == run {
			break
		}
	}
	return "0:", nil
}

// Behind reports whether the run in a folder has a seal that the log does not know:
// it was interrupted before its head was added.
func (e *Estate) Behind(run keyrotor.RunID, dir string) (bool, error) {
	size, err := sealedSize(filepath.Join(dir, logDir))
	if err != nil || size == 0 {
		return false, err
	}
	t, err := e.load()
	if err != nil {
		return false, fmt.Errorf("estate's log: %w", err)
	}
	var known int64
	for _, leaf := range t.leaves {
		var h Head
		if err := json.Unmarshal(leaf, &h); err != nil {
			return false, fmt.Errorf("estate's log: %w", err)
		}
		if h.Run == run {
			known = h.Size
		}
	}
	return known < size, nil
}

// Knows reports whether a head is the last one of its run here. It asks for no lock.
func (e *Estate) Knows(h Head) (bool, error) {
	t, err := e.load()
	if err != nil {
		return false, fmt.Errorf("estate's log: %w", err)
	}
	return has(t, h)
}

// Add appends a run's head under the file lock: whoever comes second waits,
// reads again, and appends to what the first one wrote. A head that is already
// the run's last one is not added twice. The signer must be the one that sealed
// the run.
func (e *Estate) Add(h Head, s Signer) error {
	if h.Key != s.VerifierKey() {
		return errors.New("estate's log: the head was sealed with another key")
	}
	f, err := os.OpenFile(filepath.Join(e.dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return cannotWrite(err)
	}
	defer f.Close()
	if err := lockWithin(f, syscall.LOCK_EX, addPatience); err != nil {
		return &keyrotor.Problem{
			Err: fmt.Errorf("lock %s: %w", f.Name(), err), Now: "the run's own record is whole; the estate's log does not know of its last seal yet",
			Next: "see who holds that file (a check of the record that was suspended?), then the same command again",
		}
	}
	removeTemps(e.dir)
	t, err := e.load()
	if err != nil {
		return &keyrotor.Problem{
			Err:  fmt.Errorf("estate's log: %w", err),
			Now:  "the run is sealed; its head is not in the estate's log",
			Next: "keyrotor evidence verify " + filepath.Dir(e.dir),
		}
	}
	if known, err := has(t, h); err != nil || known {
		return err
	}
	leaf, err := canonical(h)
	if err != nil {
		return err
	}
	if len(leaf) > maxEntry {
		return fmt.Errorf("estate's log: head of %d bytes is longer than the %d that a log entry may have", len(leaf), maxEntry)
	}
	old := t.size()
	if err := t.add(leaf); err != nil {
		return err
	}
	return t.publish(e.dir, estateOrigin, old, s)
}

// has reports whether h is the last head of its run.
func has(t *tree, h Head) (bool, error) {
	for i := len(t.leaves) - 1; i >= 0; i-- {
		var have Head
		if err := json.Unmarshal(t.leaves[i], &have); err != nil {
			return false, fmt.Errorf("estate's log: entry %d: %w", i, err)
		}
		if have.Run == h.Run {
			return have.Size == h.Size && have.Root == h.Root && have.Key == h.Key, nil
		}
	}
	return false, nil
}

// load reads all entries and checks them against the checkpoint's root: a
// damaged log is not signed over.
func (e *Estate) load() (*tree, error) {
	size, root, err := readCheckpoint(e.dir)
	if err != nil {
		return nil, err
	}
	t := newTree()
	for n := int64(0); n*tileWidth < size; n++ {
		width := min(tileWidth, size-n*tileWidth)
		if err := e.loadBundle(t, tlog.Tile{H: tileHeight, L: -1, N: n, W: int(width)}); err != nil {
			return nil, err
		}
	}
	if size == 0 {
		return t, e.noTiles()
	}
	got, err := t.root()
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodeToString(got[:]) != root {
		return nil, errors.New("its entries do not fit its checkpoint")
	}
	return t, nil
}

// noTiles refuses to begin anew where a log was: full tiles outlive every
// interrupted first write, so a checkpoint is missing.
func (e *Estate) noTiles() error {
	if _, err := os.Stat(filepath.Join(e.dir, tileDir, entriesDir, "000")); err == nil {
		return errors.New("it has entries and no checkpoint")
	}
	return nil
}

func (e *Estate) loadBundle(t *tree, bundle tlog.Tile) error {
	path := filepath.Join(e.dir, filepath.FromSlash(tilePath(bundle)))
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for range bundle.W {
		if len(data) < 2 {
			return fmt.Errorf("%s: ends early", path)
		}
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n {
			return fmt.Errorf("%s: ends early", path)
		}
		if err := t.add(data[2 : 2+n]); err != nil {
			return err
		}
		data = data[2+n:]
	}
	return nil
}
