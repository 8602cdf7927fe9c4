package approve_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
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

func TestSSHKeygenAcceptsOurApprovalsAndWeAcceptItsSignatures(t *testing.T) {
	testenv.Need(t, "ssh-keygen")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]any{"ed25519": edKey, "ecdsa": ecKey, "rsa": rsaKey} {
		t.Run(name, func(t *testing.T) {
			key, err := ssh.NewSignerFromKey(raw)
			if err != nil {
				t.Fatal(err)
			}
			line := "bob@example.com " + public(key)
			allowed := writeFile(t, "allowed_signers", line+"\n")
			p := newPlan(t, keyrotor.Needs{Approvals: 1})
			a := sign(t, statement(p), "bob@example.com", key)
			message, err := approve.Canonical(a.Statement)
			if err != nil {
				t.Fatal(err)
			}
			sig := writeFile(t, "a.sig", a.Signature)
			if out, err := sshKeygen(t, string(message), "-Y", "verify", "-f", allowed, "-I", "bob@example.com", "-n", approve.Namespace, "-s", sig); err != nil {
				t.Errorf("ssh-keygen -Y verify: %v: %s", err, out)
			}
			if out, err := sshKeygen(t, string(message)+" ", "-Y", "verify", "-f", allowed, "-I", "bob@example.com", "-n", approve.Namespace, "-s", sig); err == nil {
				t.Errorf("ssh-keygen accepts other bytes: %s", out)
			}
			block, err := ssh.MarshalPrivateKey(raw, "")
			if err != nil {
				t.Fatal(err)
			}
			keyFile := writeFile(t, "key", string(pemText(block)))
			text := writeFile(t, "waivers.yaml", "waivers: []\n")
			if out, err := sshKeygen(t, "", "-Y", "sign", "-f", keyFile, "-n", approve.WaiversNamespace, text); err != nil {
				t.Fatalf("ssh-keygen -Y sign: %v: %s", err, out)
			}
			theirs, err := os.ReadFile(text + ".sig")
			if err != nil {
				t.Fatal(err)
			}
			got, err := approve.VerifyBytes([]byte("waivers: []\n"), theirs, approve.WaiversNamespace, parse(t, line), now)
			if err != nil || got.Principal != "bob@example.com" {
				t.Errorf("signature of ssh-keygen: got %+v, %v", got, err)
			}
		})
	}
}

// TestParsingAgreesWithSSHKeygen asks ssh-keygen about every line, one file
// each: does bob's signature verify for this principal? Our answer must be the
// same, except where the case says that we are stricter.
func TestParsingAgreesWithSSHKeygen(t *testing.T) {
	testenv.Need(t, "ssh-keygen")
	bob, other := newKey(t, "bob"), newKey(t, "other")
	key := public(bob)
	b64 := strings.Fields(key)[1]
	message := "hello\n"
	armored, err := approve.SignBytes([]byte(message), approve.Namespace, bob, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sig := writeFile(t, "m.sig", string(armored))
	at := now.Format("20060102150405Z")
	for name, c := range map[string]struct {
		text      string
		principal string // bob when empty
		stricter  bool   // we refuse what ssh-keygen takes
	}{
		"plain":                              {text: "bob " + key},
		"comment after the key":              {text: "bob " + key + " bob's laptop"},
		"leading blanks":                     {text: " \t bob " + key},
		"tabs between":                       {text: "bob\t" + strings.ReplaceAll(key, " ", "\t")},
		"carriage returns":                   {text: "bob " + key + "\r"},
		"many blanks":                        {text: "bob    " + key},
		"comment and empty lines":            {text: "# bob\n\n   \nbob " + key},
		"another person":                     {text: "alice " + key},
		"list":                               {text: "alice,bob,carol " + key},
		"list with a blank":                  {text: "alice, bob " + key},
		"star":                               {text: "* " + key},
		"wildcard":                           {text: "b*b " + key},
		"question mark":                      {text: "b?b " + key},
		"question mark too many":             {text: "bob? " + key},
		"many stars":                         {text: "*o*b* " + key},
		"a pattern for a principal":          {text: "b*,!bill " + key, principal: "b*", stricter: true},
		"a list for a principal":             {text: "b*,!bill " + key, principal: "b*,!bill", stricter: true},
		"negation":                           {text: "*,!bob " + key},
		"negation first":                     {text: "!bob,* " + key},
		"negation of another":                {text: "*,!eve " + key},
		"only a negation":                    {text: "!eve " + key},
		"case matters":                       {text: "BOB " + key},
		"quoted principals":                  {text: `"bob" ` + key},
		"quoted principals with a blank":     {text: `"bob smith" ` + key, principal: "bob smith"},
		"quote within":                       {text: `bo"b x" ` + key, principal: "bob x"},
		"unfinished quote":                   {text: `"bob ` + key},
		"empty principals":                   {text: `"" ` + key},
		"namespaces":                         {text: `bob namespaces="keyrotor-approval" ` + key},
		"namespaces list":                    {text: `bob namespaces="git,keyrotor-*" ` + key},
		"other namespace":                    {text: `bob namespaces="git" ` + key},
		"namespaces negated":                 {text: `bob namespaces="*,!keyrotor-approval" ` + key},
		"namespaces without quotes":          {text: `bob namespaces=git ` + key},
		"namespaces unfinished":              {text: `bob namespaces="git ` + key},
		"namespaces twice":                   {text: `bob namespaces="keyrotor-approval",namespaces="git" ` + key},
		"option names in any case":           {text: `bob NameSpaces="keyrotor-approval" ` + key},
		"escaped quote":                      {text: `bob namespaces="a\"b,keyrotor-approval" ` + key},
		"unknown option":                     {text: `bob no-pty ` + key},
		"unknown option behind a comma":      {text: `bob namespaces="keyrotor-approval",no-pty ` + key},
		"options end in a comma":             {text: `bob namespaces="keyrotor-approval", ` + key},
		"valid after":                        {text: `bob valid-after="20260101Z" ` + key},
		"valid after, not yet":               {text: `bob valid-after="20270101Z" ` + key},
		"valid after, at the second":         {text: `bob valid-after="` + at + `" ` + key},
		"valid before":                       {text: `bob valid-before="20270101Z" ` + key},
		"valid before, over":                 {text: `bob valid-before="20260101Z" ` + key},
		"valid before, at the second":        {text: `bob valid-before="` + at + `" ` + key},
		"valid between":                      {text: `bob valid-after="202601010000Z",valid-before="20270101000000UTC" ` + key},
		"valid between, wrong way round":     {text: `bob valid-after="20270101Z",valid-before="20260101Z" ` + key},
		"valid after, no such day":           {text: `bob valid-after="20260230Z" ` + key, stricter: true},
		"valid after, eleven digits":         {text: `bob valid-after="20260101000Z" ` + key},
		"valid after, local time":            {text: `bob valid-after="20260101" ` + key},
		"authority line for a plain key":     {text: `bob cert-authority ` + key},
		"key missing":                        {text: `bob`},
		"key type only":                      {text: `bob ssh-ed25519`},
		"key spoiled":                        {text: `bob ssh-ed25519 AAAA`},
		"key type wrong":                     {text: `bob ssh-rsa ` + b64},
		"no key type":                        {text: `bob ` + b64},
		"other key":                          {text: "bob " + public(other)},
		"second line":                        {text: "bob " + public(other) + "\nbob " + key},
		"second line when the first is late": {text: `bob valid-before="20260101Z" ` + key + "\nbob " + key},
		"bad line after the match":           {text: "bob " + key + "\nbob nonsense", stricter: true},
		"bad line of another person":         {text: "alice nonsense\nbob " + key, stricter: true},
	} {
		t.Run(name, func(t *testing.T) {
			principal := c.principal
			if principal == "" {
				principal = "bob"
			}
			allowed := writeFile(t, "allowed_signers", c.text+"\n")
			out, err := sshKeygen(t, message, "-Y", "verify", "-f", allowed, "-I", principal, "-n", approve.Namespace, "-s", sig, "-O", "verify-time="+at)
			want := err == nil
			signers, err := approve.ParseAllowedSigners("allowed_signers", []byte(c.text+"\n"))
			if err == nil {
				err = signers.Check(principal, bob.PublicKey(), approve.Namespace, now)
			}
			if got := err == nil; got != want && !(c.stricter && want) {
				t.Errorf("got %v (%v), ssh-keygen says %v: %s", got, err, want, out)
			}
			if c.stricter && err == nil {
				t.Error("accepted, want a refusal")
			}
		})
	}
}

func TestFindPrincipalsAgreesWithSSHKeygen(t *testing.T) {
	testenv.Need(t, "ssh-keygen")
	bob, other := newKey(t, "bob"), newKey(t, "other")
	text := "alice " + public(other) + "\n\"bob\" " + public(bob) + "\nrobert " + public(bob) + "\n"
	armored, err := approve.SignBytes([]byte("m"), approve.Namespace, bob, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	out, err := sshKeygen(t, "", "-Y", "find-principals", "-f", writeFile(t, "allowed_signers", text), "-s", writeFile(t, "m.sig", string(armored)))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	signers := parse(t, strings.Split(text, "\n")...)
	got := signers.PrincipalsOf(bob.PublicKey(), approve.Namespace, now)
	if want := strings.Fields(out); fmt.Sprint(got[:len(want)]) != fmt.Sprint(want) {
		t.Errorf("got %q, ssh-keygen says %q", got, want)
	}
}

func TestCertificatesAreJudgedAsSSHKeygenDoes(t *testing.T) {
	testenv.Need(t, "ssh-keygen")
	ca, bob := newKey(t, "ca"), newKey(t, "bob")
	from, to := uint64(now.Add(-time.Hour).Unix()), uint64(now.Add(time.Hour).Unix())
	for name, c := range map[string]struct {
		line string
		cert ssh.Certificate
	}{
		"good":                      {`*@example.com cert-authority ` + public(ca), ssh.Certificate{CertType: ssh.UserCert, ValidPrincipals: []string{"bob@example.com"}, ValidAfter: from, ValidBefore: to}},
		"line without authority":    {`*@example.com ` + public(ca), ssh.Certificate{CertType: ssh.UserCert, ValidPrincipals: []string{"bob@example.com"}, ValidAfter: from, ValidBefore: to}},
		"key of the line is bob's":  {`bob@example.com ` + public(bob), ssh.Certificate{CertType: ssh.UserCert, ValidPrincipals: []string{"bob@example.com"}, ValidAfter: from, ValidBefore: to}},
		"another principal":         {`*@example.com cert-authority ` + public(ca), ssh.Certificate{CertType: ssh.UserCert, ValidPrincipals: []string{"eve@example.com"}, ValidAfter: from, ValidBefore: to}},
		"principal not of the line": {`*@example.org cert-authority ` + public(ca), ssh.Certificate{CertType: ssh.UserCert, ValidPrincipals: []string{"bob@example.com"}, ValidAfter: from, ValidBefore: to}},
		"no principals":             {`*@example.com cert-authority ` + public(ca), ssh.Certificate{CertType: ssh.UserCert, ValidAfter: from, ValidBefore: to}},
		"host certificate":          {`*@example.com cert-authority ` + public(ca), ssh.Certificate{CertType: ssh.HostCert, ValidPrincipals: []string{"bob@example.com"}, ValidAfter: from, ValidBefore: to}},
		"expired":                   {`*@example.com cert-authority ` + public(ca), ssh.Certificate{CertType: ssh.UserCert, ValidPrincipals: []string{"bob@example.com"}, ValidAfter: from, ValidBefore: from + 60}},
	} {
		t.Run(name, func(t *testing.T) {
			cert := c.cert
			cert.Key = bob.PublicKey()
			if err := cert.SignCert(rand.Reader, ca); err != nil {
				t.Fatal(err)
			}
			key, err := ssh.NewCertSigner(&cert, bob)
			if err != nil {
				t.Fatal(err)
			}
			armored, err := approve.SignBytes([]byte("m"), approve.Namespace, key, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			out, err := sshKeygen(t, "m", "-Y", "verify", "-f", writeFile(t, "allowed_signers", c.line+"\n"), "-I", "bob@example.com",
				"-n", approve.Namespace, "-s", writeFile(t, "m.sig", string(armored)), "-O", "verify-time="+now.Format("20060102150405Z"))
			want := err == nil
			err = parse(t, c.line).Check("bob@example.com", key.PublicKey(), approve.Namespace, now)
			if got := err == nil; got != want {
				t.Errorf("got %v (%v), ssh-keygen says %v: %s", got, err, want, out)
			}
			if _, err := approve.VerifyBytes([]byte("m"), armored, approve.Namespace, parse(t, c.line), now); want && err != nil {
				t.Errorf("VerifyBytes: %v", err)
			}
		})
	}
}

// TestTheManualsCommandsWork does what docs/evidence.md tells an auditor to do,
// with Python in the place of jq, so that sorted keys and no blanks are all it
// takes to get at the signed bytes.
func TestTheManualsCommandsWork(t *testing.T) {
	testenv.Need(t, "ssh-keygen")
	testenv.Need(t, "python3")
	bob := newKey(t, "bob")
	p := newPlan(t, keyrotor.Needs{Approvals: 1})
	s := statement(p)
	s.LedgerHead = "3:" + strings.Repeat("a+/", 14) + "A="
	a := sign(t, s, "bob@example.com", bob)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.json"), mustJSON(t, a), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "allowed_signers"), []byte("bob@example.com "+public(bob)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-ec", `
		python3 -c 'import json,sys; a=json.load(open("a.json")); open("a.sig","w").write(a["signature"]); sys.stdout.write(json.dumps(a["statement"],sort_keys=True,separators=(",",":"),ensure_ascii=False))' > statement
		ssh-keygen -Y verify -f allowed_signers -I bob@example.com -n keyrotor-approval -s a.sig < statement`)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
