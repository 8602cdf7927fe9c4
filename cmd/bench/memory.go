package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/store"
)

// mostMemory is the goal of 100,000 keys, in MB of a million bytes, for each stage.
const (
	mostMemory = 300
	manyKeys   = 100_000
)

// takeMemory scans 100,000 keys and takes them through the stages that read
// the inventory, each in a process of its own.
func takeMemory(ctx context.Context, b *bench) error {
	if _, err := b.world(ctx, "large"); err != nil {
		return err
	}
	w, err := b.workplace()
	if err != nil {
		return err
	}
	scanned, err := b.costOf(ctx, nil, []int{0}, b.self, childScan, w.state)
	if err != nil {
		return err
	}
	if err := holdsAll(w.state); err != nil {
		return err
	}
	b.memory("scan-memory-100k", scanned)
	stages := []struct {
		figure string
		args   []string
	}{
		{"assess-memory-100k", []string{"assess"}},
		{"plan-memory-100k", []string{"plan", "--out", filepath.Join(b.dir, "plan.json")}},
		{"report-memory-100k", []string{"report"}},
	}
	if _, err := os.Stat(b.binary); err != nil {
		for _, s := range stages {
			b.skip(s.figure, "no bin/keyrotor: make build")
		}
		return nil
	}
	for _, s := range stages {
		c, err := b.costOf(ctx, w.env, []int{0, 4, 5}, append([]string{b.binary, "--config", w.config}, s.args...)...)
		if err != nil {
			return err
		}
		b.memory(s.figure, c)
	}
	return nil
}

func (b *bench) memory(figure string, c cost) {
	if c.Unknown {
		b.skip(figure, "this system does not tell a process's memory")
		return
	}
	b.note("%s: %.1f s, %.1f s of processor", figure, c.Took.Seconds(), c.CPU.Seconds())
	b.atMost(figure, float64(c.Bytes/10_000)/100, mostMemory, "MB, peak resident, 100,000 keys")
}

// holdsAll makes sure that the scan that was measured read the whole world.
func holdsAll(dir string) error {
	state, err := store.Open(dir)
	if err != nil {
		return err
	}
	run, err := state.Latest()
	if err != nil {
		return err
	}
	s, err := cycle.Summary(run)
	if err != nil {
		return err
	}
	if s.Population == nil || s.Population.Customer < manyKeys {
		return fmt.Errorf("the scan did not read %d keys: %+v", manyKeys, s.Population)
	}
	return nil
}

// workplace is what a user has: a configuration, a state folder, keys.
type workplace struct {
	config, state string
	env           []string
	signer        signer
}

func (b *bench) workplace() (workplace, error) {
	dir, err := os.MkdirTemp(b.dir, "workplace-")
	if err != nil {
		return workplace{}, err
	}
	w := workplace{config: filepath.Join(dir, "keyrotor.yaml"), state: filepath.Join(dir, "state")}
	if w.signer, err = newSigner(); err != nil {
		return w, err
	}
	private := filepath.Join(dir, "key")
	for path, text := range map[string][]byte{
		w.config:                              []byte("approval:\n  signers: allowed_signers\nstate: state\n"),
		private:                               w.signer.private,
		filepath.Join(dir, "allowed_signers"): w.signer.allowed(),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return w, err
		}
	}
	w.env = []string{
		"KEYROTOR_SSH_KEY=" + private, "KEYROTOR_LEDGER_KEY=" + ledgerKey(w.state), "SSH_AUTH_SOCK=",
	}
	return w, nil
}
