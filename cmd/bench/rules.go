package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/cycle"
)

const (
	million     = 1_000_000
	rulesRounds = 10
	rulesGoal   = 10 // seconds
	// floorGoal says how many times the work of hand-written Go the rules may
	// take: the price of rules that users can write and replace.
	floorGoal = 10
)

// takeRules holds a million assets, the keys of the demo world over and over,
// against the built-in pack on one core, and the same assets against the same
// questions in plain Go. What counts is processor time, so that what others do
// on the machine does not.
func takeRules(ctx context.Context, b *bench) error {
	estate, err := b.demoEstate(ctx)
	if err != nil {
		return err
	}
	pack, err := assess.Builtin()
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	judge, err := assess.New(assess.Options{Packs: []*assess.Pack{pack}, Now: now})
	if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var total time.Duration
	var ratios []float64
	for round := range rulesRounds {
		var failed, plainFailed int
		ours := spend(func() { failed = assessMany(estate, round, judge.Assess) })
		floor := spend(func() {
			plainFailed = assessMany(estate, round, func(a keyrotor.Asset) keyrotor.Assessment {
				return keyrotor.Assessment{Findings: plainFindings(&a, now)}
			})
		})
		if failed != plainFailed || failed == 0 {
			return fmt.Errorf("the rules found %d failures, the plain Go %d: not the same questions", failed, plainFailed)
		}
		total += ours
		ratios = append(ratios, ours.Seconds()/floor.Seconds())
	}
	b.atMost("rules-million", total.Seconds(), rulesGoal, "s of one core for a million assets against the built-in pack")
	b.atMost("rules-floor", median(ratios), floorGoal, "times the processor time of the same questions in plain Go")
	return ctx.Err()
}

// assessMany assesses a round's share of the million and counts the failures.
func assessMany(estate []keyrotor.Asset, round int, one func(keyrotor.Asset) keyrotor.Assessment) int {
	const share = million / rulesRounds
	failed := 0
	for i := range share {
		for _, f := range one(estate[(round*share+i)%len(estate)]).Findings {
			if f.Verdict == keyrotor.Fail {
				failed++
			}
		}
	}
	return failed
}

// spend is the processor time that do takes; on systems that do not tell it, the
// time by the clock.
func spend(do func()) time.Duration {
	begun := time.Now()
	before, ok := processorTime()
	do()
	after, _ := processorTime()
	if !ok {
		return time.Since(begun)
	}
	return after - before
}

// demoEstate is the customer managed keys of the demo world.
func (b *bench) demoEstate(ctx context.Context) ([]keyrotor.Asset, error) {
	if _, err := b.world(ctx, "demo"); err != nil {
		return nil, err
	}
	run, _, err := scan(ctx, b.state(), aws.Config{Quota: noQuota})
	if err != nil {
		return nil, err
	}
	var all []keyrotor.Asset
	_, err = cycle.ReadInventory(run, func(a keyrotor.Asset) error {
		if !a.KMS.AWSManaged() {
			all = append(all, a)
		}
		return nil
	})
	if err == nil && len(all) == 0 {
		err = errors.New("the demo world has no keys")
	}
	return all, err
}
