package cycle

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrotor/keyrotor"
)

// RelookOptions is what a look at an earlier run's keys needs.
type RelookOptions struct {
	// Plan and Outcomes are of the run that is looked back at.
	Plan     keyrotor.Plan
	Outcomes []keyrotor.Outcome
	// Look reads with the scan role.
	Look func(ctx context.Context, t keyrotor.Target) (keyrotor.Asset, error)
	Now  func() time.Time
	// Version is that of the keyrotor that looks, Endpoints what it asks in place of AWS.
	Version   string
	Endpoints []string
}

// Relook reads the keys that a run touched once more, as the inventory of a new
// run, and returns them by ARN: what an undo is planned from.
func Relook(ctx context.Context, a *Record, o RelookOptions) (map[string]keyrotor.Asset, keyrotor.Population, error) {
	from := "the changes of run " + string(o.Plan.Run)
	pop := keyrotor.Population{Run: a.ID(), Undoes: o.Plan.Run, Version: o.Version, Endpoints: o.Endpoints, Started: o.Now().UTC(), AccountsFrom: from, RegionsFrom: from}
	all, err := glances(ctx, o)
	if err != nil {
		return nil, pop, err
	}
	fresh := map[string]keyrotor.Asset{}
	var keys, gaps []keyrotor.InventoryLine
	for _, g := range all {
		switch {
		case g.gap != nil:
			gaps = append(gaps, keyrotor.InventoryLine{Gap: g.gap})
		case g.asset != nil:
			if _, twice := fresh[g.asset.ARN]; !twice {
				fresh[g.asset.ARN] = *g.asset
				keys = append(keys, keyrotor.InventoryLine{Asset: g.asset})
			}
		}
	}
	pop.Keys, pop.Customer, pop.Gaps, pop.Ended = len(keys), len(keys), len(gaps), o.Now().UTC()
	lines := slices.Concat(keys, gaps, []keyrotor.InventoryLine{{Population: &pop}})
	for i := range lines {
		lines[i].Schema, lines[i].Version = keyrotor.SchemaInventory, keyrotor.SchemaVersion
	}
	if err := writeLines(a, FileInventory, lines); err != nil {
		return nil, pop, err
	}
	return fresh, pop, updateSummary(a, func(s *keyrotor.Summary) { s.Population, s.Updated = &pop, pop.Ended })
}

// glance is what one look gave: the key, or the gap; neither where it is gone,
// which the undo says.
type glance struct {
	asset *keyrotor.Asset
	gap   *keyrotor.Gap
}

// glances looks at the key of every outcome. One that cannot be read is no reason
// to leave all others as they are: the undo says that it was left out.
func glances(ctx context.Context, o RelookOptions) ([]glance, error) {
	byID := map[keyrotor.ChangeID]keyrotor.Change{}
	for _, c := range o.Plan.Changes {
		byID[c.ID] = c
	}
	all := make([]glance, len(o.Outcomes))
	var g errgroup.Group
	g.SetLimit(16)
	for i, out := range o.Outcomes {
		g.Go(func() error {
			target := verifyTarget(byID[out.Change], out)
			fresh, err := o.Look(ctx, target)
			switch {
			case err == nil:
				all[i].asset = &fresh
			case ctx.Err() != nil:
				return err
			case !errors.Is(err, keyrotor.ErrNotFound):
				all[i].gap = gapOf(target, err)
			}
			return nil
		})
	}
	return all, g.Wait()
}

// gapOf is what could not be looked at, in the service's own words.
func gapOf(t keyrotor.Target, err error) *keyrotor.Gap {
	gap := &keyrotor.Gap{
		Account: t.Account, Region: t.Region, Asset: t.ARN, Fact: keyrotor.FactDescription,
		Call: "kms:DescribeKey", Code: "Unreadable", Cause: keyrotor.CauseOther, Message: err.Error(),
	}
	var failed *keyrotor.CallFailed
	if errors.As(err, &failed) {
		gap.Call, gap.Code, gap.Message = failed.Call, failed.Code, failed.Message
	}
	return gap
}
