package ledger

import (
	"bytes"
	"path"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// runCheck is what was read of one run.
type runCheck struct {
	id      keyrotor.RunID
	dir     string // within the root
	log     logCheck
	lines   [][]byte // whole lines of the journal
	entries []Entry  // of the same lines; zero where one cannot be read
	sealed  int      // how many entries the checkpoint covers
}

func (v *verifier) checkRun(id keyrotor.RunID, dir string) (*runCheck, error) {
	r := &runCheck{id: id, dir: dir, log: logCheck{dir: path.Join(dir, "log")}}
	if err := v.journal(r); err != nil {
		return nil, err
	}
	v.report.Entries += len(r.lines)
	if err := v.runCheckpoint(r); err != nil {
		return nil, err
	}
	if err := v.artifacts(r); err != nil {
		return nil, err
	}
	return r, v.strangers(r)
}

// journal reads and checks the journal line by line: number, form, chain. After
// a bad line it takes the next one's word for where it stands, so that one
// change is one fault.
func (v *verifier) journal(r *runCheck) error {
	name := path.Join(r.log.dir, "journal.jsonl")
	data, found, err := v.read(name)
	if err != nil {
		return err
	}
	if !found {
		if len(r.sealedNames(v)) > 0 {
			v.fault(name, 0, "file is missing")
		}
		return nil
	}
	chain, known, next := "", true, int64(0)
	for n := 1; len(data) > 0; n++ {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			v.notice("%s:%d: unfinished last line of %d bytes: a write was interrupted before it was acknowledged", name, n, len(data))
			break
		}
		line := data[:end]
		data = data[end+1:]
		e, bare, err := readEntry(line)
		r.lines, r.entries = append(r.lines, line), append(r.entries, e)
		if err != nil {
			v.fault(name, n, "line was changed: %v", err)
			known, next = false, next+1
			continue
		}
		switch {
		case e.Seq != next:
			v.fault(name, n, "entry %d stands where entry %d belongs: lines are missing, repeated or out of order", e.Seq, next)
		case known && e.Chain != chainOf(chain, bare):
			v.fault(name, n, "line was changed: its chain value does not fit it and the line before")
		}
		chain, known, next = e.Chain, true, e.Seq+1
	}
	return nil
}

// sealedNames are files that show that a journal must have been there.
func (r *runCheck) sealedNames(v *verifier) []string {
	names, err := v.files(r.log.dir)
	if err != nil {
		return nil
	}
	return names
}

// runCheckpoint holds checkpoint, journal and tiles against each other. Journal
// and entry bundles say the same twice: whichever gives the signed root is the
// truth, and the other is told where it differs.
func (v *verifier) runCheckpoint(r *runCheck) error {
	name := path.Join(r.log.dir, "checkpoint")
	journal := path.Join(r.log.dir, "journal.jsonl")
	faults := len(v.report.Faults)
	cp, err := v.checkCheckpoint(r.log.dir, runOrigin(r.id))
	if err != nil {
		return err
	}
	if cp == nil {
		if len(v.report.Faults) > faults {
			return nil
		}
		sealed := slices.ContainsFunc(r.entries, func(e Entry) bool { return e.Type == TypeSeal })
		switch n := r.sealsIn(0, int64(len(r.entries))); {
		case !sealed:
		case n <= 1: // the estate's log knows whether it was ever ended
			v.notice("%s: its first seal was interrupted before its checkpoint", r.dir)
			return nil
		default:
			v.fault(name, 0, "file is missing: the journal was sealed")
			return nil
		}
		v.notice("%s: this run was never sealed: no signature covers it", r.dir)
		return nil
	}
	r.log.cp, r.sealed = cp, min(cp.size, len(r.lines))
	bundles, err := v.bundleLeaves(r.log.dir, cp.size)
	if err != nil {
		return err
	}
	fromJournal, fromBundles := v.gives(r.lines, cp), v.gives(bundles, cp)
	switch {
	case fromJournal:
		r.log.leaves, r.log.fits = r.lines[:cp.size], true
	case fromBundles:
		r.log.leaves, r.log.fits = bundles, true
		i := firstOther(r.lines, bundles)
		if i >= len(r.lines) {
			v.fault(journal, i+1, "ends before its checkpoint does: %d of %d sealed lines", len(r.lines), cp.size)
		} else {
			v.fault(journal, i+1, "line is not the one that was sealed as entry %d", i)
		}
	default:
		v.fault(name, 0, "neither the journal nor the entry bundles give the %d entries with the root that was signed", cp.size)
		r.log.leaves = r.lines[:r.sealed]
	}
	if r.log.fits {
		v.runSigner(r, name)
	}
	if len(r.lines) > cp.size {
		if r.sealsIn(int64(cp.size), int64(len(r.entries))) <= 1 {
			r.log.ahead = r.lines
		}
		v.notice("%s: lines %d to %d come after the last seal: no signature covers them yet", journal, cp.size+1, len(r.lines))
	}
	if !r.log.fits && len(bundles) > 0 && firstOther(bundles, r.log.leaves) < 0 {
		return nil
	}
	return v.tiles(r.log)
}

// gives reports whether the first leaves give the checkpoint's root.
func (v *verifier) gives(leaves [][]byte, cp *checkpoint) bool {
	return len(leaves) >= cp.size && merkleRoot(hashLeaves(leaves[:cp.size])) == cp.root
}

// firstOther is the index of the first leaf of want that got lacks, -1 for none.
func firstOther(got, want [][]byte) int {
	for i := range want {
		if i >= len(got) || !bytes.Equal(got[i], want[i]) {
			return i
		}
	}
	return -1
}

// runSigner checks the signature by the key that the last sealed entry names, and
// that every earlier seal was by one of the keys given.
func (v *verifier) runSigner(r *runCheck, name string) {
	last, _, err := readEntry(r.log.leaves[r.log.cp.size-1])
	if err != nil || last.Type != TypeSeal {
		v.fault(name, 0, "the last entry that it covers is not a seal")
		return
	}
	found := r.marks()
	for i, leaf := range r.log.leaves {
		e, _, err := readEntry(leaf)
		if err != nil || e.Type != TypeSeal || found.has(e.Seq) {
			continue
		}
		if !slices.Contains(v.signers, e.Text) {
			v.signers = append(v.signers, e.Text)
		}
		if len(v.keys) > 0 && !slices.Contains(v.keys, e.Text) {
			v.fault(path.Join(r.log.dir, "journal.jsonl"), i+1, "the run was sealed by %s, which is not among the keys given: it is a colleague's and belongs there, or a stranger's", e.Text)
			return
		}
	}
	if err := r.log.cp.signedBy([]string{last.Text}); err != nil {
		v.fault(name, 0, "%v", err)
	}
}
