package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/store"
)

// Sizes of the world with quotas: some 15 to 20 s of waiting on each side,
// which pass at the same time, since quotas are per Region.
const (
	regionToChange, keysToChange = "us-east-1", 300
	regionToRead, keysToRead     = "eu-west-1", 1800
	mostOverQuota                = 1.10
)

// takeQuotas lets keyrotor work against a sandbox that enforces the documented
// quotas, and compares the time with what the quotas alone force.
func takeQuotas(ctx context.Context, b *bench) error {
	s, err := b.world(ctx, worldQuotas)
	if err != nil {
		return err
	}
	job, err := b.approvedJob(ctx)
	if err != nil {
		return err
	}
	var applied, scanned time.Duration
	both, bctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		applied, err = job.apply(bctx)
		return err
	})
	both.Go(func() error {
		start := time.Now()
		_, pop, err := scan(bctx, b.state(), aws.Config{Regions: []string{regionToRead}})
		scanned = time.Since(start)
		if err == nil && pop.Customer != keysToRead {
			err = fmt.Errorf("%d keys read, not %d", pop.Customer, keysToRead)
		}
		return err
	})
	if err := both.Wait(); err != nil {
		return err
	}
	failed, err := s.refused(ctx)
	if err != nil {
		return err
	}
	b.overQuota("quota-time", "kms:EnableKeyRotation", keysToChange, applied, "apply of 300 changes")
	b.overQuota("quota-time-scan", "kms:ListKeyRotations", keysToRead, scanned, "scan of 1,800 keys")
	b.atMost("quota-failed-calls", float64(failed), 0, "calls answered with an error")
	return nil
}

// overQuota prints a time over the one that the quota of a call forces: a full
// bucket first, then the documented rate.
func (b *bench) overQuota(figure, call string, calls int, took time.Duration, what string) {
	q, _ := keyrotor.RequestQuota(call)
	forced := float64(calls-q.Burst) / float64(q.PerSecond)
	b.note("%s: %.2f s; %d × %s alone force %.2f s", figure, took.Seconds(), calls, call, forced)
	b.atMost(figure, took.Seconds()/forced, mostOverQuota, "time / the time that "+call+" alone forces, "+what)
}

// job is a plan that was approved and may be applied.
type job struct {
	run     *store.Run
	plan    keyrotor.Plan
	signers *approve.AllowedSigners
	signed  keyrotor.Approval
}

// approvedJob goes round the loop up to the approval: rotation on for every key
// of the first Region.
func (b *bench) approvedJob(ctx context.Context) (job, error) {
	w, err := b.workplace()
	if err != nil {
		return job{}, err
	}
	run, pop, err := scan(ctx, w.state, aws.Config{Regions: []string{regionToChange}})
	if err != nil {
		return job{}, err
	}
	pack, err := assess.Builtin()
	if err != nil {
		return job{}, err
	}
	now := time.Now().UTC()
	judge, err := assess.New(assess.Options{Packs: []*assess.Pack{pack}, Now: now})
	if err != nil {
		return job{}, err
	}
	j := job{run: run}
	j.plan, err = plan.Build(cycle.Assessments(run, judge), plan.Options{
		Run: run.ID(), Author: keyrotor.Author{Identity: pop.Identity}, Inputs: keyrotor.Inputs{InventoryTaken: pop.Ended},
		Needs: keyrotor.Needs{Approvals: 1, AuthorMayApprove: true, ValidHours: 24}, Now: now,
	})
	if err != nil {
		return j, err
	}
	if len(j.plan.Changes) != keysToChange {
		return j, fmt.Errorf("the plan has %d changes, not %d", len(j.plan.Changes), keysToChange)
	}
	if j.signers, err = approve.ParseAllowedSigners("allowed_signers", w.signer.allowed()); err != nil {
		return j, err
	}
	j.signed, err = w.signer.approve(j.plan)
	return j, err
}

// apply carries the plan out as `keyrotor apply` does, ledger and fresh looks
// included.
func (j job) apply(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	estate, err := aws.Open(ctx, aws.Config{})
	if err != nil {
		return 0, err
	}
	state, err := store.Open(filepath.Dir(filepath.Dir(j.run.Dir())))
	if err != nil {
		return 0, err
	}
	rec, err := record(state, j.run)
	if err != nil {
		return 0, err
	}
	actor := estate.KMSActor()
	done, err := cycle.Apply(ctx, rec, cycle.ApplyOptions{
		Plan: j.plan, Approvals: []keyrotor.Approval{j.signed}, Signers: j.signers,
		Actor: func(keyrotor.Step) (apply.Actor, bool) { return actor, true },
		Look:  estate.LookForApply, Verify: estate.LookFor, Needs: j.plan.Needs, Now: time.Now,
	})
	took := time.Since(start)
	if err := errors.Join(err, rec.Log.Close()); err != nil {
		return took, err
	}
	if n := done.Counts(); n[keyrotor.Succeeded] != keysToChange {
		return took, fmt.Errorf("apply ended with %v", n)
	}
	return took, nil
}
