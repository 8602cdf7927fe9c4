package cycle_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// A canary that was rolled back once counted as fine, and the rest of the plan
// was refused and rolled back after it, key by key.
func TestACanaryThatWasRolledBackStopsTheRun(t *testing.T) {
	testenv.Slow(t, "takes seconds")
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2")
	for i := range p.Changes {
		c := &p.Changes[i]
		back := c.Target
		back.ID += "-back" // a switch of its own
		c.Steps = []keyrotor.Step{
			{Number: 1, Verb: keyrotor.Install, Target: c.Target, Stretch: 1},
			{Number: 2, Verb: keyrotor.Promote, Target: c.Target, Stretch: 1},
		}
		c.BackOut = []keyrotor.Step{
			{Number: 3, Verb: keyrotor.PutBack, Target: back, Stretch: 1},
			{Number: 4, Verb: keyrotor.DropPending, Target: back},
		}
	}
	p = signed(t, p)
	e.refused["k1"] = true
	for turn := range 2 { // a later turn has nothing to try again, and stops as well
		done, err := e.apply(t, p, e.approval(t, p, time.Hour))
		var problem *keyrotor.Problem
		if !errors.Is(err, apply.ErrStopped) || !errors.As(err, &problem) || !strings.Contains(err.Error(), "1 were refused and rolled back") {
			t.Errorf("turn %d: error %v, want to stop, and what to do next", turn+1, err)
		}
		if got := done.Counts(); got[keyrotor.RolledBack] != 1 || got[keyrotor.NotStarted] != 1 || e.on["k2"] {
			t.Errorf("turn %d: outcomes %v, want one rolled back and one not started", turn+1, got)
		}
	}
	// What was taken back is looked at too.
	rec := e.open(t)
	defer rec.Close()
	found, err := cycle.Verify(t.Context(), rec, cycle.VerifyOptions{Plan: p, Look: e.look, Now: func() time.Time { return e.now }})
	if err != nil || len(found) != 1 || found[0].Change != "k1" || found[0].Promised != "as before" {
		t.Errorf("verified %+v, %v; want the change that was rolled back", found, err)
	}
}

// A plan of one key ended well though nobody could look at it again.
func TestACanaryThatNobodyCanReadIsToldThoughNothingFollowsIt(t *testing.T) {
	testenv.Slow(t, "looks again until patience ends")
	t.Parallel()
	for _, keys := range [][]string{{"k1"}, {"k1", "k2"}} {
		e := newEstate(t)
		e.blind = true
		p := e.planFor(t, day, keys...)
		_, err := e.apply(t, p, e.approval(t, p, time.Hour))
		if !errors.Is(err, apply.ErrStopped) || !strings.Contains(err.Error(), "none of 1 canary changes could be read again") {
			t.Errorf("%d keys: error %v, want that nobody could look", len(keys), err)
		}
	}
}
