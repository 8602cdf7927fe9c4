package ledger

import (
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// logCheck is one log in tlog-tiles form: a checkpoint, and leaves that
// reproduce its root.
type logCheck struct {
	dir    string // within the root
	cp     *checkpoint
	leaves [][]byte
	fits   bool // leaves reproduce the checkpoint's root
	// ahead is all that a seal under way may have been writing tiles of: the
	// leaves and what is known to follow them. Nil where nothing is.
	ahead [][]byte
}

// checkCheckpoint reads <dir>/checkpoint; nil without a fault when there is none.
func (v *verifier) checkCheckpoint(dir, origin string) (*checkpoint, error) {
	name := path.Join(dir, "checkpoint")
	raw, found, err := v.read(name)
	if err != nil || !found {
		return nil, err
	}
	c, err := parseCheckpoint(raw)
	if err != nil {
		v.fault(name, 0, "%v", err)
		return nil, nil
	}
	if c.origin != origin {
		v.fault(name, 1, "it is the checkpoint of %q, not of %q", c.origin, origin)
	}
	return &c, nil
}

// bundleLeaves reads the entry bundles of a log of this size. It goes as far as
// it can and reports where it could not.
func (v *verifier) bundleLeaves(dir string, size int) ([][]byte, error) {
	var leaves [][]byte
	for first := 0; first < size; first += 256 {
		width := min(256, size-first)
		name := path.Join(dir, tileName("entries", first/256, width))
		data, found, err := v.read(name)
		if err != nil {
			return nil, err
		}
		if !found {
			return leaves, nil // tiles reports missing files
		}
		for i := range width {
			n, ok := 0, len(data) >= 2
			if ok {
				n = int(data[0])<<8 | int(data[1])
				ok = len(data) >= 2+n
			}
			if !ok {
				v.fault(name, 0, "ends within entry %d", first+i)
				return leaves, nil
			}
			leaves = append(leaves, data[2:2+n])
			data = data[2+n:]
		}
		if len(data) > 0 {
			v.fault(name, 0, "has %d bytes after its last entry", len(data))
		}
	}
	return leaves, nil
}

// tiles holds every file below <dir>/tile against what the leaves demand.
func (v *verifier) tiles(l logCheck) error {
	want := map[string]bool{}
	wanted := tileFiles(l.leaves)
	for _, f := range wanted {
		want[f.name] = true
		name := path.Join(l.dir, f.name)
		got, found, err := v.read(name)
		if err != nil {
			return err
		}
		if !found {
			v.fault(name, 0, "file is missing")
			continue
		}
		if i := firstDifference(got, f.data); i >= 0 {
			v.faultAt(name, i, "%s", f.describe(i))
		}
	}
	names, err := v.files(path.Join(l.dir, "tile"))
	if err != nil {
		return err
	}
	var next []tileFile
	for _, n := range names {
		name := path.Join(l.dir, "tile", n)
		if isTemp(n) {
			v.notice("%s: left by an interrupted write", name)
			continue
		}
		if want["tile/"+n] {
			continue
		}
		data, found, err := v.read(name)
		if err != nil {
			return err
		}
		if !found {
			continue // a seal under way cleared it away since
		}
		if outgrown("tile/"+n, data, wanted) {
			v.notice("%s: a narrower tile that an interrupted seal did not clear away; it fits the log", name)
			continue
		}
		if next == nil && l.ahead != nil {
			next = tileFiles(l.ahead)
		}
		if outgrown("tile/"+n, data, next) {
			v.notice("%s: a tile of a seal that was interrupted before its checkpoint; it fits what was to be sealed", name)
			continue
		}
		v.fault(name, 0, "not part of the log that the checkpoint covers: an interrupted seal, or an older checkpoint put back")
	}
	return nil
}

// outgrown reports whether a file is one of the tiles, or a partial tile of a
// smaller tree that is a true beginning of the one in its place.
func outgrown(name string, data []byte, tiles []tileFile) bool {
	base, digits, partial := strings.Cut(name, ".p/")
	width := 256
	if partial {
		var err error
		if width, err = strconv.Atoi(digits); err != nil {
			return false
		}
	}
	for _, f := range tiles {
		if now, _, _ := strings.Cut(f.name, ".p/"); now == base {
			b := f.beginning(width)
			return len(b) > 0 && bytes.Equal(data, b)
		}
	}
	return false
}

// beginning is the first width entries or hashes of the tile, nil when it has
// fewer.
func (f tileFile) beginning(width int) []byte {
	end := 0
	for range width {
		n := 32
		if f.level < 0 && end+2 <= len(f.data) {
			n = 2 + int(f.data[end])<<8 + int(f.data[end+1])
		}
		if end += n; end > len(f.data) {
			return nil
		}
	}
	return f.data[:end]
}

// describe names the entry or hash at a byte offset of the tile.
func (f tileFile) describe(offset int) string {
	if f.level >= 0 {
		return fmt.Sprintf("hash %d of level %d differs from what the entries give", f.first+offset/32, f.level)
	}
	i, end := f.first, 0
	for rest := f.data; len(rest) >= 2; i++ {
		n := 2 + int(rest[0])<<8 + int(rest[1])
		if end += n; offset < end || n > len(rest) {
			break
		}
		rest = rest[n:]
	}
	return fmt.Sprintf("entry %d differs from the one that was sealed", i)
}

// firstDifference is the offset of the first byte that differs, -1 for none.
func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return n
	}
	return -1
}

// locate tells, when the leaves do not give the root, which of them disagrees
// with the hashes of the lowest tiles.
func (v *verifier) locate(l logCheck) (int, error) {
	size := l.cp.size
	for first := 0; first < size; first += 256 {
		data, found, err := v.read(path.Join(l.dir, tileName("0", first/256, min(256, size-first))))
		if err != nil || !found {
			return -1, err
		}
		for i := first; i < min(first+256, len(l.leaves)); i++ {
			at := (i - first) * 32
			h := hashLeaf(l.leaves[i])
			if at+32 > len(data) || firstDifference(data[at:at+32], h[:]) >= 0 {
				return i, nil
			}
		}
	}
	return -1, nil
}

// bundleOf names the entry bundle that holds an entry.
func bundleOf(dir string, entry, size int) string {
	first := entry / 256 * 256
	return path.Join(dir, tileName("entries", first/256, min(256, size-first)))
}

func within(name, dir string) bool { return strings.HasPrefix(name, dir+"/") }
