package aws

import (
	"context"
	"sync"
	"time"

	"github.com/keyrotor/keyrotor"
	"golang.org/x/time/rate"
)

// pace is the token bucket of one call in one account and Region. It starts a
// hair below the documented quota, because answers and requests travel at
// uneven speed and the service counts arrivals; halves on a throttle, for the
// quota is shared with everybody else in the account; and recovers by steps.
type pace struct {
	limiter *rate.Limiter
	nominal rate.Limit

	mu      sync.Mutex
	slowed  bool
	changed time.Time
	refused time.Time // since when nothing but throttles is answered; zero: not so
	heard   time.Time // the last of those throttles
}

const (
	// unpublishedRate is the pace of calls whose quota AWS does not publish.
	unpublishedRate = 10
	shareOfRate     = 0.98
	shareOfBurst    = 0.9
	paceStep        = time.Second
	slowest         = 0.5 // calls a second
)

func newPace(q keyrotor.Quota, known bool) *pace {
	if !known || q.PerSecond <= 0 {
		q = keyrotor.Quota{PerSecond: unpublishedRate, Burst: unpublishedRate}
	}
	if q.Burst <= 0 {
		q.Burst = q.PerSecond
	}
	nominal := rate.Limit(float64(q.PerSecond) * shareOfRate)
	burst := max(1, int(float64(q.Burst)*shareOfBurst))
	return &pace{limiter: rate.NewLimiter(nominal, burst), nominal: nominal}
}

func (p *pace) wait(ctx context.Context) error { return p.limiter.Wait(ctx) }

// told takes in the answer of a call.
func (p *pace) told(throttled bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !throttled:
		p.refused = time.Time{} // also at full pace: a throttle need not have slowed it
	case p.refused.IsZero():
		p.refused, p.heard = now, now
	default:
		p.heard = now
	}
	if !throttled && !p.slowed {
		return
	}
	if now.Sub(p.changed) < paceStep {
		return // calls already under way say the same thing once more
	}
	current := p.limiter.Limit()
	if throttled {
		p.limiter.SetLimitAt(now, max(current/2, slowest))
		p.slowed, p.changed = true, now
		return
	}
	next := min(current*1.25, p.nominal)
	p.limiter.SetLimitAt(now, next)
	p.slowed, p.changed = next < p.nominal, now
}

// refusedSince is since when the service answers nothing but throttles; zero
// when its last answer was another, or when nobody asks any more: the pause
// before another attempt is no longer than longestPause.
func (p *pace) refusedSince(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.heard) > longestPause+paceStep {
		return time.Time{}
	}
	return p.refused
}
