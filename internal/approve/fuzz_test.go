package approve_test

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
)

func pemText(b *pem.Block) []byte { return pem.EncodeToMemory(b) }

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzAllowedSigners: no text makes the parser fail other than by an error that
// names the line, and no line lets a key sign that does not stand in it.
func FuzzAllowedSigners(f *testing.F) {
	bob, eve := newKey(f, "bob"), newKey(f, "eve")
	for _, seed := range []string{
		"bob " + public(bob), `"a b",!c namespaces="x\"y",valid-after="20260101Z" ` + public(bob) + " comment",
		"* cert-authority " + public(bob), "# c\n\nbob", `bob "`, `b valid-before="` + strings.Repeat("9", 14) + `" x`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		signers, err := approve.ParseAllowedSigners("file", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "file:") {
				t.Errorf("error without a place: %v", err)
			}
			return
		}
		if signers.Check("bob", eve.PublicKey(), approve.Namespace, now) == nil && !strings.Contains(text, strings.Fields(public(eve))[1]) {
			t.Error("a key that does not stand in the file may sign")
		}
		for _, name := range signers.PrincipalsOf(bob.PublicKey(), approve.Namespace, now) {
			if !strings.ContainsAny(name, "*?!,") && signers.Check(name, bob.PublicKey(), approve.Namespace, now) != nil {
				t.Errorf("%q is found for the key and may not sign with it", name)
			}
		}
	})
}

// FuzzAllowedSignersLikeSSHKeygen holds what comes before the key against the
// real program. It runs a process for each input: a few thousand are plenty.
func FuzzAllowedSignersLikeSSHKeygen(f *testing.F) {
	bob := newKey(f, "bob")
	armored, err := approve.SignBytes([]byte("m"), approve.Namespace, bob, rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	sig := filepath.Join(dir, "m.sig")
	if err := os.WriteFile(sig, armored, 0o600); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"bob", `"bob"`, "b*,!bib", `bob namespaces="*"`, `bob valid-after="20260101Z",namespaces="k*"`,
		`bob valid-before="202612312359Z"`, `bob namespaces="a\"b,*"`, `bo"b"`, `bob cert-authority`, "bob,", `!x,bob NAMESPACES="?*"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, head string) {
		if strings.ContainsAny(head, "\x00\n") || len(head) > 500 {
			t.Skip()
		}
		line := head + " " + public(bob) + "\n"
		// Each input has its own file: fuzzing runs several at a time.
		allowed := filepath.Join(t.TempDir(), "allowed_signers")
		if err := os.WriteFile(allowed, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := sshKeygen(t, "m", "-Y", "verify", "-f", allowed, "-I", "bob", "-n", approve.Namespace, "-s", sig, "-O", "verify-time="+now.Format("20060102150405Z"))
		theirs := err == nil
		signers, err := approve.ParseAllowedSigners("f", []byte(line))
		if err == nil {
			err = signers.Check("bob", bob.PublicKey(), approve.Namespace, now)
		}
		// To accept less is safe and happens (a file is refused whole); to
		// accept more is not.
		if err == nil && !theirs {
			t.Errorf("%q: we accept, ssh-keygen does not: %s", line, out)
		}
	})
}

func FuzzApproval(f *testing.F) {
	bob := newKey(f, "bob")
	p := newPlan(f, keyrotor.Needs{Approvals: 1, AuthorMayApprove: true})
	signers := parse(f, "bob "+public(bob))
	a := sign(f, statement(p), "bob", bob)
	f.Add(mustJSON(f, a))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := approve.ParseApproval("f", data)
		if err != nil {
			return
		}
		if _, err := approve.Verify(p, digestOf, []keyrotor.Approval{got}, signers, now); err == nil && got.Statement != a.Statement {
			t.Errorf("another statement is approved: %+v", got.Statement)
		}
	})
}
