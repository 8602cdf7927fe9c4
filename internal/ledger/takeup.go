package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// TakeUp is the first thing that a writer does with a run. What stands behind the
// last seal was left by a killed process, or put there by anybody who can write the
// folder: before it is sealed together with what comes now, an entry says that it
// was found. And files whose writing a crash cut off are recorded as what they are,
// the ones before: a second crash must not make them look like nothing that was
// ever recorded.
//
// A run whose last seal is by nobody whom the signer believes is refused with
// *keyrotor.Refusal: it is another's, or a forgery, and to seal it once more would
// make it ours. Known is how many entries the estate's log knows of, 0 for none: a
// run that is sealed less far was cut back, and is refused as well.
func (r *Run) TakeUp(s Signer, known int64) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	sealed, _, err := r.vouched(s)
	if err != nil {
		return err
	}
	if known > sealed.size {
		return &keyrotor.Refusal{
			What: "the record of run " + string(r.id) + " was cut back",
			Why:  []string{fmt.Sprintf("the estate's log knows of %d sealed entries, here are %d", known, sealed.size)},
			Now:  "nothing was changed by this command",
			Next: "keyrotor evidence verify STATE   says what is missing\nthen restore the run's folder as it was last, or begin a new run:\nkeyrotor scan",
		}
	}
	if n := r.next - sealed.size; n > 0 {
		if err := r.write([]*waiting{{entry: Entry{Type: TypeFound, At: r.now(), Found: n}}}); err != nil {
			return err
		}
		return r.recordInterrupted()
	}
	return nil
}

func (r *Run) recordInterrupted() error {
	rec, err := r.replay()
	if err != nil {
		return err
	}
	var batch []*waiting
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

// SealedHead is the head of the last seal by a key that is believed; false when
// there is none. A seal that was interrupted before its head was added to the
// estate's log is ended by adding it.
func (r *Run) SealedHead(s Signer) (Head, bool, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	sealed, key, err := r.vouched(s)
	if err != nil || sealed.size == 0 {
		return Head{}, false, err
	}
	h := Head{Schema: keyrotor.SchemaRunHead, Version: keyrotor.SchemaVersion, Run: r.id, Key: key, Size: sealed.size, Root: sealed.root}
	err = r.entriesUpTo(r.size, func(e Entry) error {
		if e.Seq == sealed.size-1 {
			h.At = e.At
		}
		return nil
	})
	return h, err == nil, err
}

// vouched is the seal that the run stands under, of size 0 where there is none, and
// the key that made it. The caller holds writing.
func (r *Run) vouched(s Signer) (sealed seal, key string, err error) {
	sealed, err = readSeal(r.in, logDir)
	if err != nil || sealed.size == 0 {
		return seal{}, "", err
	}
	root, err := r.tree.rootAt(sealed.size)
	if err != nil {
		return seal{}, "", err
	}
	if root != sealed.root {
		return seal{}, "", r.otherThanSealed()
	}
	if key = sealed.signer(runOrigin(r.id), s.Believed()); key == "" {
		return seal{}, "", r.stranger(sealed.size, s.Believed())
	}
	return sealed, key, nil
}

// otherThanSealed refuses to build on, or sign, a history other than the one that
// was signed before.
func (r *Run) otherThanSealed() error {
	return &keyrotor.Problem{
		Err:  fmt.Errorf("run %s: the journal is not the one that was sealed", r.id),
		Now:  "the record of this run is damaged; nothing was signed, and nothing changed by this command",
		Next: "keyrotor evidence verify STATE",
	}
}

// stranger refuses a run that somebody else sealed, and names the key that the seal
// itself names.
func (r *Run) stranger(size int64, believed []string) error {
	named := ""
	err := r.entriesUpTo(r.size, func(e Entry) error {
		if e.Seq == size-1 && e.Type == TypeSeal {
			named = e.Text
		}
		return nil
	})
	if err != nil {
		return err
	}
	if slices.Contains(believed, named) {
		return &keyrotor.Refusal{
			What: "the checkpoint of run " + string(r.id) + " is not one of this run",
			Why:  []string{"it is a copy of another run's, or forged"},
			Now:  "nothing was changed by this command",
			Next: "keyrotor evidence verify STATE   says what is wrong\nthen restore the run's folder from a copy, or begin a new run:\nkeyrotor scan",
		}
	}
	return &keyrotor.Refusal{
		What: "run " + string(r.id) + " was last sealed with a key that is not known here",
		Why:  []string{cmp.Or(named, "its seal names no key")},
		Now:  "nothing was changed by this command",
		Next: "if it is the key of a colleague or of another machine of yours, add it to the file that ledger_keys names in the configuration; there this prints it:\nkeyrotor evidence key\nif not, restore the run's folder from a copy, or begin a new run:\nkeyrotor scan",
	}
}
