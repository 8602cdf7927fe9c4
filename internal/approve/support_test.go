package approve_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// newKey makes a key that is the same in every run of the test.
func newKey(t testing.TB, seed string) ssh.Signer {
	t.Helper()
	sum := sha256.Sum256([]byte(seed))
	s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func public(key ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))
}

func parse(t testing.TB, lines ...string) *approve.AllowedSigners {
	t.Helper()
	s, err := approve.ParseAllowedSigners("allowed_signers", []byte(strings.Join(lines, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func digestOf(p keyrotor.Plan) (keyrotor.Digest, error) {
	p.Digest = ""
	b, err := json.Marshal(p)
	sum := sha256.Sum256(b)
	return keyrotor.Digest("sha256:" + hex.EncodeToString(sum[:])), err
}

func newPlan(t testing.TB, needs keyrotor.Needs) keyrotor.Plan {
	t.Helper()
	p := keyrotor.Plan{
		Schema: keyrotor.SchemaPlan, Version: 1, Run: "20261121T101502Z-5f3c", Needs: needs,
		Author:  keyrotor.Author{Identity: "arn:aws:sts::111122223333:assumed-role/ops/carol", Principal: "carol@example.com"},
		Changes: []keyrotor.Change{{ID: "c1"}, {ID: "c2"}},
	}
	seal(t, &p)
	return p
}

func seal(t testing.TB, p *keyrotor.Plan) {
	t.Helper()
	d, err := digestOf(*p)
	if err != nil {
		t.Fatal(err)
	}
	p.Digest = d
}

func statement(p keyrotor.Plan) keyrotor.Statement {
	return keyrotor.Statement{Plan: p.Digest, Changes: len(p.Changes), Expires: now.Add(24 * time.Hour), LedgerHead: "0:"}
}

func sign(t testing.TB, s keyrotor.Statement, principal string, key ssh.Signer) keyrotor.Approval {
	t.Helper()
	a, err := approve.Sign(s, principal, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// sshKeygen runs the real program, which is the judge of what we accept.
func sshKeygen(t testing.TB, stdin string, args ...string) (string, error) {
	t.Helper()
	testenv.Need(t, "ssh-keygen")
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
