package ledger

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/keyrotor/keyrotor"
)

const lockName = "lock"

// Estate is the log of run heads in a state folder. It holds nothing open: each
// call reads what is there now, so several processes may share the folder.
type Estate struct {
	dir    string
	signer Signer
}

// OpenEstate opens the estate's log in folder dir (<state>/ledger), making the
// folder when there is none. What it reads there must be signed with a key that
// the signer believes; a log of anybody else is refused with *keyrotor.Refusal.
func OpenEstate(dir string, s Signer) (*Estate, error) {
	if err := makeDirs(dir); err != nil {
		return nil, cannotWrite(err)
	}
	return &Estate{dir: dir, signer: s}, nil
}

// Head is the log's present size and root, "size:base64", and "0:" when it is
// empty. Approvals sign it.
func (e *Estate) Head() (string, error) {
	l, err := e.read()
	if err != nil {
		return "", err
	}
	return l.head(), nil
}

// HeadOver is the log's head where the log knows the run from its first seal on,
// and "0:" where it does not: a copy of the run, approved beside another estate's
// log, must not bear witness to that one.
func (e *Estate) HeadOver(run keyrotor.RunID, log Journal) (string, error) {
	l, err := e.read()
	if err != nil {
		return "", err
	}
	heads := l.of(run)
	if len(heads) == 0 {
		return "0:", nil
	}
	begins, err := log.beginsWith(heads[0])
	if err != nil {
		return "", err
	}
	if !begins { // its first seal was interrupted, or was made beside another log
		beside, err := Sealed{Journal: log, Run: run, Believed: e.signer.Believed()}.beside()
		if err != nil {
			return "", err
		}
		covers, err := l.covers(beside)
		if size, _, _ := parseHead(beside); err != nil || !covers || size == 0 {
			return "0:", err
		}
	}
	return l.head(), nil
}

// Behind are those of the runs of a state folder that have a seal which the log
// does not know: it was interrupted before its head was added. Runs whose seal
// cannot be read are left out and in the error, beside the others.
func (e *Estate) Behind(runs map[keyrotor.RunID]string) ([]keyrotor.RunID, error) {
	l, err := e.read()
	if err != nil {
		return nil, err
	}
	var behind []keyrotor.RunID
	var unread []error
	for run, dir := range runs {
		size, err := Journal(dir).sealedSize()
		if err != nil {
			unread = append(unread, fmt.Errorf("run %s: %w", run, err))
			continue
		}
		if size > l.known(run) {
			behind = append(behind, run)
		}
	}
	return behind, errors.Join(unread...)
}

// Add appends a run's head under the file lock: whoever comes second waits,
// reads again, and appends to what the first one wrote. A head that is already
// the run's last one is not added twice. The signer must be the one that sealed
// the run.
func (e *Estate) Add(h Head) error {
	if h.Key != e.signer.VerifierKey() {
		return errors.New("estate's log: the head was sealed with another key")
	}
	in, err := openFolder(e.dir)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := in.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
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
	in.removeTemps()
	l, err := e.load(in)
	if err != nil {
		return err
	}
	if has(l.of(h.Run), h) {
		return nil
	}
	leaf, err := canonical(h)
	if err != nil {
		return err
	}
	if len(leaf) > maxEntry {
		return fmt.Errorf("estate's log: head of %d bytes is longer than the %d that a log entry may have", len(leaf), maxEntry)
	}
	old := l.tree.leaves
	if err := l.add(leaf); err != nil {
		return err
	}
	return l.tree.publish(in, ".", estateOrigin, old, l.all(), e.signer)
}

// has reports whether h is the last of a run's heads.
func has(heads []Head, h Head) bool {
	if len(heads) == 0 {
		return false
	}
	last := heads[len(heads)-1]
	return last.Size == h.Size && last.Root == h.Root && last.Key == h.Key
}

// read is load for who writes nothing. It waits for a writer to end, for that one
// clears away what its new checkpoint has outgrown.
func (e *Estate) read() (*estateLog, error) {
	in, err := openFolder(e.dir)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if f, err := in.Open(lockName); err == nil { // none was made before the first head
		defer f.Close()
		if err := lockWithin(f, syscall.LOCK_SH, addPatience); err != nil {
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
	return e.load(in)
}

// estateLog is the estate's log as it was read.
type estateLog struct {
	tree   tree
	leaves [][]byte
	heads  []Head
	root   string
}

func (l *estateLog) head() string { return fmt.Sprintf("%d:%s", l.tree.leaves, l.root) }

// of are a run's heads, oldest first.
func (l *estateLog) of(run keyrotor.RunID) []Head {
	var heads []Head
	for _, h := range l.heads {
		if h.Run == run {
			heads = append(heads, h)
		}
	}
	return heads
}

func (l *estateLog) known(run keyrotor.RunID) int64 {
	if heads := l.of(run); len(heads) > 0 {
		return heads[len(heads)-1].Size
	}
	return 0
}

func (l *estateLog) add(leaf []byte) error {
	var h Head
	if err := json.Unmarshal(leaf, &h); err != nil {
		return fmt.Errorf("entry %d: %w", len(l.leaves), err)
	}
	l.leaves, l.heads = append(l.leaves, leaf), append(l.heads, h)
	return l.tree.add(leaf)
}

func (l *estateLog) all() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, leaf := range l.leaves {
			if !yield(leaf, nil) {
				return
			}
		}
	}
}

// load reads all entries and checks them against the checkpoint's root, and the
// checkpoint against the keys that are believed: a log that was damaged, or that
// somebody else wrote, is neither built on nor signed over.
func (e *Estate) load(in folder) (*estateLog, error) {
	l, err := e.entries(in)
	if err == nil {
		return l, nil
	}
	var refusal *keyrotor.Refusal
	if errors.As(err, &refusal) {
		return nil, err
	}
	return nil, &keyrotor.Problem{
		Err:  fmt.Errorf("estate's log: %w", err),
		Now:  "nothing was added to the estate's log; what runs hold is in their own logs",
		Next: "keyrotor evidence verify STATE",
	}
}

func (e *Estate) entries(in folder) (*estateLog, error) {
	sealed, err := readSeal(in, ".")
	if err != nil {
		return nil, err
	}
	l := &estateLog{}
	if sealed.size == 0 {
		return l, errors.Join(noTiles(in), e.neverBegun())
	}
	if sealed.signer(estateOrigin, e.signer.Believed()) == "" {
		return nil, &keyrotor.Refusal{
			What: "the estate's log " + e.dir + " was last signed with a key that is not known here",
			Now:  "nothing was added to the estate's log",
			Next: "if it was a colleague or another machine of yours, add its key to the file that ledger_keys names in the configuration; there this prints it:\nkeyrotor evidence key\nif not:\nkeyrotor evidence verify STATE",
		}
	}
	for n := int64(0); n*tileWidth < sealed.size; n++ {
		width := min(tileWidth, sealed.size-n*tileWidth)
		if err := l.addBundle(in, tlog.Tile{H: tileHeight, L: -1, N: n, W: int(width)}); err != nil {
			return nil, err
		}
	}
	if l.root, err = l.tree.rootAt(sealed.size); err != nil {
		return nil, err
	}
	if l.root != sealed.root {
		return nil, errors.New("its entries do not fit its checkpoint")
	}
	return l, nil
}

// noTiles refuses to begin anew where a log was: full tiles outlive every
// interrupted first write, so a checkpoint is missing.
func noTiles(in folder) error {
	if _, err := in.Stat(tileDir + "/" + entriesDir + "/000"); !errors.Is(err, fs.ErrNotExist) {
		return errors.New("it has entries and no checkpoint")
	}
	return nil
}

// neverBegun refuses to begin a log anew where one was: a seal names the head that
// it saw.
func (e *Estate) neverBegun() error {
	runs := filepath.Join(filepath.Dir(e.dir), "runs")
	entries, err := os.ReadDir(runs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("whether it ever began: %w", err)
	}
	for _, dir := range entries {
		log := Sealed{Journal: Journal(filepath.Join(runs, dir.Name())), Run: keyrotor.RunID(dir.Name()), Believed: e.signer.Believed()}
		begun := errors.New("it is not there, and " + dir.Name() + " was sealed beside one")
		err := log.Entries(func(entry Entry) error {
			if size, _, ok := parseHead(entry.Head); entry.Type == TypeSeal && ok && size > 0 {
				return begun
			}
			return nil
		})
		if errors.Is(err, begun) {
			return begun // what cannot be read is no witness
		}
	}
	return nil
}

// covers reports whether the log has grown out of the one that had this head.
func (l *estateLog) covers(head string) (bool, error) {
	size, root, ok := parseHead(head)
	if head == "" || ok && size == 0 {
		return true, nil
	}
	if !ok || int64(size) > l.tree.leaves {
		return false, nil
	}
	now, err := l.tree.rootAt(int64(size))
	return now == root, err
}

func (l *estateLog) addBundle(in folder, bundle tlog.Tile) error {
	name := tilePath(bundle)
	data, err := in.ReadFile(name)
	if err != nil {
		return err
	}
	for range bundle.W {
		if len(data) < 2 {
			return fmt.Errorf("%s: ends early", name)
		}
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n {
			return fmt.Errorf("%s: ends early", name)
		}
		if err := l.add(data[2 : 2+n]); err != nil {
			return err
		}
		data = data[2+n:]
	}
	return nil
}
