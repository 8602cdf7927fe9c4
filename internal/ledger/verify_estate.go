package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/keyrotor/keyrotor"
)

const estateDir = "ledger"

// checkEstate reads the estate's log and its heads.
func (v *verifier) checkEstate() error {
	name := path.Join(estateDir, "checkpoint")
	l := logCheck{dir: estateDir}
	faults := len(v.report.Faults)
	cp, err := v.checkCheckpoint(estateDir, estateOrigin)
	if err != nil {
		return err
	}
	if cp == nil {
		v.estateLost = len(v.report.Faults) > faults
		return nil
	}
	l.cp = cp
	if l.leaves, err = v.bundleLeaves(estateDir, cp.size); err != nil {
		return err
	}
	if l.fits = v.gives(l.leaves, cp); l.fits {
		v.report.Head = fmt.Sprintf("%d:%s", cp.size, strings.Split(string(cp.raw), "\n")[2])
	} else if err := v.estateMisfit(l, name); err != nil {
		return err
	}
	v.estate = l
	v.readHeads(l)
	if l.fits && len(v.heads) == cp.size {
		last := v.heads[cp.size-1].Key
		if err := cp.signedBy(v.allowedKeys(last)); err != nil {
			v.fault(name, 0, "%v", err)
		}
	}
	return v.estateStrangers()
}

// estateMisfit says where entries and root part.
func (v *verifier) estateMisfit(l logCheck, name string) error {
	i, err := v.locate(l)
	if err != nil {
		return err
	}
	if i >= 0 {
		v.fault(bundleOf(estateDir, i, l.cp.size), 0, "entry %d (a run's head) is not the one whose hash was sealed", i)
	}
	for first := 0; first < l.cp.size; first += 256 {
		bundle := bundleOf(estateDir, first, l.cp.size)
		if _, found, err := v.read(bundle); err != nil {
			return err
		} else if !found {
			v.fault(bundle, 0, "file is missing")
			break // the checkpoint may claim any size
		}
	}
	v.fault(name, 0, "the entries do not give the root that was signed")
	return nil
}

func (v *verifier) readHeads(l logCheck) {
	for i, leaf := range l.leaves {
		var h Head
		if err := json.Unmarshal(leaf, &h); err != nil || h.Schema != "keyrotor.run-head" || h.Version != 1 {
			v.fault(bundleOf(estateDir, i, l.cp.size), 0, "entry %d is not a run's head", i)
			continue
		}
		if h.Size < 1 {
			v.fault(bundleOf(estateDir, i, l.cp.size), 0, "entry %d: a run of %d entries has no head", i, h.Size)
			continue
		}
		if len(v.keys) > 0 && !slices.Contains(v.keys, h.Key) {
			v.fault(bundleOf(estateDir, i, l.cp.size), 0, "entry %d: run %s was sealed by %s, which is not among the keys given", i, h.Run, h.Key)
		}
		v.heads = append(v.heads, h)
	}
}

// estateTiles holds the tiles of the estate's log against its entries, or, where
// it has no checkpoint, against the one head that a first seal may have left.
func (v *verifier) estateTiles() error {
	if v.estate.cp == nil {
		tiles := slices.DeleteFunc(v.mustFiles(path.Join(estateDir, "tile")), isTemp)
		if v.estateLost || len(tiles) == 0 {
			return nil
		}
		if next := v.headAhead(0); next == nil || !v.neverKnown() {
			v.fault(path.Join(estateDir, "checkpoint"), 0, "file is missing")
		} else {
			v.notice("%s: its first seal was interrupted before its checkpoint", estateDir)
		}
		return nil
	}
	if !v.estate.fits {
		return nil // said already
	}
	l := v.estate
	if next := v.headAhead(l.cp.size); next != nil {
		l.ahead = append(slices.Clone(l.leaves), next)
	}
	return v.tiles(l)
}

// headAhead is the head that an interrupted seal was about to add to a log of this
// size, nil where there is none: the newest entry of the next bundle, if it is the
// head of a run as it stands here.
func (v *verifier) headAhead(size int) []byte {
	first := size / 256 * 256
	data, found, err := v.read(path.Join(estateDir, tileName("entries", first/256, size-first+1)))
	if err != nil || !found {
		return nil
	}
	f := tileFile{level: -1, data: data}
	before := len(f.beginning(size - first))
	if before+2 > len(data) {
		return nil
	}
	leaf := data[before+2:]
	var h Head
	if err := json.Unmarshal(leaf, &h); err != nil {
		return nil
	}
	r := v.runs[h.Run]
	if r == nil || r.log.cp == nil || !r.log.fits || int64(r.log.cp.size) != h.Size || !sameHash(r.log.cp.root, h.Root) {
		return nil
	}
	return leaf
}

// neverKnown reports whether no seal names a head of the estate's log: it was empty
// then, and what is sealed here was interrupted before its first head was added.
func (v *verifier) neverKnown() bool {
	for _, r := range v.runs {
		found := r.marks()
		for i, e := range r.entries {
			if size, _, ok := parseHead(e.Head); e.Type == TypeSeal && i < r.sealed && !found.has(e.Seq) && ok && size > 0 {
				return false
			}
		}
	}
	return true
}

// ahead reports whether a run was sealed further than the estate's log knows, and its
// seals are whole: they were interrupted before their heads were added, or failed.
func (r *runCheck) ahead(from int64) bool {
	to := int64(r.log.cp.size)
	return r.log.fits && from >= 0 && from < to && to <= int64(len(r.entries)) && r.entries[to-1].Type == TypeSeal
}

// sealsIn counts the seals among the entries from one up to another. A seal that
// the next writer found without its checkpoint was interrupted, and is none.
func (r *runCheck) sealsIn(from, to int64) int {
	n, found := 0, r.marks()
	for _, e := range r.entries[from:to] {
		if e.Type == TypeSeal && !found.has(e.Seq) {
			n++
		}
	}
	return n
}

// marks are those of the run's entries.
func (r *runCheck) marks() marks {
	covered := int64(0)
	if r.log.cp != nil && r.log.fits {
		covered = int64(r.log.cp.size)
	}
	return marksOf(r.entries, covered)
}

// joinHeads holds every head against its run and every sealed run against its
// last head.
func (v *verifier) joinHeads() error {
	last := map[keyrotor.RunID]Head{}
	missing := map[keyrotor.RunID]bool{}
	for _, h := range v.heads {
		last[h.Run] = h
		r := v.runs[h.Run]
		if r == nil {
			if !missing[h.Run] {
				v.fault(path.Join("runs", string(h.Run)), 0, "the run is missing: the estate's log has its head")
				missing[h.Run] = true
			}
			continue
		}
		v.holdHead(h, r)
	}
	for _, id := range slices.Sorted(sortedIDs(v.runs)) {
		r := v.runs[id]
		if err := v.witnesses(r); err != nil {
			return err
		}
		name := path.Join(r.log.dir, "checkpoint")
		h, known := last[id]
		switch {
		case r.log.cp == nil && known:
			if !v.hasFault(name) {
				v.fault(name, 0, "file is missing: the estate's log has the run's head")
			}
		case r.log.cp != nil && !known && v.estate.cp == nil && v.neverKnown():
			v.notice("%s: its first seal is not in the estate's log: it was interrupted, or there was never more here", r.dir)
		case r.log.cp != nil && !known && v.estate.cp == nil && !v.hasFault(path.Join(estateDir, "checkpoint")):
			v.fault(path.Join(estateDir, "checkpoint"), 0, "file is missing: run %s was sealed", id)
		case r.log.cp != nil && int64(r.log.cp.size) != h.Size && r.ahead(h.Size) && (known || v.estate.cp != nil):
			v.notice("%s: its last seal is not in the estate's log: it was interrupted, and the next scan adds it, or the run is not of this estate", r.dir)
		case r.log.cp != nil && (!known || int64(r.log.cp.size) != h.Size):
			v.fault(name, 0, "it covers %d entries, the estate's log knows of %d: a seal was interrupted, or one of the two logs was cut back", r.log.cp.size, h.Size)
		}
	}
	return nil
}

// holdHead checks one head against the entries that it covers.
func (v *verifier) holdHead(h Head, r *runCheck) {
	name := path.Join(r.log.dir, "journal.jsonl")
	if r.log.cp != nil && !r.log.fits {
		return // said already
	}
	leaves := r.log.leaves
	if h.Size < 1 || h.Size > int64(len(leaves)) {
		if !v.hasFault(name) && r.log.cp != nil {
			v.fault(name, len(leaves)+1, "the estate's log knows of %d sealed entries, here are %d: the end was cut off", h.Size, len(leaves))
		}
		return
	}
	if !sameHash(merkleRoot(hashLeaves(leaves[:h.Size])), h.Root) {
		v.fault(name, 0, "its first %d entries are not those that the estate's log knows: the run was rewritten", h.Size)
	}
}

// witnesses holds the estate's log against what approvers saw of it when they signed,
// whose signatures the ledger's key cannot forge, and against what each seal names.
// What no seal of a writer covers bears no witness.
func (v *verifier) witnesses(r *runCheck) error {
	found := r.marks()
	for i, e := range r.entries {
		if found.has(e.Seq) || i >= r.sealed {
			continue
		}
		journal := path.Join(r.log.dir, "journal.jsonl")
		switch {
		case e.Type == TypeApproval && e.Approval != nil:
			v.witness(journal, i+1, strconv.Quote(e.Approval.Principal)+" signed", e.Approval.Statement.LedgerHead)
		case e.Type == TypeSeal:
			v.witness(journal, i+1, "this seal was made", e.Head)
		}
	}
	files := r.recordedArtifacts()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := path.Join(r.dir, name)
		if !within(name, "approvals") || files[name].last == "" || !fs.ValidPath(name) || v.hasFault(file) {
			continue
		}
		data, there, err := v.read(file)
		if err != nil {
			return err
		}
		var a keyrotor.Approval
		if there && digestOf(data) == files[name].last && json.Unmarshal(data, &a) == nil {
			v.witness(file, 0, strconv.Quote(a.Principal)+" signed", a.Statement.LedgerHead)
		}
	}
	return nil
}

func digestOf(data []byte) keyrotor.Digest {
	return keyrotor.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256(data)))
}

// witness holds the estate's log against the head that an approval or a seal carries.
func (v *verifier) witness(file string, line int, what, head string) {
	size, root, ok := parseHead(head)
	if ok && size == 0 || head == "" {
		return
	}
	switch {
	case !ok:
		v.fault(file, line, "%s beside a ledger head that cannot be read: %q", what, head)
	case size > len(v.estate.leaves):
		v.fault(file, line, "%s when the estate's log had %d entries, here are %d: its end was cut off", what, size, len(v.estate.leaves))
	case !sameHash(merkleRoot(hashLeaves(v.estate.leaves[:size])), root):
		v.fault(file, line, "%s when the estate's log had %d entries, and the first %d are others now: it was rewritten", what, size, size)
	}
}

// parseHead reads "size:root".
func parseHead(head string) (size int, root string, ok bool) {
	number, root, ok := strings.Cut(head, ":")
	size, err := strconv.Atoi(number)
	return size, root, ok && err == nil && size >= 0 && strconv.Itoa(size) == number
}

func (v *verifier) hasFault(file string) bool {
	return slices.ContainsFunc(v.report.Faults, func(f Fault) bool { return f.File == file })
}

func sortedIDs(runs map[keyrotor.RunID]*runCheck) func(func(keyrotor.RunID) bool) {
	return func(yield func(keyrotor.RunID) bool) {
		for id := range runs {
			if !yield(id) {
				return
			}
		}
	}
}

// mustFiles is files for when only their presence matters.
func (v *verifier) mustFiles(dir string) []string {
	names, err := v.files(dir)
	if err != nil {
		return nil
	}
	return names
}

func (v *verifier) estateStrangers() error {
	names, err := v.files(estateDir)
	if err != nil {
		return err
	}
	for _, n := range names {
		switch {
		case n == "checkpoint" || n == "lock" || within(n, "tile"):
		case isTemp(n):
			v.notice("%s: left by an interrupted write", path.Join(estateDir, n))
		default:
			v.notice("%s: not part of the estate's log", path.Join(estateDir, n))
		}
	}
	return nil
}
