package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

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
	// Everything that the new tree needs is written, not only what is new: a
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

// Vouched is how many entries, counted from the first, stand under a checkpoint
// that the signer's key made and that fits them; 0 where there is none. What comes
// after may have been written by anybody who can write the folder.
func (r *Run) Vouched(s Signer) (int64, error) {
	dir := filepath.Join(r.dir, logDir)
	size, root, err := readCheckpoint(dir)
	if err != nil || size == 0 {
		return 0, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, checkpointName))
	if err != nil {
		return 0, err
	}
	verifier, err := note.NewVerifier(s.VerifierKey())
	if err != nil {
		return 0, err
	}
	signed, err := note.Open(raw, note.VerifierList(verifier))
	if err != nil || signed.Text != fmt.Sprintf("%s\n%d\n%s\n", runOrigin(r.id), size, root) {
		return 0, nil
	}
	t := newTree()
	r.writing.Lock()
	defer r.writing.Unlock()
	chain := ""
	err = r.entriesUpTo(r.size, func(e Entry) error {
		if t.size() == size {
			return nil
		}
		leaf, c, err := e.encode(t.size(), chain)
		chain = c
		return errors.Join(err, t.add(leaf))
	})
	if err != nil || t.size() != size {
		return 0, err
	}
	got, err := t.root()
	if err != nil || base64.StdEncoding.EncodeToString(got[:]) != root {
		return 0, err
	}
	return size, nil
}
