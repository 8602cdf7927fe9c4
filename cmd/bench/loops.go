package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/cycle"
)

const (
	shellSample, shellGoal = 5, 10
	boto3Sample, boto3Goal = 500, 2
)

//go:embed loop.py
var boto3Loop string

// takeLoops times what people use today on some keys of the large world, and
// keyrotor's scan on more of them, a key each.
func takeLoops(ctx context.Context, b *bench) error {
	if _, err := b.world(ctx, "large"); err != nil {
		return err
	}
	accounts, err := someAccounts(1)
	if err != nil {
		return err
	}
	var keys []keyrotor.Asset
	perKey := func() (float64, error) {
		start := time.Now()
		run, pop, err := scan(ctx, b.state(), aws.Config{Quota: noQuota, Accounts: accounts})
		if err != nil {
			return 0, err
		}
		took := time.Since(start)
		if len(keys) == 0 {
			keys, err = firstKeys(run, boto3Sample)
		}
		return took.Seconds() / float64(pop.Customer), err
	}
	if _, err := perKey(); err != nil { // the first fills pools and caches
		return err
	}
	if err := b.shellLoop(ctx, keys[:shellSample], perKey); err != nil {
		return fmt.Errorf("shell-loop: %w", err)
	}
	if err := b.boto3Loop(ctx, keys, perKey); err != nil {
		return fmt.Errorf("boto3-loop: %w", err)
	}
	return nil
}

// firstKeys are keys of one account and Region.
func firstKeys(run cycle.Artifacts, n int) ([]keyrotor.Asset, error) {
	var keys []keyrotor.Asset
	_, err := cycle.ReadInventory(run, func(a keyrotor.Asset) error {
		if len(keys) < n && (len(keys) == 0 || a.Region == keys[0].Region) {
			keys = append(keys, a)
		}
		return nil
	})
	if err == nil && len(keys) < n {
		err = fmt.Errorf("one place has %d keys, not %d", len(keys), n)
	}
	return keys, err
}

// shellLoop runs `aws kms describe-key` per key: one call, where keyrotor makes
// four or five.
func (b *bench) shellLoop(ctx context.Context, keys []keyrotor.Asset, ours func() (float64, error)) error {
	command, ok := tool("aws")
	if !ok {
		b.skip("shell-loop", "no aws command line")
		return nil
	}
	start := time.Now()
	for _, k := range keys {
		cmd := exec.CommandContext(ctx, command, "kms", "describe-key", "--key-id", k.ID, "--region", k.Region)
		cmd.Env = as(k.Account)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	return b.faster("shell-loop", time.Since(start).Seconds()/float64(len(keys)), shellGoal, "aws kms describe-key per key", ours)
}

// boto3Loop runs a Python loop that makes the same calls per key; Python's start
// is not counted.
func (b *bench) boto3Loop(ctx context.Context, keys []keyrotor.Asset, ours func() (float64, error)) error {
	python, ok := tool("python3")
	if !ok || !hasBoto3(ctx, python) {
		b.skip("boto3-loop", "no Python with boto3")
		return nil
	}
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	cmd := exec.CommandContext(ctx, python, "-c", boto3Loop, keys[0].Region)
	cmd.Env = as(keys[0].Account)
	cmd.Stdin = strings.NewReader(strings.Join(ids, "\n"))
	cmd.Stderr = b.log
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	var seconds float64
	if err := json.Unmarshal(out, &seconds); err != nil {
		return err
	}
	return b.faster("boto3-loop", seconds/float64(len(keys)), boto3Goal, "a boto3 loop of the same calls", ours)
}

func hasBoto3(ctx context.Context, python string) bool {
	return exec.CommandContext(ctx, python, "-c", "import boto3").Run() == nil
}

// faster prints how many times less keyrotor takes for a key.
func (b *bench) faster(figure string, theirs, goal float64, what string, ours func() (float64, error)) error {
	own, err := ours()
	if err != nil {
		return err
	}
	b.note("%s: %.2f ms a key; keyrotor's scan, all facts, %.3f ms", figure, theirs*1000, own*1000)
	b.atLeast(figure, theirs/own, goal, "times faster than "+what+", time for a key")
	return nil
}

// as is this process's environment, which points at the sandbox, for an account.
func as(account string) []string { return append(os.Environ(), "AWS_ACCESS_KEY_ID="+account) }

// tool finds a program in the project's own Python environment, else anywhere.
func tool(name string) (string, bool) {
	if own, err := filepath.Abs(filepath.Join(".venv", "bin", name)); err == nil {
		if _, err := os.Stat(own); err == nil {
			return own, true
		}
	}
	path, err := exec.LookPath(name)
	return path, err == nil
}
