package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Tiles are 2^8 wide, as C2SP tlog-tiles fixes it.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

const (
	checkpointName = "checkpoint"
	tileDir        = "tile"
	entriesDir     = "entries"
)

// tree is a log's Merkle tree while it is being written: its hashes, 64 bytes a
// leaf. The leaves themselves stay where they are.
type tree struct {
	stored []tlog.Hash
	leaves int64
}

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(t.stored)) {
			return nil, fmt.Errorf("hash %d of the tree is not known", x)
		}
		out[i] = t.stored[x]
	}
	return out, nil
}

// hash is that of a leaf; false for one that the tree does not have.
func (t *tree) hash(leaf int64) (tlog.Hash, bool) {
	if leaf >= t.leaves {
		return tlog.Hash{}, false
	}
	return t.stored[tlog.StoredHashIndex(0, leaf)], true
}

func (t *tree) add(leaf []byte) error {
	hashes, err := tlog.StoredHashes(t.leaves, leaf, t)
	if err != nil {
		return err
	}
	t.stored = append(t.stored, hashes...)
	t.leaves++
	return nil
}

// cut takes the tree back to so many leaves.
func (t *tree) cut(leaves int64) {
	t.stored, t.leaves = t.stored[:tlog.StoredHashCount(leaves)], leaves
}

// rootAt is the base64 of the root that the tree had at a size.
func (t *tree) rootAt(size int64) (string, error) {
	root, err := tlog.TreeHash(size, t)
	return base64.StdEncoding.EncodeToString(root[:]), err
}

// publish writes what is new since a tree of size old: entry bundles and tiles
// first, then the checkpoint that makes them count, then away with the partial
// tiles that it has outgrown. Killed in between, the old checkpoint stands and
// everything it needs is still there. The leaves are all of the tree's.
func (t *tree) publish(f folder, dir, origin string, old int64, leaves iter.Seq2[[]byte, error], s Signer) error {
	if err := t.writeBundles(f, dir, old, leaves); err != nil {
		return err
	}
	for _, tile := range tlog.NewTiles(tileHeight, old, t.leaves) {
		data, err := tlog.ReadTileData(tile, t)
		if err != nil {
			return fmt.Errorf("tile %s: %w", tile.Path(), err)
		}
		if err := f.keep(path.Join(dir, tilePath(tile)), data); err != nil {
			return err
		}
	}
	if err := t.writeCheckpoint(f, dir, origin, s); err != nil {
		return err
	}
	return dropOutgrown(f, dir, t.leaves)
}

// writeBundles writes the leaves, 256 a file, and holds each against the tree: what
// is signed is what was hashed when it was written or first read.
func (t *tree) writeBundles(f folder, dir string, old int64, leaves iter.Seq2[[]byte, error]) error {
	first := old / tileWidth * tileWidth
	var data []byte
	n := int64(0)
	for leaf, err := range leaves {
		if err != nil {
			return err
		}
		if want, known := t.hash(n); !known || want != tlog.RecordHash(leaf) {
			return fmt.Errorf("entry %d is not the one that was written", n)
		}
		if n++; n <= first {
			continue
		}
		data = binary.BigEndian.AppendUint16(data, uint16(len(leaf)))
		data = append(data, leaf...)
		if n%tileWidth != 0 && n < t.leaves {
			continue
		}
		bundle := tlog.Tile{H: tileHeight, L: -1, N: (n - 1) / tileWidth, W: int((n-1)%tileWidth) + 1}
		if err := f.keep(path.Join(dir, tilePath(bundle)), data); err != nil {
			return err
		}
		data = nil
	}
	if n != t.leaves {
		return fmt.Errorf("%d of %d entries are there", n, t.leaves)
	}
	return nil
}

func (t *tree) writeCheckpoint(f folder, dir, origin string, s Signer) error {
	root, err := t.rootAt(t.leaves)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, t.leaves, root)
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	return f.write(path.Join(dir, checkpointName), signed)
}

// tilePath is the C2SP path of a tile: the Go checksum database's, without the
// height, and with entry bundles called entries.
func tilePath(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", t.H))
	return tileDir + "/" + strings.Replace(path, "data/", entriesDir+"/", 1)
}

// dropOutgrown removes partial tiles that are not the rightmost ones of a tree
// of this size, and what interrupted writes left.
func dropOutgrown(f folder, dir string, size int64) error {
	return fs.WalkDir(f.FS(), path.Join(dir, tileDir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), tempPrefix) {
			return f.Remove(name)
		}
		if current(strings.TrimPrefix(strings.TrimPrefix(name, dir), "/"), size) {
			return nil
		}
		if err := f.Remove(name); err != nil {
			return err
		}
		// Its folder NNN.p may be empty now; when it is not, it stays.
		if parent := path.Dir(name); strings.HasSuffix(parent, ".p") {
			_ = f.Remove(parent)
		}
		return nil
	})
}

// current reports whether a tree of this size has the tile of this path.
func current(path string, size int64) bool {
	path = strings.Replace(strings.TrimPrefix(path, tileDir+"/"), entriesDir+"/", "data/", 1)
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", tileHeight, path))
	if err != nil {
		return false
	}
	width := size >> (tileHeight * max(t.L, 0))
	if t.W == tileWidth {
		return (t.N+1)*tileWidth <= width
	}
	return t.N == width/tileWidth && int64(t.W) == width%tileWidth
}

// seal is what a checkpoint says, without regard to who signed it.
type seal struct {
	size int64 // 0 where there is no checkpoint
	root string
	raw  []byte
}

// readSeal reads the checkpoint of a log.
func readSeal(f folder, dir string) (seal, error) {
	name := path.Join(dir, checkpointName)
	raw, err := f.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return seal{}, nil
	}
	if err != nil {
		return seal{}, err
	}
	s := seal{raw: raw}
	lines := strings.Split(string(raw), "\n")
	if len(lines) < 4 {
		return seal{}, fmt.Errorf("%s: not a checkpoint", filepath.Join(f.Name(), name))
	}
	if s.size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || s.size < 1 {
		return seal{}, fmt.Errorf("%s: not a checkpoint", filepath.Join(f.Name(), name))
	}
	s.root = lines[2]
	return s, nil
}

// signer is which of the keys signed the checkpoint of a log, "" for none.
func (s seal) signer(origin string, keys []string) string {
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, s.size, s.root)
	for _, key := range keys {
		if signs(key, s.raw, text) {
			return key
		}
	}
	return ""
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
