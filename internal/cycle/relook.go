package cycle

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrotor/keyrotor"
)

// Relook reads the keys that a run touched once more, as the inventory of a new
// run, and returns them by ARN: what an undo is planned from.
func Relook(ctx context.Context, a *Record, p keyrotor.Plan, outcomes []keyrotor.Outcome, look func(context.Context, keyrotor.Target) (keyrotor.Asset, error), now func() time.Time) (map[string]keyrotor.Asset, keyrotor.Population, error) {
	pop := keyrotor.Population{Run: a.ID(), Undoes: p.Run, Started: now().UTC(), AccountsFrom: "the changes of run " + string(p.Run), RegionsFrom: "the changes of run " + string(p.Run)}
	byID := map[keyrotor.ChangeID]keyrotor.Change{}
	for _, c := range p.Changes {
		byID[c.ID] = c
	}
	seen := make([]*keyrotor.Asset, len(outcomes))
	gaps := make([]*keyrotor.Gap, len(outcomes))
	var g errgroup.Group
	g.SetLimit(16)
	for i, o := range outcomes {
		g.Go(func() error {
			target := verifyTarget(byID[o.Change], o)
			fresh, err := look(ctx, target)
			switch {
			case err == nil:
				seen[i] = &fresh
			case ctx.Err() != nil:
				return err
			case !errors.Is(err, keyrotor.ErrNotFound): // the undo says that it is gone
				// One key that cannot be read is no reason to leave all others as
				// they are: the undo says that it was left out.
				gaps[i] = gapOf(target, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, pop, err
	}
	fresh := map[string]keyrotor.Asset{}
	err := a.Write(FileInventory, func(w io.Writer) error {
		lines := newLineWriter(w)
		for _, asset := range seen {
			if asset == nil {
				continue
			}
			if _, twice := fresh[asset.ARN]; twice {
				continue
			}
			fresh[asset.ARN] = *asset
			pop.Keys++
			pop.Customer++
			if err := lines.write(keyrotor.InventoryLine{Schema: keyrotor.SchemaInventory, Version: keyrotor.SchemaVersion, Asset: asset}); err != nil {
				return err
			}
		}
		for _, gap := range gaps {
			if gap == nil {
				continue
			}
			pop.Gaps++
			if err := lines.write(keyrotor.InventoryLine{Schema: keyrotor.SchemaInventory, Version: keyrotor.SchemaVersion, Gap: gap}); err != nil {
				return err
			}
		}
		pop.Ended = now().UTC()
		if err := lines.write(keyrotor.InventoryLine{Schema: keyrotor.SchemaInventory, Version: keyrotor.SchemaVersion, Population: &pop}); err != nil {
			return err
		}
		return lines.flush()
	})
	if err != nil {
		return nil, pop, err
	}
	return fresh, pop, updateSummary(a, func(s *keyrotor.Summary) { s.Population, s.Updated = &pop, pop.Ended })
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
