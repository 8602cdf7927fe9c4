package ledger

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"

	"github.com/keyrotor/keyrotor"
)

const linesDir = "lines"

// hashLines returns a file's digest, and for each of its lines (newline
// included) the first 16 hex digits of its SHA-256, one a line. The digest says
// whether the file is the one that was sealed; the short hashes only say where
// it is not.
func hashLines(path string) ([]byte, keyrotor.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	whole := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(f, whole), 1<<16)
	var out []byte
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			out = append(out, lineHash(line)...)
			out = append(out, '\n')
		}
		if errors.Is(err, io.EOF) {
			return out, keyrotor.Digest("sha256:" + hex.EncodeToString(whole.Sum(nil))), nil
		}
		if err != nil {
			return nil, "", err
		}
	}
}

func lineHash(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:8])
}

func digestOf(r io.Reader) (keyrotor.Digest, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return keyrotor.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
}
