package main

import (
	"context"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/cycle"
)

// takeCallsPerKey compares the KMS calls that a scan of the demo world made, as
// the server counted them, with those that the wanted facts need, as counted
// here from what the inventory says the world holds.
func takeCallsPerKey(ctx context.Context, b *bench) error {
	s, err := b.world(ctx, "demo")
	if err != nil {
		return err
	}
	var (
		pop  keyrotor.Population
		need need
	)
	made, err := s.callsOf(ctx, func() error {
		run, p, err := scan(ctx, b.state(), aws.Config{Quota: noQuota})
		if err != nil {
			return err
		}
		pop = p
		need, err = needOf(run)
		return err
	})
	if err != nil {
		return err
	}
	b.note("scan-calls-per-key: %d calls for %d customer keys: %v", sum(made), pop.Customer, made)
	b.note("scan-calls-per-key: needed %d: %v", sum(need.calls), need.calls)
	customer := float64(pop.Customer)
	b.atMost("scan-calls-per-key", float64(sum(made))/customer, float64(sum(need.calls))/customer, "calls per customer managed key; the goal is what the wanted facts need")
	return nil
}

// need is the least number of calls that the facts of an inventory take.
type need struct {
	calls   map[string]int
	aliases map[[2]string]int // by place
}

func needOf(run cycle.Artifacts) (need, error) {
	n := need{map[string]int{}, map[[2]string]int{}}
	inv, err := cycle.ReadInventory(run, func(a keyrotor.Asset) error {
		n.key(a)
		return nil
	})
	for _, p := range inv.Places {
		n.place(p)
	}
	return n, err
}

// key counts the facts wanted of one key: description, rotation status, history,
// tags, policy. An AWS managed key has none but its description, and one that
// refuses the description is asked no more.
func (n need) key(a keyrotor.Asset) {
	n.aliases[[2]string{a.Account, a.Region}] += len(a.KMS.Aliases)
	n.calls["kms:DescribeKey"]++
	if a.KMS.AWSManaged() || a.Refused(keyrotor.FactDescription) {
		return
	}
	status, history := tellsOfRotation(a.KMS.Spec, a.KMS.Origin, a.KMS.State)
	if status {
		n.calls["kms:GetKeyRotationStatus"]++
	}
	if history {
		n.calls["kms:ListKeyRotations"]++
	}
	n.calls["kms:ListResourceTags"]++
	n.calls["kms:GetKeyPolicy"]++
}

// place counts the listings: names, and the keys twice, before and after. A
// place that refuses the list of keys is asked once.
func (n need) place(p keyrotor.Place) {
	if p.Status == keyrotor.PlaceExcluded {
		return
	}
	n.calls["kms:ListAliases"] += pages(n.aliases[[2]string{p.Account, p.Region}], 100)
	if p.Status == keyrotor.PlaceGap {
		n.calls["kms:ListKeys"]++
		return
	}
	n.calls["kms:ListKeys"] += 2 * pages(p.Listed, 1000)
}

func pages(n, size int) int { return max(1, (n+size-1)/size) }
