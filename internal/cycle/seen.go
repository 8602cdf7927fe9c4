package cycle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// A key that rotated and does not any more must not come to pass for one that
// never did: one scan that sees it off, or that may not look, would be enough.
// So every assessment hands on what is known, and the next one reads one file:
//
//	run 1   on       ▶ seen-on.jsonl: run 1
//	run 2   refused  ▶ seen-on.jsonl: run 1
//	run 3   off      ▶ it was on in run 1: a failure; seen-on.jsonl: run 1
//	run 4   off      ▶ the same, until it is on, or a run of ours switched it off

// SeenOn is which run saw a key's automatic rotation on last, by ARN.
type SeenOn map[string]keyrotor.RunID

// Earlier is what earlier runs know of keys, for an assessment to go by.
type Earlier struct {
	SeenOn SeenOn
	// Settings are how our own runs left keys; nil where none did. It is asked
	// only of keys that were on and are off.
	Settings func(arn string) (Setting, bool)
}

// WasOn reports whether an earlier run saw the rotation of a key on; known is
// false when none did.
func (e Earlier) WasOn(arn string) (on, known bool) {
	_, on = e.SeenOn[arn]
	return on, on
}

// SwitchedOff reports whether a run of ours, begun before the one given, switched
// a key off after it was last seen on: an undo, which somebody approved.
func (e Earlier) SwitchedOff(before keyrotor.RunID, arn string) bool {
	seen, on := e.SeenOn[arn]
	if !on || e.Settings == nil {
		return false
	}
	set, ours := e.Settings(arn)
	return ours && !set.On && set.By < before && (set.By > seen || set.At.After(begun(seen)))
}

// begun is when a run began, by its id.
func begun(id keyrotor.RunID) time.Time {
	stamp, _, _ := strings.Cut(string(id), "-")
	at, err := time.Parse("20060102T150405Z", stamp)
	if err != nil {
		return time.Time{}
	}
	return at
}

// Add takes over what an earlier run knows; runs are added newest first. whole is
// true when the run was assessed and so hands on what all runs before it knew:
// then no older one is needed. Files that the run's record does not vouch for are
// not believed; the error names them, and what else was read is kept.
func (s SeenOn) Add(a Artifacts, log Log) (whole bool, err error) {
	carried, last := SeenOn{}, keyrotor.RunID("")
	err = vouched(a, log, FileSeenOn, func(a Artifacts) error {
		return readLines(a, FileSeenOn, func(l keyrotor.SeenOnLine) error {
			if l.Run != last {
				last = l.Run // of most keys it is the same: one string for all
			}
			carried[l.ARN] = last
			return nil
		})
	})
	if err == nil {
		s.take(carried)
		return true, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // it was not assessed
	}
	seen := SeenOn{}
	ierr := vouched(a, log, FileInventory, func(a Artifacts) error {
		_, err := ReadInventory(a, func(asset keyrotor.Asset) error {
			if asset.KMS != nil && asset.KMS.Rotation != nil && asset.KMS.Rotation.On {
				seen[asset.ARN] = a.ID()
			}
			return nil
		})
		return err
	})
	if ierr == nil {
		s.take(seen)
	}
	return false, errors.Join(err, ierr)
}

// take keeps what a newer run has said already.
func (s SeenOn) take(older SeenOn) {
	for arn, run := range older {
		if _, known := s[arn]; !known {
			s[arn] = run
		}
	}
}

// vouched reads a file of a run that another process may be writing, and returns
// an error when the bytes that were read are not what the run's record says of
// them, under a seal.
func vouched(a Artifacts, log Log, name string, read func(Artifacts) error) error {
	want, err := sealedDigest(log, name)
	if err != nil {
		return err
	}
	h := &hashing{Artifacts: a, sum: sha256.New()}
	rerr := read(h)
	if errors.Is(rerr, fs.ErrNotExist) {
		return rerr
	}
	if got := keyrotor.Digest("sha256:" + hex.EncodeToString(h.sum.Sum(nil))); got != want || want == "" {
		return fmt.Errorf("run %s: its record does not vouch for %s", a.ID(), name)
	}
	return rerr
}

// sealedDigest is the digest that the log has of a file under a seal, "" for none.
func sealedDigest(log Log, name string) (keyrotor.Digest, error) {
	sealed, err := sealedDigests(log)
	return sealed[name], err
}

// sealedDigests are the digests that the log has of files under a seal. What was
// found behind a seal, and what stands behind the last one, is no word of ours.
func sealedDigests(log Log) (map[string]keyrotor.Digest, error) {
	found, err := ledger.FoundIn(log.Entries)
	if err != nil {
		return nil, err
	}
	last, sealed := map[string]keyrotor.Digest{}, map[string]keyrotor.Digest{}
	err = log.Entries(func(e ledger.Entry) error {
		switch {
		case e.Type == ledger.TypeArtifact && e.Found > 0: // a seal took it up, and vouches for nothing
			delete(last, e.Artifact)
			delete(sealed, e.Artifact)
		case e.Type == ledger.TypeArtifact && !found(e.Seq):
			last[e.Artifact] = e.Digest
			delete(sealed, e.Artifact)
		case e.Type == ledger.TypeSeal:
			maps.Copy(sealed, last)
		}
		return nil
	})
	return sealed, err
}

// hashing are the files of a run, with a digest over what is read of the one that
// is opened.
type hashing struct {
	Artifacts
	sum hash.Hash
}

func (h *hashing) Open(name string) (io.ReadCloser, error) {
	f, err := h.Artifacts.Open(name)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(f, h.sum), f}, nil
}

// handOn writes seen-on.jsonl: what earlier runs knew and this one saw.
type handOn struct {
	run    keyrotor.RunID
	before Earlier
	left   SeenOn // of keys that have not passed by yet
	lines  *lineWriter
}

func newHandOn(run keyrotor.RunID, before Earlier, w io.Writer) *handOn {
	return &handOn{run: run, before: before, left: maps.Clone(before.SeenOn), lines: newLineWriter(w)}
}

// saw takes one key of this run.
func (h *handOn) saw(a keyrotor.Asset) error {
	last, was := h.left[a.ARN]
	delete(h.left, a.ARN)
	read := a.KMS != nil && a.KMS.Rotation != nil
	switch {
	case read && a.KMS.Rotation.On:
		last = h.run
	case !was, read && h.before.SwitchedOff(h.run, a.ARN):
		return nil
	}
	return h.write(a.ARN, last)
}

// rest keeps the keys that this run could not see. Those of a place that was read
// whole are gone.
func (h *handOn) rest(places []keyrotor.Place) error {
	read := map[[2]string]bool{}
	for _, p := range places {
		read[[2]string{p.Region, p.Account}] = p.Status == keyrotor.PlaceRead
	}
	for _, arn := range slices.Sorted(maps.Keys(h.left)) {
		parts := strings.SplitN(arn, ":", 6)
		if len(parts) == 6 && read[[2]string{parts[3], parts[4]}] {
			continue
		}
		if err := h.write(arn, h.left[arn]); err != nil {
			return err
		}
	}
	return h.lines.flush()
}

func (h *handOn) write(arn string, run keyrotor.RunID) error {
	return h.lines.write(keyrotor.SeenOnLine{Schema: keyrotor.SchemaSeenOn, Version: keyrotor.SchemaVersion, ARN: arn, Run: run})
}
