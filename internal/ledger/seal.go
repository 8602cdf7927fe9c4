package ledger

import (
	"encoding/base64"
	"errors"
	"path/filepath"

	"github.com/keyrotor/keyrotor"
)

// Seal puts the run so far under a signed checkpoint: what was appended and
// recorded becomes a tree, and the tree is signed. Add the head that it returns
// to the estate's log. Sealing again when nothing is new returns the same head.
//
// The files of the run are sealed under the digests that Record was given, never
// under what they happen to hold now; for those that hold something else Altered
// comes back beside the head, and Verify will say so of them from here on. A file
// whose writing a crash cut off is recorded as what it is: the one before. Files
// in found, which nobody recorded, are recorded as they are, with a word.
func (r *Run) Seal(s Signer, found []string) (Head, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.flush()
	rec, err := r.replay()
	if err != nil {
		return Head{}, err
	}
	batch, altered, err := r.settle(rec)
	if err != nil {
		return Head{}, err
	}
	more, err := r.adopt(rec, found)
	if err != nil {
		return Head{}, err
	}
	batch = append(batch, more...)
	if len(batch) > 0 || !rec.closed(s.VerifierKey()) {
		batch = append(batch, &waiting{entry: Entry{Type: TypeSeal, At: r.now(), Text: s.VerifierKey()}})
		if err := r.write(batch); err != nil {
			return Head{}, err
		}
	}
	head, err := r.publish(s)
	if err == nil && len(altered) > 0 {
		err = &Altered{Run: r.id, Files: altered}
	}
	return head, err
}

// publish builds the tree of all durable entries and puts it in place.
func (r *Run) publish(s Signer) (Head, error) {
	dir := filepath.Join(r.dir, logDir)
	old, oldRoot, err := readCheckpoint(dir)
	if err != nil {
		return Head{}, err
	}
	t := newTree()
	head := Head{Schema: keyrotor.SchemaRunHead, Version: keyrotor.SchemaVersion, Run: r.id, Key: s.VerifierKey()}
	chain := ""
	err = r.entriesUpTo(r.size, func(e Entry) error {
		leaf, c, err := e.encode(t.size(), chain)
		if err != nil {
			return err
		}
		chain = c
		head.At = e.At
		if err := t.add(leaf); err != nil {
			return err
		}
		return r.extends(t, old, oldRoot)
	})
	if err != nil {
		return Head{}, err
	}
	root, err := t.root()
	if err != nil {
		return Head{}, err
	}
	head.Size, head.Root = t.size(), base64.StdEncoding.EncodeToString(root[:])
	// Everything that the new tree needs is looked at, not only what is new: a
	// file lost or damaged since is mended from the journal.
	return head, t.publish(dir, runOrigin(r.id), 0, s)
}

// extends refuses to sign a history other than the one signed before.
func (r *Run) extends(t *tree, old int64, oldRoot string) error {
	if t.size() != old {
		return nil
	}
	root, err := t.root()
	if err != nil {
		return err
	}
	if base64.StdEncoding.EncodeToString(root[:]) == oldRoot {
		return nil
	}
	return &keyrotor.Problem{
		Err:  errors.New("seal: the journal is not the one that was sealed before"),
		Now:  "the record of this run is damaged; nothing was signed",
		Next: "keyrotor evidence verify " + r.dir,
	}
}
