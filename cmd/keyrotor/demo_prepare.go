package main

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// prepare makes the folder, the approvers' keys and the configuration, starts
// the sandbox and points this process's AWS clients at it.
func (d *demo) prepare(dir string) error {
	var err error
	if dir == "" {
		if dir, err = os.MkdirTemp("", "keyrotor-demo-"); err != nil {
			return fmt.Errorf("make a folder for the demo: %w", err)
		}
	}
	if d.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := d.unused(dir); err != nil {
		return err
	}
	if d.server, err = d.startSandbox(sandboxFlags{listen: "127.0.0.1:0", world: d.world, seed: 1}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "keys"), 0o700); err != nil {
		return usageNext("keyrotor demo   leaves everything in a new temporary folder", "make the demo's folder: %w", err)
	}
	var signers strings.Builder
	for _, who := range append(demoApprovers(), demoAuthor) {
		public, err := d.newKey(who)
		if err != nil {
			return err
		}
		fmt.Fprintf(&signers, "%s %s", who, public)
	}
	files := map[string]string{
		"allowed_signers": signers.String(),
		"keyrotor.yaml": "# what the demo ran with\napproval:\n  signers: allowed_signers\n  needed: 2\n  valid: 24h\n" +
			"apply:\n  patience: 10s\nstate: state\nledger_key: ledger.key\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			return usage("write the demo's files: %w", err)
		}
	}
	d.flags.config = filepath.Join(d.dir, "keyrotor.yaml")
	d.flags.state, d.flags.run = "", ""
	return d.pointHere()
}

// unused refuses a folder that holds anything: the demo writes a configuration,
// signers and keys, and would write them over somebody's own.
func (d *demo) unused(given string) error {
	there, err := os.ReadDir(d.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(there) == 0 {
		return nil
	}
	if err != nil {
		return usageNext("keyrotor demo   leaves everything in a new temporary folder", "look into the demo's folder: %w", err)
	}
	beside := filepath.Clean(given) + "-"
	if base := filepath.Base(beside); base == ".-" || base == "..-" {
		beside = filepath.Join(given, "demo-")
	}
	free := ""
	for n := 2; free == "" && n < 100; n++ {
		if _, err := os.Lstat(fmt.Sprint(beside, n)); errors.Is(err, fs.ErrNotExist) {
			free = fmt.Sprint(beside, n)
		}
	}
	what := "%s is not empty: the demo writes a configuration and keys of its own"
	next := "keyrotor demo --dir " + quoted(free)
	if _, err := os.Stat(filepath.Join(d.dir, "state")); err == nil {
		what = "%s holds what an earlier demo left"
		next += "   makes another one\nkeyrotor evidence verify --key " + quoted(filepath.Join(given, "ledger.pub")) + " " + quoted(filepath.Join(given, "state")) + "   checks this one"
	}
	return usageNext(next, what, d.dir)
}

// newKey makes an approver's key pair and returns its allowed_signers part.
func (d *demo) newKey(who string) (string, error) {
	_, private, err := ed25519.GenerateKey(d.rand)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, who)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(d.key(who), pem.EncodeToMemory(block), 0o600); err != nil {
		return "", usage("write the demo's keys: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return "", err
	}
	return string(ssh.MarshalAuthorizedKey(signer.PublicKey())), nil
}

func (d *demo) key(who string) string {
	name, _, _ := strings.Cut(who, "@")
	return filepath.Join(d.dir, "keys", name)
}

// pointHere sets the environment that `keyrotor sandbox` prints, so that the
// demo's commands take the very path that a user's would. Profiles of this
// machine are kept out.
func (d *demo) pointHere() error {
	env := append(sandboxEnv(d.server.url, d.server.management),
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_PROFILE=", "AWS_SESSION_TOKEN=")
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	ambient := d.env
	d.env = func(name string) string {
		switch name {
		case "KEYROTOR_LEDGER_KEY":
			return "" // the configuration names the demo's own
		case "KEYROTOR_SSH_KEY":
			return d.key(demoAuthor)
		case "SSH_AUTH_SOCK":
			return "" // the keys of the person at the keyboard sign nothing here
		}
		return ambient(name)
	}
	return nil
}
