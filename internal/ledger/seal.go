package ledger

import (
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
		batch = append(batch, &waiting{entry: Entry{Type: TypeSeal, At: r.now(), Text: s.VerifierKey(), Head: r.beside}})
		if err := r.write(batch); err != nil {
			return Head{}, err
		}
	}
	head, err := r.publish(s)
	r.failed = err != nil
	if err == nil && len(altered) > 0 {
		err = &Altered{Run: r.id, Files: altered}
	}
	return head, err
}

// Beside tells the head of the estate's log, which the next seal names: a witness of
// that log, as an approval is.
func (r *Run) Beside(head string) {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.beside = head
}

// publish puts the tree of all durable entries in place.
func (r *Run) publish(s Signer) (Head, error) {
	if _, _, err := r.vouched(s); err != nil {
		return Head{}, err // a seal builds on the one before
	}
	root, err := r.tree.rootAt(r.next)
	if err != nil {
		return Head{}, err
	}
	head := Head{Schema: keyrotor.SchemaRunHead, Version: keyrotor.SchemaVersion, Run: r.id, Key: s.VerifierKey(), Size: r.next, Root: root}
	err = r.entriesUpTo(r.size, func(e Entry) error {
		head.At = e.At
		return nil
	})
	if err != nil {
		return Head{}, err
	}
	// Everything that the new tree needs is looked at, not only what is new: a
	// file lost or damaged since is mended from the journal.
	return head, r.tree.publish(r.in, logDir, runOrigin(r.id), 0, linesOf(r.file, r.size), s)
}
