package inventory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/keyrotor/keyrotor"
	"golang.org/x/sync/errgroup"
)

// Source reads one place. It is an alias so that a rim package, which must not
// import this one, can spell the same type.
type Source = interface {
	// Place is the place as known before it is read: account, OU, Region. A
	// status of excluded means that Scan will not be called.
	Place() keyrotor.Place
	// Scan reads the place and returns how it went. It may call emit and gap
	// from several goroutines, and must not do so after it has returned. What
	// refuses to be read is a gap; an error ends the whole scan.
	Scan(ctx context.Context, emit func(keyrotor.Asset) error, gap func(keyrotor.Gap)) (keyrotor.Place, error)
}

// Estate finds the sources.
type Estate interface {
	// Walk calls found for each source and returns the part of the population
	// that says which accounts there are and how that is known. It lists all
	// accounts before it calls found for the first time, may call found and gap
	// from several goroutines, and returns when it has found everything.
	Walk(ctx context.Context, found func(Source) error, gap func(keyrotor.Gap)) (keyrotor.Population, error)
}

// Options of a scan; zero values mean the defaults named here.
type Options struct {
	// Concurrency is how many places are read at once, 8 by default.
	Concurrency int
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Version is that of the keyrotor that reads, for whoever audits the record.
	Version string
	// Expected are the gaps that somebody approved; ExpectedMatch says whether
	// one of them speaks of a gap. Without it none does.
	Expected      []keyrotor.ExpectedGap
	ExpectedMatch func(keyrotor.ExpectedGap, keyrotor.Gap) bool
	// Progress is told after each place, never concurrently.
	Progress func(Progress)
}

// Progress is how far a scan has come.
type Progress struct {
	Found, Done int // places
	Keys, Gaps  int
	Place       keyrotor.Place // the one just finished
}

// defaultConcurrency is how many places are read at once. The rim bounds the
// calls in flight over all places; more places only smooth over slow ones.
const defaultConcurrency = 8

// Collect reads the whole estate into the sink and returns the population,
// which is also the last line. The sink is never called concurrently. An error
// of the sink or a cancelled context ends the scan without a population line,
// so that a file tells a broken scan from a finished one.
func Collect(ctx context.Context, estate Estate, opt Options, sink func(keyrotor.InventoryLine) error) (keyrotor.Population, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	c := &collector{opt: opt, sink: sink}
	started := opt.Now().UTC()

	readers, rctx := errgroup.WithContext(ctx)
	readers.SetLimit(cmp.Or(max(opt.Concurrency, 0), defaultConcurrency))
	found := func(s Source) error {
		if err := rctx.Err(); err != nil {
			return context.Cause(rctx)
		}
		c.found(s.Place())
		if s.Place().Status == keyrotor.PlaceExcluded {
			return c.excluded(s.Place())
		}
		readers.Go(func() error { return c.read(rctx, s) })
		return nil
	}
	population, walkErr := estate.Walk(rctx, found, c.gap)
	readErr := readers.Wait()
	if err := cmp.Or(c.failure(), readErr, walkErr); err != nil {
		return keyrotor.Population{}, fmt.Errorf("scan: %w", err)
	}
	c.complete(&population, started)
	population.Version = opt.Version
	if err := c.write(keyrotor.InventoryLine{Population: &population}); err != nil {
		return keyrotor.Population{}, fmt.Errorf("scan: %w", err)
	}
	return population, nil
}

// collector serializes what the sources say and counts it.
type collector struct {
	opt  Options
	sink func(keyrotor.InventoryLine) error

	mu       sync.Mutex
	err      error // the sink's first error; no line follows it
	total    keyrotor.Population
	progress Progress
}

func (c *collector) read(ctx context.Context, s Source) error {
	place, err := s.Scan(ctx, c.asset, c.gap)
	if err != nil {
		return fmt.Errorf("account %s in %s: %w", s.Place().Account, s.Place().Region, err)
	}
	return c.place(place)
}

func (c *collector) found(p keyrotor.Place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.Status != keyrotor.PlaceExcluded {
		c.progress.Found++
	}
}

func (c *collector) asset(a keyrotor.Asset) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress.Keys++
	return c.writeLocked(keyrotor.InventoryLine{Asset: &a})
}

// gap records a gap, marked when somebody approved it and the approval has not
// ended, and otherwise with the approval that ended last. An error of the sink
// surfaces at the next line that can return one.
func (c *collector) gap(g keyrotor.Gap) {
	if c.opt.ExpectedMatch != nil {
		now := c.opt.Now()
		for _, e := range c.opt.Expected {
			if !c.opt.ExpectedMatch(e, g) {
				continue
			}
			if now.Before(e.Until) {
				g.Expected, g.Lapsed = &e, nil
				break
			}
			if g.Lapsed == nil || e.Until.After(g.Lapsed.Until) {
				g.Lapsed = &e
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress.Gaps++
	c.total.Gaps++
	if g.Expected != nil {
		c.total.Expected++
	}
	_ = c.writeLocked(keyrotor.InventoryLine{Gap: &g}) // kept in c.err
}

func (c *collector) excluded(p keyrotor.Place) error {
	return c.write(keyrotor.InventoryLine{Place: &p})
}

func (c *collector) place(p keyrotor.Place) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Places++
	if p.Status == keyrotor.PlaceRead || p.Status == keyrotor.PlacePartial {
		c.total.Read++
	}
	c.total.Keys += p.Listed
	c.total.Customer += p.Customer
	c.total.Calls = addCalls(c.total.Calls, p.Calls)
	if err := c.writeLocked(keyrotor.InventoryLine{Place: &p}); err != nil {
		return err
	}
	c.progress.Done++
	c.progress.Place = p
	if c.opt.Progress != nil {
		c.opt.Progress(c.progress)
	}
	return nil
}

// complete joins what the walk knows with what the readers counted.
func (c *collector) complete(p *keyrotor.Population, started time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.Started, p.Ended = started, c.opt.Now().UTC()
	p.Places, p.Read = c.total.Places, c.total.Read
	p.Keys, p.Customer = c.total.Keys, c.total.Customer
	p.Gaps, p.Expected = c.total.Gaps, c.total.Expected
	p.Calls = addCalls(maps.Clone(p.Calls), c.total.Calls)
}

func (c *collector) write(line keyrotor.InventoryLine) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeLocked(line)
}

func (c *collector) writeLocked(line keyrotor.InventoryLine) error {
	if c.err != nil {
		return c.err
	}
	line.Schema, line.Version = keyrotor.SchemaInventory, keyrotor.SchemaVersion
	c.err = c.sink(line)
	return c.err
}

func (c *collector) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func addCalls(sum, more map[string]int) map[string]int {
	if sum == nil {
		sum = make(map[string]int, len(more))
	}
	for call, n := range more {
		sum[call] += n
	}
	return sum
}
