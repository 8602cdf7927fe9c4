package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// checkpoint is a parsed signed note "origin, size, root".
type checkpoint struct {
	origin string
	size   int
	root   hash
	raw    []byte
}

// parseCheckpoint reads a checkpoint with exactly one signature and accepts its
// one spelling only: base64 would let spare bits change unseen.
func parseCheckpoint(raw []byte) (checkpoint, error) {
	c := checkpoint{raw: raw}
	lines := strings.Split(string(raw), "\n")
	if len(lines) != 6 || lines[3] != "" || lines[5] != "" {
		return c, errors.New("not a checkpoint of three lines with one signature")
	}
	c.origin = lines[0]
	size, err := strconv.Atoi(lines[1])
	if err != nil || size < 1 || strconv.Itoa(size) != lines[1] {
		return c, errors.New("line 2 is not a size")
	}
	c.size = size
	root, err := strictBase64(lines[2])
	if err != nil || len(root) != len(c.root) {
		return c, errors.New("line 3 is not a root hash")
	}
	copy(c.root[:], root)
	_, sig, ok := strings.Cut(strings.TrimPrefix(lines[4], "— "), " ")
	if _, err := strictBase64(sig); !ok || err != nil {
		return c, errors.New("line 5 is not a signature")
	}
	return c, nil
}

func strictBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodeToString(b) != s {
		return nil, errors.New("not in the one spelling of base64")
	}
	return b, nil
}

// signedBy reports why none of the keys signed the checkpoint.
func (c checkpoint) signedBy(keys []string) error {
	var verifiers []note.Verifier
	for _, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return fmt.Errorf("verifier key %q: %w", key, err)
		}
		verifiers = append(verifiers, v)
	}
	if _, err := note.Open(c.raw, note.VerifierList(verifiers...)); err != nil {
		return fmt.Errorf("its signature is not by the expected key: %w", err)
	}
	return nil
}

// ParseKeys reads the verifier keys of a file: one a line, # begins a comment. The
// error names the line.
func ParseKeys(text string) ([]string, error) {
	var keys []string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if _, err := note.NewVerifier(line); err != nil {
			return nil, fmt.Errorf("verifier key, line %d: %w", i+1, err)
		}
		keys = append(keys, line)
	}
	return keys, nil
}

func sameHash(root hash, encoded string) bool {
	b, err := strictBase64(encoded)
	return err == nil && bytes.Equal(b, root[:])
}
