package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// FuzzSigningKey: what is taken for a signing key signs what its verifier key opens,
// and what is not is refused in words that quote none of it.
func FuzzSigningKey(f *testing.F) {
	path := filepath.Join(f.TempDir(), "ledger.key")
	if _, _, err := LoadOrCreateKey(path, "keyrotor-ledger", bytes.NewReader(make([]byte, 64))); err != nil {
		f.Fatal(err)
	}
	made, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := parseKey(strings.TrimSpace(string(made))); err != nil {
		f.Fatalf("the seed is no key: %v", err)
	}
	for _, text := range [][]byte{
		made, bytes.TrimSpace(made), append([]byte("\ufeff"), made...), made[:len(made)/2], append(made, made...), []byte(fuzzKey), {},
		bytes.Replace(made, []byte("+"), []byte("++"), 1), []byte("PRIVATE+KEY+a+00000000+AQ=="),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, key, err := LoadOrCreateKey(path, "other", nil)
		if err != nil {
			if got, want := err.Error(), "ledger key "+path+": not a signing key in note format"; got != want {
				t.Fatal("the refusal says more than that it is no key")
			}
			return
		}
		verifier, err := note.NewVerifier(key)
		if err != nil {
			t.Fatalf("the verifier key %q is none: %v", key, err)
		}
		signed, err := note.Sign(&note.Note{Text: "a line\n"}, s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := note.Open(signed, note.VerifierList(verifier)); err != nil || s.Name() != verifier.Name() {
			t.Errorf("%q opens nothing that its key signed: %v", key, err)
		}
	})
}
