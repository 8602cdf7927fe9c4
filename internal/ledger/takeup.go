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
// make it ours. So is one that is not what the estate's log knows of it, and one
// whose seal names more of the estate's log than there is: one of the two was put
// back as it was earlier, or exchanged.
func (r *Run) TakeUp(s Signer, e *Estate) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	sealed, key, err := r.vouched(s)
	if err != nil {
		return err
	}
	head, beside, err := r.headOf(sealed, key)
	if err != nil {
		return err
	}
	l, err := e.read()
	if err != nil {
		return err
	}
	if err := r.fitsEstate(l, sealed, beside); err != nil {
		return err
	}
	r.beside = l.head()
	if sealed.size > l.known(r.id) && key == s.VerifierKey() {
		if err := e.Add(head); err != nil { // its seal was interrupted before that
			return err
		}
	}
	if n := r.next - sealed.size; n > 0 {
		if err := r.write([]*waiting{{entry: Entry{Type: TypeFound, At: r.now(), Found: n}}}); err != nil {
			return err
		}
		r.in.removeTemps()
		return r.recordInterrupted()
	}
	r.in.removeTemps()
	return nil
}

// fitsEstate holds the run and the estate's log against each other.
func (r *Run) fitsEstate(l *estateLog, sealed seal, beside string) error {
	refusal := &keyrotor.Refusal{
		Now:  "nothing was changed by this command",
		Next: "keyrotor evidence verify STATE   says what is missing\nthen restore what was changed as it was last, or begin anew with another --state",
	}
	if heads := l.of(r.id); len(heads) > 0 {
		last := heads[len(heads)-1]
		root := ""
		if last.Size <= sealed.size {
			var err error
			if root, err = r.tree.rootAt(last.Size); err != nil {
				return err
			}
		}
		switch {
		case last.Size > sealed.size:
			refusal.What = "the record of run " + string(r.id) + " was cut back"
			refusal.Why = []string{fmt.Sprintf("the estate's log knows of %d sealed entries, here are %d", last.Size, sealed.size)}
			return refusal
		case root != last.Root:
			refusal.What = "the record of run " + string(r.id) + " is not the one that the estate's log knows"
			refusal.Why = []string{fmt.Sprintf("its first %d entries are others", last.Size)}
			return refusal
		}
	}
	if covers, err := l.covers(beside); err != nil || covers {
		return err
	}
	refusal.What = "the estate's log was cut back or exchanged"
	refusal.Why = []string{"run " + string(r.id) + " was sealed when it was " + beside + ", and now it is " + l.head()}
	return refusal
}

// headOf is the head of a seal, and the head of the estate's log that it names.
func (r *Run) headOf(sealed seal, key string) (h Head, beside string, err error) {
	h = Head{Schema: keyrotor.SchemaRunHead, Version: keyrotor.SchemaVersion, Run: r.id, Key: key, Size: sealed.size, Root: sealed.root}
	err = r.entriesUpTo(r.size, func(e Entry) error {
		if e.Seq == sealed.size-1 {
			h.At, beside = e.At, e.Head
		}
		return nil
	})
	return h, beside, err
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
	named, err := sealer(func(fn func(Entry) error) error { return r.entriesUpTo(r.size, fn) }, size)
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
	return notOurs(r.id, named)
}

// sealer is the key that the seal at the end of so many entries names.
func sealer(entries func(func(Entry) error) error, size int64) (key string, err error) {
	err = entries(func(e Entry) error {
		if e.Seq == size-1 && e.Type == TypeSeal {
			key = e.Text
		}
		return nil
	})
	return key, err
}

// notOurs refuses a run under the seal of a key that nobody here believes.
func notOurs(run keyrotor.RunID, key string) error {
	return &keyrotor.Refusal{
		What: "run " + string(run) + " was last sealed with a key that is not known here",
		Why:  []string{cmp.Or(key, "its seal names no key")},
		Now:  "nothing was changed by this command",
		Next: "if it is the key of a colleague or of another machine of yours, add it to the file that ledger_keys names in the configuration; there this prints it:\nkeyrotor evidence key\nif not, restore the run's folder from a copy, or begin a new run:\nkeyrotor scan",
	}
}
