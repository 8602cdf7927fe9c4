package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// tree is a log's Merkle tree while it is being written.
type tree struct {
	hashes tlog.HashReaderFunc
	stored []tlog.Hash
	leaves [][]byte
}

func newTree() *tree {
	t := &tree{}
	t.hashes = func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			if x < 0 || x >= int64(len(t.stored)) {
				return nil, fmt.Errorf("hash %d of the tree is not known", x)
			}
			out[i] = t.stored[x]
		}
		return out, nil
	}
	return t
}

func (t *tree) size() int64 { return int64(len(t.leaves)) }

func (t *tree) add(leaf []byte) error {
	hashes, err := tlog.StoredHashes(t.size(), leaf, t.hashes)
	if err != nil {
		return err
	}
	t.stored = append(t.stored, hashes...)
	t.leaves = append(t.leaves, leaf)
	return nil
}

func (t *tree) root() (tlog.Hash, error) { return tlog.TreeHash(t.size(), t.hashes) }

// publish writes what is new since a tree of size old: entry bundles and tiles
// first, then the checkpoint that makes them count, then away with the partial
// tiles that it has outgrown. Killed in between, the old checkpoint stands and
// everything it needs is still there.
func (t *tree) publish(dir, origin string, old int64, s Signer) error {
	if err := t.writeBundles(dir, old); err != nil {
		return err
	}
	tiles := tlog.NewTiles(tileHeight, old, t.size())
	for _, tile := range tiles {
		data, err := tlog.ReadTileData(tile, t.hashes)
		if err != nil {
			return fmt.Errorf("tile %s: %w", tile.Path(), err)
		}
		if err := keepFile(filepath.Join(dir, filepath.FromSlash(tilePath(tile))), data); err != nil {
			return err
		}
	}
	if err := t.writeCheckpoint(dir, origin, s); err != nil {
		return err
	}
	return dropOutgrown(dir, t.size())
}

func (t *tree) writeBundles(dir string, old int64) error {
	for first := old / tileWidth * tileWidth; first < t.size(); first += tileWidth {
		end := min(first+tileWidth, t.size())
		var data []byte
		for _, leaf := range t.leaves[first:end] {
			data = binary.BigEndian.AppendUint16(data, uint16(len(leaf)))
			data = append(data, leaf...)
		}
		bundle := tlog.Tile{H: tileHeight, L: -1, N: first / tileWidth, W: int(end - first)}
		if err := keepFile(filepath.Join(dir, filepath.FromSlash(tilePath(bundle))), data); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) writeCheckpoint(dir, origin string, s Signer) error {
	root, err := t.root()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, t.size(), base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	return writeFile(filepath.Join(dir, checkpointName), signed)
}

// tilePath is the C2SP path of a tile: the Go checksum database's, without the
// height, and with entry bundles called entries.
func tilePath(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", t.H))
	return tileDir + "/" + strings.Replace(path, "data/", entriesDir+"/", 1)
}

// dropOutgrown removes partial tiles that are not the rightmost ones of a tree
// of this size, and what interrupted writes left.
func dropOutgrown(dir string, size int64) error {
	root := filepath.Join(dir, tileDir)
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), tempPrefix) {
			return os.Remove(path)
		}
		if current(filepath.ToSlash(rel), size) {
			return nil
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		// Its folder NNN.p may be empty now; when it is not, it stays.
		if parent := filepath.Dir(path); strings.HasSuffix(parent, ".p") {
			_ = os.Remove(parent)
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

// readCheckpoint reads size and root of a checkpoint, without its signature;
// size 0 when there is none.
func readCheckpoint(dir string) (size int64, root string, err error) {
	data, err := os.ReadFile(filepath.Join(dir, checkpointName))
	if os.IsNotExist(err) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", err
	}
	lines := strings.Split(string(data), "\n")
	if len(lines) < 4 {
		return 0, "", fmt.Errorf("%s: not a checkpoint", filepath.Join(dir, checkpointName))
	}
	if _, err := fmt.Sscanf(lines[1], "%d", &size); err != nil || size < 1 {
		return 0, "", fmt.Errorf("%s: not a checkpoint", filepath.Join(dir, checkpointName))
	}
	return size, lines[2], nil
}

func sealedSize(dir string) (int64, error) {
	size, _, err := readCheckpoint(dir)
	return size, err
}
