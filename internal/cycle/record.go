package cycle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// Record is a run open for its one writer: its files, and its log, which learns
// of every file before the file is in place. It is the only way to write a run,
// so that what is not in the log was not written by us.
type Record struct {
	Folder
	Log *ledger.Run
	// Signer seals; Estate is the folder of the estate's log.
	Signer ledger.Signer
	Estate string
}

// Open takes up the run whose folder is dir, as its one writer; another one is
// refused with *keyrotor.Refusal, and so is a run that somebody sealed whom the
// signer does not believe. Close it.
func Open(f Folder, dir string, signer ledger.Signer, estate string, now func() time.Time) (*Record, error) {
	log, err := ledger.OpenRun(dir, f.ID(), now)
	if err != nil {
		return nil, err
	}
	r := &Record{Folder: f, Log: log, Signer: signer, Estate: estate}
	if err := r.takeUp(); err != nil {
		return nil, errors.Join(fmt.Errorf("take up run %s: %w", f.ID(), err), log.Close())
	}
	return r, nil
}

func (r *Record) takeUp() error {
	estate, err := ledger.OpenEstate(r.Estate, r.Signer)
	if err != nil {
		return err
	}
	return r.Log.TakeUp(r.Signer, estate)
}

// Close gives the run free for another writer.
func (r *Record) Close() error { return r.Log.Close() }

// Write replaces a file, whole or not at all, and records its digest between the
// last byte and the rename.
func (r *Record) Write(name string, fill func(io.Writer) error) error {
	recorded := false
	err := r.Folder.Write(name, func(w io.Writer) error {
		sum := sha256.New()
		if err := fill(io.MultiWriter(w, sum)); err != nil {
			return err
		}
		recorded = true
		return r.Log.Record(name, keyrotor.Digest("sha256:"+hex.EncodeToString(sum.Sum(nil))))
	})
	if !recorded {
		return err
	}
	return errors.Join(err, r.Log.Placed(name, err == nil))
}

// Whole refuses to build on files that are not what keyrotor wrote: on any of the
// run's, or on those that are named.
func (r *Record) Whole(names ...string) error {
	err := r.Log.Check(names...)
	var altered *ledger.Altered
	if !errors.As(err, &altered) {
		return err
	}
	if len(names) > 0 && !slices.ContainsFunc(altered.Files, func(f string) bool { return slices.Contains(names, f) }) {
		return nil
	}
	return r.changed(altered)
}

func (r *Record) changed(altered *ledger.Altered) error {
	if len(altered.Left) == len(altered.Files) {
		return &keyrotor.Refusal{
			What: "nobody vouches for files of run " + string(r.ID()),
			Why: append(slices.Clone(altered.Left),
				"the command that wrote them was killed, or its disk was full, before it sealed them; anybody who can write the folder could have put them there"),
			Now:  "nothing was changed by this command",
			Next: "keyrotor scan   begins a new run",
		}
	}
	return &keyrotor.Refusal{
		What: "files of run " + string(r.ID()) + " were changed since keyrotor wrote them",
		Why:  altered.Files,
		Now:  "nothing was changed by this command",
		Next: "keyrotor evidence verify STATE   says what was changed where\nthen restore the files, or begin a new run:\nkeyrotor scan",
	}
}

// Unaltered refuses to read files that are not what keyrotor wrote. Less than Whole, it
// lets pass what a killed turn left.
func (r *Record) Unaltered(names ...string) error {
	var altered *ledger.Altered
	if err := r.Log.Check(); !errors.As(err, &altered) {
		return err
	}
	if !slices.ContainsFunc(altered.Files, func(f string) bool { return slices.Contains(names, f) }) {
		return nil
	}
	return r.changed(altered)
}

// Seal signs the run's log and puts the run's head into the estate's log. It may
// be called after every stage: each seal adds to the logs and takes nothing back.
// Approvals that were brought from elsewhere are taken in as found.
func (r *Record) Seal() error {
	found, err := r.List()
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(name string) bool { return !strings.HasPrefix(name, DirApprovals+"/") })
	estate, err := ledger.OpenEstate(r.Estate, r.Signer)
	if err != nil {
		return err
	}
	beside, err := estate.Head()
	if err != nil {
		return err
	}
	r.Log.Beside(beside)
	head, err := r.Log.Seal(r.Signer, found)
	var altered *ledger.Altered
	if err != nil && !errors.As(err, &altered) {
		return fmt.Errorf("seal run %s: %w", r.ID(), err)
	}
	if err := estate.Add(head); err != nil {
		return fmt.Errorf("put run %s into the estate's log: %w", r.ID(), err)
	}
	if altered == nil {
		return nil
	}
	return &keyrotor.Problem{
		Err:  altered,
		Now:  "what was done is in the run's log, which is sealed with the digests that keyrotor wrote, not with what is there now",
		Next: "keyrotor evidence verify STATE   says what was changed where\nthen restore the files from a copy",
	}
}
