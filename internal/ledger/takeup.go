package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/keyrotor/keyrotor"
)

// TakeUp is the first thing that a writer does with a run. What stands behind the
// last seal by the writer's own key was left by a killed process, or put there by
// anybody who can write the folder: before it is sealed together with what comes
// now, an entry says that it was found. And files whose writing a crash cut off
// are recorded as what they are, the ones before: a second crash must not make
// them look like nothing that was ever recorded.
func (r *Run) TakeUp(s Signer) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	vouched, err := r.vouched(s)
	if err != nil {
		return err
	}
	if vouched == r.next {
		return nil
	}
	other, sealed, err := r.sealedByOther()
	if err != nil {
		return err
	}
	sealed = max(sealed, vouched)
	var batch []*waiting
	if n := r.next - sealed; n > 0 {
		batch = append(batch, &waiting{entry: Entry{Type: TypeFound, At: r.now(), Found: n}})
	}
	if sealed > vouched {
		n := r.next + int64(len(batch)) - vouched
		batch = append(batch, &waiting{entry: Entry{Type: TypeFound, At: r.now(), Found: n, Text: other}})
	}
	if err := r.write(batch); err != nil {
		return err
	}
	rec, err := r.replay()
	if err != nil {
		return err
	}
	batch = nil
	for _, name := range slices.Sorted(maps.Keys(rec.files)) {
		_, digest, err := r.hash(name)
		if err != nil {
			return err
		}
		if f := rec.files[name]; f.stale && digest == f.digest {
			batch = append(batch, interruptedEntry(r.now(), name, digest))
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return r.write(batch)
}

// sealedByOther is how many entries stand under the checkpoint by the key that its
// own seal names, and that key. Another machine made it, or anybody with a key.
func (r *Run) sealedByOther() (key string, size int64, err error) {
	size, _, err = readCheckpoint(filepath.Join(r.dir, logDir))
	if err != nil || size == 0 {
		return "", 0, err
	}
	err = r.entriesUpTo(r.size, func(e Entry) error {
		if e.Seq == size-1 && e.Type == TypeSeal {
			key = e.Text
		}
		return nil
	})
	if err != nil || key == "" {
		return "", 0, err
	}
	size, err = r.vouchedBy(key)
	return key, size, err
}

// SealedHead is the head of the last seal by the signer's key; false when there is
// none. A seal that was interrupted before its head was added to the estate's log
// is ended by adding it.
func (r *Run) SealedHead(s Signer) (Head, bool, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	size, err := r.vouched(s)
	if err != nil || size == 0 {
		return Head{}, false, err
	}
	_, root, err := readCheckpoint(filepath.Join(r.dir, logDir))
	if err != nil {
		return Head{}, false, err
	}
	h := Head{Schema: keyrotor.SchemaRunHead, Version: keyrotor.SchemaVersion, Run: r.id, Key: s.VerifierKey(), Size: size, Root: root}
	err = r.entriesUpTo(r.size, func(e Entry) error {
		if e.Seq == size-1 {
			h.At = e.At
		}
		return nil
	})
	return h, err == nil, err
}

// vouched is how many entries, counted from the first, stand under a checkpoint
// that the signer's key made and that fits them; 0 where there is none. The caller
// holds writing.
func (r *Run) vouched(s Signer) (int64, error) { return r.vouchedBy(s.VerifierKey()) }

func (r *Run) vouchedBy(key string) (int64, error) {
	dir := filepath.Join(r.dir, logDir)
	size, root, err := readCheckpoint(dir)
	if err != nil || size == 0 {
		return 0, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, checkpointName))
	if err != nil {
		return 0, err
	}
	if !signs(key, raw, fmt.Sprintf("%s\n%d\n%s\n", runOrigin(r.id), size, root)) {
		return 0, nil
	}
	t := newTree()
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

// signs reports whether a checkpoint is by the verifier key and over this text.
func signs(key string, checkpoint []byte, text string) bool {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return false
	}
	signed, err := note.Open(checkpoint, note.VerifierList(verifier))
	return err == nil && signed.Text == text
}
