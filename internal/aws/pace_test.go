package aws

import (
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
)

// A throttle that came within a second of the full pace did not slow it, and the
// answers after it were not heard: the call was said to wait for hours.
func TestACallThatIsAnsweredAgainWaitsNoMore(t *testing.T) {
	p := newPace(keyrotor.Quota{PerSecond: 10, Burst: 10}, true)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p.told(true, now)
	for p.slowed {
		now = now.Add(paceStep)
		p.told(false, now)
	}
	now = now.Add(paceStep / 2)
	p.told(true, now)
	if got := p.refusedSince(now); !got.Equal(now) {
		t.Errorf("throttled now, and refused since %s", got)
	}
	now = now.Add(paceStep / 10)
	p.told(false, now)
	if got := p.refusedSince(now); !got.IsZero() {
		t.Errorf("answered, and still refused since %s", got)
	}
	now = now.Add(time.Hour)
	p.told(true, now)
	if got := p.refusedSince(now); !got.Equal(now) {
		t.Errorf("throttled anew after an hour of answers, and refused for %s", now.Sub(got))
	}
}
