package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// Sizes of the scan that is timed: three accounts × 4 Regions × 500 keys.
const (
	rateRounds   = 7
	rateAccounts = 3
)

// side is a program that makes the calls of a scan, in a process of its own: how
// a program keeps its memory is a part of how fast it is.
type side struct {
	name  string
	child string
	env   []string

	took  []float64 // of each round, in seconds
	calls map[string]int
}

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
	keyrotor := &side{name: "keyrotor", child: childScan}
	floor := &side{name: "bare loop", child: childBare, env: []string{"GOGC=100"}} // Go's default
	tuned := &side{name: "bare loop with keyrotor's GOGC", child: childBare, env: []string{fmt.Sprintf("GOGC=%d", garbageOfCalls)}}
	sides := []*side{floor, keyrotor, tuned}
	// The first round fills the caches of the machine, and is thrown away.
	for round := range rateRounds + 1 {
		for _, side := range inTurn(sides, round) {
			if err := side.run(ctx, b, s, accounts); err != nil {
				return err
			}
			if round == 0 {
				side.took = nil
			}
		}
		for _, side := range []*side{floor, tuned} {
			if !sameCalls(side.calls, keyrotor.calls) {
				return fmt.Errorf("not the same calls: the %s made %v, keyrotor %v", side.name, side.calls, keyrotor.calls)
			}
		}
	}
	work := float64(sum(keyrotor.calls))
	for _, side := range sides {
		b.note("scan-rate: %s: %.0f calls/s", side.name, work/median(side.took))
	}
	b.note("scan-rate: %.3f over a bare loop with keyrotor's GOGC", median(ratios(tuned.took, keyrotor.took)))
	b.atLeast("scan-rate", median(ratios(floor.took, keyrotor.took)), 1, "keyrotor's calls a second / those of a bare SDK loop")
	return nil
}

// run makes the calls once.
func (p *side) run(ctx context.Context, b *bench, s *server, accounts []string) (err error) {
	var took time.Duration
	p.calls, err = s.callsOf(ctx, func() error {
		took, err = b.timeOf(ctx, p.env, append([]string{p.child, b.state()}, accounts...)...)
		return err
	})
	p.took = append(p.took, took.Seconds())
	return err
}

// timeOf runs one of bench's own children and returns the time that it took by its
// own clock, the start of the process left out.
func (b *bench) timeOf(ctx context.Context, env []string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, b.self, args...)
	cmd.Dir, cmd.Env = b.dir, append(os.Environ(), env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", args[0], err, said.String())
	}
	took, err := time.ParseDuration(strings.TrimSpace(string(out)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", args[0], err)
	}
	return took, nil
}

// sayTime does something and prints how long it took, for timeOf.
func sayTime(out io.Writer, do func() error) error {
	start := time.Now()
	if err := do(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, time.Since(start))
	return err
}

// inTurn begins each round with another side, so that none has the better place.
func inTurn(sides []*side, round int) []*side {
	first := round % len(sides)
	return append(slices.Clone(sides[first:]), sides[:first]...)
}

// ratios are those of each round: what slows a machine slows both sides of it.
func ratios(over, under []float64) []float64 {
	all := make([]float64, len(over))
	for i := range over {
		all[i] = over[i] / under[i]
	}
	return all
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

// callsOf counts the KMS calls that the server answered meanwhile.
func (s *server) callsOf(ctx context.Context, do func() error) (map[string]int, error) {
	before, err := s.kmsCalls(ctx)
	if err != nil {
		return nil, err
	}
	if err := do(); err != nil {
		return nil, err
	}
	after, err := s.kmsCalls(ctx)
	if err != nil {
		return nil, err
	}
	for call, n := range before {
		after[call] -= n
	}
	maps.DeleteFunc(after, func(_ string, n int) bool { return n == 0 })
	return after, nil
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
