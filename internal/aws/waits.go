package aws

import (
	"cmp"
	"slices"
	"time"
)

// ownLanes stands for our own account, whose id is not known at the first call.
const ownLanes = "own"

// Wait is a call that the service keeps refusing for rate, and that is being
// repeated: what a person who watches would ask about.
type Wait struct {
	Account, Region, Call string
	For                   time.Duration // since the first refusal
}

// Waits are the calls that are being throttled now, the longest first. One that
// was given up is forgotten after the longest pause between two attempts.
func (e *Estate) Waits() []Wait {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	var waits []Wait
	for at, l := range e.lanes {
		if at.account == ownLanes {
			at.account = e.who.Account
		}
		waits = l.addWaits(waits, at, now)
	}
	slices.SortFunc(waits, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Call, b.Call))
	})
	return waits
}

func (l *lanes) addWaits(waits []Wait, at place, now time.Time) []Wait {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, lane := range l.by {
		if since := lane.pace.refusedSince(now); !since.IsZero() {
			waits = append(waits, Wait{at.account, at.region, lane.call, now.Sub(since)})
		}
	}
	return waits
}
