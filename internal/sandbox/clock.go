package sandbox

import (
	"sync"
	"time"
)

// Clock is the time of a sandbox. It runs on with real time from its start and
// can be moved forward; nothing is scheduled on it, for each key works out on its
// next use what fell due meanwhile. So a year for 100,000 keys costs nothing.
type Clock struct {
	mu    sync.Mutex
	start time.Time // sandbox time at began
	began time.Time // real time, with its monotonic reading
}

// NewClock returns a clock that shows start now and runs with real time.
func NewClock(start time.Time) *Clock {
	return &Clock{start: start.UTC().Round(0), began: time.Now()}
}

// Now is the sandbox's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(time.Since(c.began))
}

// Advance moves the clock forward by d. Rotations, deletions and expiries that
// fell due are then seen by the next call that looks at their key.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start = c.start.Add(d)
}
