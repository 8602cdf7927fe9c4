package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/inventory"
)

// memory is an estate of places held in memory.
type memory struct {
	places  []shelf
	refused []keyrotor.Gap
	err     error
}

// shelf is one place with keys named by number.
type shelf struct {
	at       keyrotor.Place
	keys     int
	gaps     []keyrotor.Gap
	err      error
	scanning *atomic.Int32 // how many scan right now
	most     *atomic.Int32
}

func (m memory) Walk(_ context.Context, found func(inventory.Source) error, gap func(keyrotor.Gap)) (keyrotor.Population, error) {
	for _, g := range m.refused {
		gap(g)
	}
	for _, s := range m.places {
		if err := found(s); err != nil {
			return keyrotor.Population{}, err
		}
	}
	return keyrotor.Population{Identity: "me", Calls: map[string]int{"org:List": 1}}, m.err
}

func (s shelf) Place() keyrotor.Place { return s.at }

func (s shelf) Scan(ctx context.Context, emit func(keyrotor.Asset) error, gap func(keyrotor.Gap)) (keyrotor.Place, error) {
	if s.scanning != nil {
		now := s.scanning.Add(1)
		defer s.scanning.Add(-1)
		for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
	}
	for _, g := range s.gaps {
		gap(g)
	}
	for i := range s.keys {
		if err := ctx.Err(); err != nil {
			return s.at, err
		}
		if err := emit(keyrotor.Asset{ID: fmt.Sprint(i), Account: s.at.Account}); err != nil {
			return s.at, err
		}
	}
	at := s.at
	at.Listed, at.Described, at.Customer, at.Status = s.keys, s.keys, s.keys, keyrotor.PlaceRead
	at.Calls = map[string]int{"kms:DescribeKey": s.keys}
	return at, s.err
}

func place(account, region string) keyrotor.Place {
	return keyrotor.Place{Account: account, Region: region}
}

func TestPopulationIsTheLastLineAndCountsEverything(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	excluded := place("2", "b")
	excluded.Status = keyrotor.PlaceExcluded
	estate := memory{
		places: []shelf{
			{at: place("1", "a"), keys: 3},
			{at: place("2", "a"), keys: 2, gaps: []keyrotor.Gap{{Account: "2", Asset: "x", Cause: keyrotor.CauseKeyPolicy}}},
			{at: excluded, keys: 99},
		},
		refused: []keyrotor.Gap{{Account: "3", Cause: keyrotor.CauseTrust}},
	}
	expected := keyrotor.ExpectedGap{Match: "trust", Reason: "sandbox account", Until: now.Add(time.Hour)}
	ended := keyrotor.ExpectedGap{Match: "key-policy", Until: now}
	var lines []keyrotor.InventoryLine
	var progress []inventory.Progress
	p, err := inventory.Collect(t.Context(), estate, inventory.Options{
		Now:           func() time.Time { return now },
		Version:       "v1.2.3",
		Expected:      []keyrotor.ExpectedGap{expected, ended},
		ExpectedMatch: func(e keyrotor.ExpectedGap, g keyrotor.Gap) bool { return e.Match == string(g.Cause) },
		Progress:      func(p inventory.Progress) { progress = append(progress, p) },
	}, func(l keyrotor.InventoryLine) error { lines = append(lines, l); return nil })
	if err != nil {
		t.Fatal(err)
	}
	want := keyrotor.Population{
		Started: now, Ended: now, Identity: "me", Version: "v1.2.3", Places: 2, Read: 2, Keys: 5, Customer: 5, Gaps: 2, Expected: 1,
		Calls: map[string]int{"org:List": 1, "kms:DescribeKey": 5},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("population (-want +got):\n%s", diff)
	}
	last := lines[len(lines)-1]
	if last.Population == nil || cmp.Diff(want, *last.Population) != "" {
		t.Errorf("last line %+v", last)
	}
	assets := 0
	for _, l := range lines {
		if l.Schema != keyrotor.SchemaInventory || l.Version != keyrotor.SchemaVersion {
			t.Errorf("line without its schema: %+v", l)
		}
		if l.Asset != nil {
			assets++
		}
		if l.Gap != nil && (l.Gap.Lapsed != nil) != (l.Gap.Cause == keyrotor.CauseKeyPolicy) {
			t.Errorf("gap %+v: what foresaw it until today is not named, or something else is", l.Gap)
		}
		if l.Gap != nil && (l.Gap.Expected != nil) != (l.Gap.Cause == keyrotor.CauseTrust) {
			t.Errorf("gap %+v: an ended approval must not count", l.Gap)
		}
	}
	if assets != 5 || len(progress) != 2 || progress[1].Done != 2 || progress[1].Keys != 5 {
		t.Errorf("%d assets, progress %+v", assets, progress)
	}
}

func TestABrokenScanHasNoPopulationLine(t *testing.T) {
	boom := errors.New("boom")
	good := []shelf{{at: place("1", "a"), keys: 2}}
	for name, c := range map[string]struct {
		estate memory
		sink   error
		want   error
	}{
		"the sink is full":    {memory{places: good}, boom, boom},
		"a source is broken":  {memory{places: []shelf{{at: place("1", "a"), err: boom}}}, nil, boom},
		"the walk is broken":  {memory{places: good, err: boom}, nil, boom},
		"only gaps, and full": {memory{refused: []keyrotor.Gap{{Account: "1"}}}, boom, boom},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inventory.Collect(t.Context(), c.estate, inventory.Options{}, func(l keyrotor.InventoryLine) error {
				if l.Population != nil && c.sink == nil {
					t.Error("a population line was written")
				}
				return c.sink
			})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := inventory.Collect(ctx, memory{places: good}, inventory.Options{}, func(keyrotor.InventoryLine) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNoMorePlacesAreReadAtOnceThanAllowed(t *testing.T) {
	var scanning, most atomic.Int32
	var estate memory
	for i := range 20 {
		estate.places = append(estate.places, shelf{at: place(fmt.Sprint(i), "a"), keys: 1, scanning: &scanning, most: &most})
	}
	if _, err := inventory.Collect(t.Context(), estate, inventory.Options{Concurrency: 3}, func(keyrotor.InventoryLine) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := most.Load(); got > 3 || got < 2 {
		t.Errorf("%d places at once, want up to 3", got)
	}
}
