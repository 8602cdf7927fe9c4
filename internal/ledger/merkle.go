package ledger

import (
	"crypto/sha256"
	"fmt"
	"path"
)

// The checking half has its own Merkle tree, straight from RFC 6962, so that a
// mistake in the writing half cannot hide itself.

type hash [sha256.Size]byte

func hashLeaf(leaf []byte) hash { return sha256.Sum256(append([]byte{0}, leaf...)) }

func hashNode(left, right hash) hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// merkleRoot is the root over hashes: the left subtree is the largest power of
// two that leaves something for the right.
func merkleRoot(hashes []hash) hash {
	switch len(hashes) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return hashes[0]
	}
	left := 1
	for left*2 < len(hashes) {
		left *= 2
	}
	return hashNode(merkleRoot(hashes[:left]), merkleRoot(hashes[left:]))
}

func hashLeaves(leaves [][]byte) []hash {
	hashes := make([]hash, len(leaves))
	for i, leaf := range leaves {
		hashes[i] = hashLeaf(leaf)
	}
	return hashes
}

// tileFile is one file that a tree of some size must have.
type tileFile struct {
	name  string // path within the log's folder
	level int    // -1 for an entry bundle
	first int    // index of its first entry or hash within the level
	data  []byte
}

// tileFiles lists the files of a log with these leaves: entry bundles, then
// tiles from the lowest level up. Full ones have 256 entries.
func tileFiles(leaves [][]byte) []tileFile {
	const width = 256
	var files []tileFile
	for first := 0; first < len(leaves); first += width {
		part := leaves[first:min(first+width, len(leaves))]
		var data []byte
		for _, leaf := range part {
			data = append(data, byte(len(leaf)>>8), byte(len(leaf)))
			data = append(data, leaf...)
		}
		files = append(files, tileFile{name: tileName("entries", first/width, len(part)), level: -1, first: first, data: data})
	}
	level := hashLeaves(leaves)
	for l := 0; len(level) > 0; l++ {
		var above []hash
		for first := 0; first < len(level); first += width {
			part := level[first:min(first+width, len(level))]
			var data []byte
			for _, h := range part {
				data = append(data, h[:]...)
			}
			files = append(files, tileFile{name: tileName(fmt.Sprint(l), first/width, len(part)), level: l, first: first, data: data})
			if len(part) == width {
				above = append(above, merkleRoot(part))
			}
		}
		level = above
	}
	return files
}

// tileName is the path of the n-th tile: digits in threes, all but the last with
// an x before them, and the width of a partial tile behind ".p/".
func tileName(level string, n, width int) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if width < 256 {
		name = fmt.Sprintf("%s.p/%d", name, width)
	}
	return path.Join("tile", level, name)
}
