package main

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// Sizes of the scan that is timed: an account × 4 Regions × 500 keys.
const (
	rateRounds   = 15
	rateAccounts = 1
)

// takeScanRate times keyrotor's scan, which writes an inventory, against a bare
// loop that makes the same calls with the same concurrency and throws the
// answers away.
func takeScanRate(ctx context.Context, b *bench) error {
	s, err := b.world(ctx, "large")
	if err != nil {
		return err
	}
	accounts, err := someAccounts(rateAccounts)
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(garbageOfCalls)) // of both sides
	var ratios, ours, floors []float64
	// The first round fills connection pools and caches, and is thrown away.
	for round := range rateRounds + 1 {
		floor, keyrotor, err := s.both(ctx, b, accounts, round%2 == 1)
		if err != nil {
			return err
		}
		if !sameCalls(floor.calls, keyrotor.calls) {
			return fmt.Errorf("not the same calls: the bare loop made %v, keyrotor %v", floor.calls, keyrotor.calls)
		}
		b.note("scan-rate round %d: %d calls, bare loop %.0f/s, keyrotor %.0f/s", round, sum(keyrotor.calls), floor.rate(), keyrotor.rate())
		if round > 0 {
			ratios = append(ratios, floor.took.Seconds()/keyrotor.took.Seconds())
			ours, floors = append(ours, keyrotor.rate()), append(floors, floor.rate())
		}
	}
	b.note("scan-rate: medians: bare loop %.0f calls/s, keyrotor %.0f calls/s", median(floors), median(ours))
	b.atLeast("scan-rate", median(ratios), 1, "keyrotor's calls a second / those of a bare SDK loop")
	return nil
}

// sameCalls allows the floor a few more: it loses connections, and the SDK then
// repeats the call. Those add to its time and are not counted as work.
func sameCalls(floor, keyrotor map[string]int) bool {
	if len(floor) != len(keyrotor) {
		return false
	}
	for call, n := range keyrotor {
		if repeats := floor[call] - n; repeats < 0 || repeats > max(3, n/100) {
			return false
		}
	}
	return true
}

// both times the two scans, in either order.
func (s *server) both(ctx context.Context, b *bench, accounts []string, swap bool) (floor, keyrotor timed, err error) {
	sides := []func() error{
		func() (err error) {
			floor, err = s.timed(ctx, func() error { return bareScan(ctx, accounts) })
			return err
		},
		func() (err error) {
			keyrotor, err = s.timed(ctx, func() error {
				_, _, err := scan(ctx, b.state(), aws.Config{Quota: noQuota, Accounts: accounts})
				return err
			})
			return err
		},
	}
	if swap {
		slices.Reverse(sides)
	}
	for _, side := range sides {
		if err := side(); err != nil {
			return floor, keyrotor, err
		}
	}
	return floor, keyrotor, nil
}

// timed is how long something took and which KMS calls it made.
type timed struct {
	took  time.Duration
	calls map[string]int
}

func (t timed) rate() float64 { return float64(sum(t.calls)) / t.took.Seconds() }

func (s *server) timed(ctx context.Context, do func() error) (timed, error) {
	before, err := s.kmsCalls(ctx)
	if err != nil {
		return timed{}, err
	}
	runtime.GC() // the garbage of one side is not the other's to collect
	start := time.Now()
	if err := do(); err != nil {
		return timed{}, err
	}
	took := time.Since(start)
	after, err := s.kmsCalls(ctx)
	if err != nil {
		return timed{}, err
	}
	for call, n := range before {
		after[call] -= n
	}
	maps.DeleteFunc(after, func(_ string, n int) bool { return n == 0 })
	return timed{took, after}, nil
}

// someAccounts are members of the large world.
func someAccounts(n int) ([]string, error) {
	w, err := sandbox.World("large")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, a := range w.Accounts[1 : n+1] { // the first is the management account
		ids = append(ids, a.ID)
	}
	return ids, nil
}

func sum(counts map[string]int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}
