package ledger

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/keyrotor/keyrotor"
)

const linesDir = "lines"

// hashLines returns a file's digest, and for each of its lines (newline
// included) the first 16 hex digits of its SHA-256, one a line. The digest says
// whether the file is the one that was sealed; the short hashes only say where
// it is not.
func hashLines(file io.Reader) ([]byte, keyrotor.Digest, error) {
	whole := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(file, whole), 1<<16)
	var out []byte
	line, begun := sha256.New(), false
	for {
		// In pieces: a line that never ends must not be held whole.
		piece, err := in.ReadSlice('\n')
		line.Write(piece)
		begun = begun || len(piece) > 0
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, "", err
		}
		if begun {
			out = append(out, hex.EncodeToString(line.Sum(nil)[:8])...)
			out = append(out, '\n')
			line.Reset()
			begun = false
		}
		if errors.Is(err, io.EOF) {
			return out, keyrotor.Digest("sha256:" + hex.EncodeToString(whole.Sum(nil))), nil
		}
	}
}
