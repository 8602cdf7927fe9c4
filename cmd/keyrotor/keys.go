package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/term"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// keySet is where signing keys come from: files, and the agent.
type keySet struct {
	signers []ssh.Signer
	close   func()
}

// agentPatience is how long an agent may take to say which keys it holds. To
// sign it may take any time: somebody has to touch a key or to agree.
const agentPatience = 10 * time.Second

// agentKeys asks the agent of SSH_AUTH_SOCK; no agent is no keys.
func (p *program) agentKeys() (keySet, error) {
	socket := p.env("SSH_AUTH_SOCK")
	if socket == "" {
		return keySet{close: func() {}}, nil
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return keySet{}, noAgent("reach the ssh-agent of SSH_AUTH_SOCK", err)
	}
	signers, err := listKeys(conn)
	if err != nil {
		conn.Close()
		return keySet{}, noAgent("ask the ssh-agent for its keys", err)
	}
	return keySet{signers: signers, close: func() { conn.Close() }}, nil
}

func listKeys(conn net.Conn) ([]ssh.Signer, error) {
	if err := conn.SetDeadline(time.Now().Add(agentPatience)); err != nil {
		return nil, err
	}
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		return nil, err
	}
	return signers, conn.SetDeadline(time.Time{})
}

func noAgent(what string, err error) error {
	return &keyrotor.Problem{
		Err: fmt.Errorf("%s: %w", what, err), Now: "nothing was signed",
		Next: `start one (eval "$(ssh-agent)"; ssh-add), or unset SSH_AUTH_SOCK and name a key file: --key, plan --author-key or KEYROTOR_SSH_KEY`,
	}
}

// signer finds the key to sign with: a private key file, the agent's key for a
// public key file, or the agent's only key.
func (p *program) signer(path string) (ssh.Signer, func(), error) {
	path = cmp.Or(path, p.env("KEYROTOR_SSH_KEY"))
	if path == "" {
		return p.onlyAgentKey()
	}
	data, err := readInput(path, maxText)
	if err != nil {
		return nil, nil, usage("read the signing key: %w", err)
	}
	if pub, _, _, _, err := ssh.ParseAuthorizedKey(data); err == nil {
		return p.agentKeyFor(pub, path)
	}
	key, err := ssh.ParsePrivateKey(data)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		key, err = p.unlock(path, data)
	}
	if err != nil {
		return nil, nil, usage("the signing key %s: %w", path, err)
	}
	return key, func() {}, nil
}

func (p *program) unlock(path string, data []byte) (ssh.Signer, error) {
	in, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, fmt.Errorf("it has a passphrase and nobody is here to type it: add it to the ssh-agent (ssh-add %s) and give %s.pub", path, path)
	}
	fmt.Fprintf(p.err, "passphrase of %s: ", report.Clean(path))
	typed, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(p.err)
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKeyWithPassphrase(data, typed)
}

func (p *program) onlyAgentKey() (ssh.Signer, func(), error) {
	keys, err := p.agentKeys()
	if err != nil {
		return nil, nil, err
	}
	if len(keys.signers) == 1 {
		return keys.signers[0], keys.close, nil
	}
	keys.close()
	why := "no ssh-agent was found (SSH_AUTH_SOCK is not set)"
	if p.env("SSH_AUTH_SOCK") != "" {
		why = "the ssh-agent holds " + count(len(keys.signers), "key") + ", so it cannot be told which"
	}
	return nil, nil, &keyrotor.Refusal{
		What: "no signing key was given", Why: []string{why}, Now: "nothing was signed",
		Next: p.again("--key", "KEY") + "\nKEY is your SSH private key, or the .pub file of a key in your ssh-agent",
	}
}

func (p *program) agentKeyFor(pub ssh.PublicKey, path string) (ssh.Signer, func(), error) {
	keys, err := p.agentKeys()
	if err != nil {
		return nil, nil, err
	}
	for _, s := range keys.signers {
		if bytes.Equal(s.PublicKey().Marshal(), pub.Marshal()) {
			return s, keys.close, nil
		}
	}
	keys.close()
	refusal := &keyrotor.Refusal{What: "the ssh-agent does not hold the key of " + path, Now: "nothing was signed", Next: "ssh-add " + pathWord(strings.TrimSuffix(path, ".pub"))}
	switch {
	case p.env("SSH_AUTH_SOCK") == "":
		refusal.Why = []string{"there is no ssh-agent: SSH_AUTH_SOCK is not set"}
	case len(keys.signers) == 0:
		refusal.Why = []string{"it holds no keys: it is empty, or locked"}
		refusal.Next += "; ssh-add -X where it is locked"
	}
	return nil, nil, refusal
}

// ownKeys are the public keys that the caller holds: of a file, of
// KEYROTOR_SSH_KEY, else the agent's.
func (p *program) ownKeys(file string) ([]ssh.PublicKey, error) {
	if path := cmp.Or(file, p.env("KEYROTOR_SSH_KEY")); path != "" {
		key, err := publicKey(path)
		if err != nil {
			return nil, err
		}
		return []ssh.PublicKey{key}, nil
	}
	keys, err := p.agentKeys()
	if err != nil {
		return nil, err
	}
	defer keys.close()
	var pubs []ssh.PublicKey
	for _, s := range keys.signers {
		pubs = append(pubs, s.PublicKey())
	}
	return pubs, nil
}

// publicKey reads a public key, or the public half of a private key.
func publicKey(path string) (ssh.PublicKey, error) {
	for _, file := range []string{path + ".pub", path} {
		data, err := readInput(file, maxText)
		if err != nil {
			continue
		}
		if pub, _, _, _, err := ssh.ParseAuthorizedKey(data); err == nil {
			return pub, nil
		}
		if key, err := ssh.ParsePrivateKey(data); err == nil {
			return key.PublicKey(), nil
		}
		var locked *ssh.PassphraseMissingError
		if _, err := ssh.ParsePrivateKey(data); errors.As(err, &locked) && locked.PublicKey != nil {
			return locked.PublicKey, nil
		}
	}
	return nil, usage("%s holds no SSH key that can be read", path)
}

func fingerprintOf(k ssh.PublicKey) string { return ssh.FingerprintSHA256(k) }
