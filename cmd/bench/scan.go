package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/inventory"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/store"
)

// childScan scans the whole world, or the accounts that are named, into the given
// state folder: a process of its own, whose memory and time can be measured.
const childScan = "scan"

func scanOnce(ctx context.Context, args []string, out io.Writer) error {
	if len(args) < 1 {
		return errors.New("scan: name a state folder")
	}
	debug.SetGCPercent(garbageOfCalls)
	return sayTime(out, func() error {
		_, _, err := scanThen(ctx, args[0], aws.Config{Quota: noQuota, Accounts: args[1:]}, (*cycle.Record).Seal) // what no seal covers is not built on
		return err
	})
}

// garbageOfCalls is the percentage under which the keyrotor program scans, see
// cmd/keyrotor/garbage.go.
const garbageOfCalls = 800

// noQuota lifts the quotas, so that what is measured is keyrotor and not the
// waiting that AWS asks for.
func noQuota(string) (keyrotor.Quota, bool) {
	return keyrotor.Quota{PerSecond: 10_000_000, Burst: 10_000_000}, true
}

// scan is what `keyrotor scan` does, with other quotas.
func scan(ctx context.Context, dir string, cfg aws.Config) (*store.Run, keyrotor.Population, error) {
	return scanThen(ctx, dir, cfg, func(*cycle.Record) error { return nil })
}

// scanThen does something more with the record before it is closed.
func scanThen(ctx context.Context, dir string, cfg aws.Config, then func(*cycle.Record) error) (*store.Run, keyrotor.Population, error) {
	state, err := store.Open(dir)
	if err != nil {
		return nil, keyrotor.Population{}, err
	}
	run, err := state.NewRun(time.Now().UTC(), rand.Reader)
	if err != nil {
		return nil, keyrotor.Population{}, err
	}
	estate, err := aws.Open(ctx, cfg)
	if err != nil {
		return nil, keyrotor.Population{}, err
	}
	rec, err := record(state, run)
	if err != nil {
		return nil, keyrotor.Population{}, err
	}
	pop, err := cycle.Scan(ctx, rec, estate, inventory.Options{})
	if err == nil {
		err = then(rec)
	}
	if err := errors.Join(err, rec.Log.Close()); err != nil {
		return nil, pop, fmt.Errorf("keyrotor's scan: %w", err)
	}
	return run, pop, nil
}

// ledgerKey is where the key is kept that seals a state: beside it.
func ledgerKey(state string) string { return state + ".key" }

// record takes the run up as its one writer, as the commands do.
func record(state *store.State, run *store.Run) (*cycle.Record, error) {
	signer, _, err := ledger.LoadOrCreateKey(ledgerKey(state.Dir()), "keyrotor-ledger", rand.Reader)
	if err != nil {
		return nil, err
	}
	return cycle.Open(run, run.Dir(), signer, filepath.Join(state.Dir(), "ledger"), time.Now)
}
