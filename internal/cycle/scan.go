package cycle

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/inventory"
)

// Scan reads the estate into inventory.jsonl. Assets are streamed: what stays
// in memory does not grow with the number of keys.
func Scan(ctx context.Context, a *Record, e inventory.Estate, o inventory.Options) (keyrotor.Population, error) {
	var pop keyrotor.Population
	err := a.Write(FileInventory, func(w io.Writer) error {
		lines := newLineWriter(w)
		var err error
		pop, err = inventory.Collect(ctx, e, o, func(l keyrotor.InventoryLine) error {
			if l.Population != nil {
				l.Population.Run = a.ID()
			}
			return lines.write(l)
		})
		if err != nil {
			return err
		}
		return lines.flush()
	})
	if err != nil {
		return pop, err
	}
	pop.Run = a.ID()
	return pop, updateSummary(a, func(s *keyrotor.Summary) {
		s.Population, s.Updated = &pop, pop.Ended
	})
}

// Inventory is what a scan left, except its assets.
type Inventory struct {
	Population keyrotor.Population
	Places     []keyrotor.Place
	Gaps       []keyrotor.Gap
}

// ReadInventory streams the assets of a finished scan and returns the rest.
// A nil each skips the assets.
func ReadInventory(a Artifacts, each func(keyrotor.Asset) error) (Inventory, error) {
	var inv Inventory
	finished := false
	err := readLines(a, FileInventory, func(l keyrotor.InventoryLine) error {
		switch {
		case l.Asset != nil && each != nil:
			return each(*l.Asset)
		case l.Place != nil:
			inv.Places = append(inv.Places, *l.Place)
		case l.Gap != nil:
			inv.Gaps = append(inv.Gaps, *l.Gap)
		case l.Population != nil:
			inv.Population, finished = *l.Population, true
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return inv, notRun(FileInventory, a.ID(), "keyrotor scan")
	}
	if err == nil && !finished {
		return inv, &keyrotor.Refusal{
			What: "the inventory of run " + string(a.ID()) + " is not whole", Why: []string{"its last line, the population, is missing: the scan did not finish"},
			Now: "nothing was changed", Next: "keyrotor scan",
		}
	}
	return inv, err
}
