package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Signer signs checkpoints, tells the key to check them with, which goes into the
// log beside them, and knows whose seals are believed.
type Signer interface {
	note.Signer
	// VerifierKey is the key's public half.
	VerifierKey() string
	// Believed are the verifier keys whose seals are built on: its own first.
	Believed() []string
}

type signer struct {
	note.Signer
	verifier string
}

func (s signer) VerifierKey() string { return s.verifier }
func (s signer) Believed() []string  { return []string{s.verifier} }

// believing is a signer that believes others as well.
type believing struct {
	Signer
	others []string
}

func (b believing) Believed() []string { return append(b.Signer.Believed(), b.others...) }

// Believing makes a signer that also builds on what others sealed: verifier keys
// as ParseKeys returns them.
func Believing(s Signer, others []string) Signer { return believing{s, others} }

// LoadOrCreateKey reads the ledger's signing key from path, or makes one there
// under the given name (mode 0600, in a folder of mode 0700). The verifier key
// is what to hand to those who check. The key belongs in the user's config
// folder, never in the state folder that it vouches for.
func LoadOrCreateKey(path, name string, rand io.Reader) (Signer, string, error) {
	dropLeftKeys(filepath.Dir(path))
	text, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = createKey(path, name, rand)
	}
	if err != nil {
		return nil, "", fmt.Errorf("ledger key: %w", err)
	}
	if err := private(path); err != nil {
		return nil, "", fmt.Errorf("ledger key: %w", err)
	}
	s, err := parseKey(strings.TrimSpace(string(text)))
	if err != nil {
		// The library's error would not quote the key, but says nothing either.
		return nil, "", fmt.Errorf("ledger key %s: not a signing key in note format", path)
	}
	return s, s.verifier, nil
}

// readKey reads no more than a key can be long: the path may be mistyped.
func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<10))
}

// keyPrefix marks a key that is not in place yet.
const keyPrefix = ".keyrotor-ledger-key-"

// dropLeftKeys removes what a process left that was killed while it made the key:
// nobody uses it, and it is a private key.
func dropLeftKeys(dir string) {
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		info, err := f.Info()
		if err == nil && strings.HasPrefix(f.Name(), keyPrefix) && time.Since(info.ModTime()) > time.Minute {
			_ = os.Remove(filepath.Join(dir, f.Name()))
		}
	}
}

func createKey(path, name string, rand io.Reader) ([]byte, error) {
	key, _, err := note.GenerateKey(rand, name)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// Linking a complete file into place lets two processes start at once: one
	// wins, both then read the same key.
	tmp, err := writeKey(filepath.Dir(path), []byte(key+"\n"))
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func writeKey(dir string, key []byte) (string, error) {
	f, err := os.CreateTemp(dir, keyPrefix+"*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it", path, mode)
	}
	return nil
}

// parseKey derives the verifier key from a signing key, whose format is
// PRIVATE+KEY+name+hash+base64(1, seed).
func parseKey(skey string) (signer, error) {
	s, err := note.NewSigner(skey)
	if err != nil {
		return signer{}, err
	}
	parts := strings.SplitN(skey, "+", 5)
	if len(parts) != 5 {
		return signer{}, errors.New("malformed key")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return signer{}, errors.New("malformed key")
	}
	public, ok := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return signer{}, errors.New("malformed key")
	}
	verifier, err := note.NewEd25519VerifierKey(s.Name(), public)
	if err != nil {
		return signer{}, err
	}
	return signer{Signer: s, verifier: verifier}, nil
}
