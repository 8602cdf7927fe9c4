package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/store"
)

// mostMemory is the goal of 100,000 keys, in MB of a million bytes, for each stage.
// mostGrowth is the goal of a scan of all of them over one of a fifth, with as many
// calls at once: memory grows with those, and not with the keys.
const (
	mostMemory = 300
	manyKeys   = 100_000
	fewerKeys  = manyKeys / 5
	mostGrowth = 1.3
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
	if err := holds(w.state, manyKeys); err != nil {
		return err
	}
	b.memory("scan-memory-100k", scanned)
	if err := b.growth(ctx, w.state+"-fifth", scanned); err != nil {
		return err
	}
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

// growth scans a fifth of the accounts, which have a fifth of the keys, and holds the
// memory of the whole scan against that.
func (b *bench) growth(ctx context.Context, state string, whole cost) error {
	const figure = "scan-memory-growth"
	w, err := sandbox.World("large")
	if err != nil {
		return err
	}
	accounts, err := someAccounts(len(w.Accounts) / 5)
	if err != nil {
		return err
	}
	fifth, err := b.costOf(ctx, nil, []int{0}, append([]string{b.self, childScan, state}, accounts...)...)
	if err != nil {
		return err
	}
	if err := holds(state, fewerKeys); err != nil {
		return err
	}
	if fifth.Unknown || whole.Unknown || fifth.Bytes == 0 {
		b.skip(figure, "this system does not tell a process's memory")
		return nil
	}
	b.note("%s: %.1f MB with %d keys, %.1f MB with %d", figure, float64(fifth.Bytes)/1e6, fewerKeys, float64(whole.Bytes)/1e6, manyKeys)
	b.atMost(figure, float64(whole.Bytes)/float64(fifth.Bytes), mostGrowth, "times, 100,000 keys over 20,000")
	return nil
}

// holds makes sure that the scan that was measured read as many keys as are named
// beside its figure, and not many more.
func holds(dir string, keys int) error {
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
	if s.Population == nil || s.Population.Customer < keys || s.Population.Customer > keys*11/10 {
		return fmt.Errorf("the scan did not read %d keys: %+v", keys, s.Population)
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
		w.config:                              []byte("approval:\n  signers: allowed_signers\n  author_may_approve: true\nstate: state\n"),
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
