package applytest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/rotate"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
)

func TestCallsWithoutATokenAreNeverMadeTwice(t *testing.T) {
	for name, world := range map[string]func(*applytest.Fuse) applytest.World{
		"a rotation on demand that is done in seconds":        rotateWorld(keyrotor.RotateNow, 3*time.Second),
		"a rotation on demand that outlasts apply's patience": rotateWorld(keyrotor.RotateNow, 10*time.Minute),
		"a new key with an alias":                             createWorld,
		"switching rotation on":                               enableWorld,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Log(applytest.Suite{Make: world}.Run(t))
		})
	}
}

// recorder is a T that only listens.
type recorder struct{ heard []string }

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.heard = append(r.heard, fmt.Sprintf(format, args...))
}

// TestTheSuiteBites plants one fault at a time and demands that the suite finds
// it, in the words that the fault deserves.
func TestTheSuiteBites(t *testing.T) {
	for name, tt := range map[string]struct {
		suite applytest.Suite
		want  string
	}{
		"an actor that never sees its effect": {
			applytest.Suite{Make: planted(rotatetest.Worlds{}.SingleUser, func(a *rotate.Actor) apply.Actor { return blind{a} })},
			"Check does not see it",
		},
		"a KMS actor that never sees its effect": {
			applytest.Suite{Make: func(f *applytest.Fuse) applytest.World {
				w := rotateWorld(keyrotor.RotateNow, time.Second)(f)
				actor := w.Actor
				w.Actor = func() apply.Actor { return blind{actor()} }
				return w
			}},
			"unproven, though the effect is there to be seen",
		},
		"promotion before installation": {
			applytest.Suite{Make: func(f *applytest.Fuse) applytest.World {
				w := planted(rotatetest.Worlds{}.AlternatingUsers, func(a *rotate.Actor) apply.Actor { return hasty{a} })(f)
				s := w.Change.Steps
				s[1].Verb, s[2].Verb, s[3].Verb = keyrotor.Promote, keyrotor.Install, keyrotor.Try
				return w
			}},
			"consumers cannot use what they are given",
		},
		"no grace for the old credential": {
			applytest.Suite{Make: planted(rotatetest.Worlds{}.AlternatingUsers, func(a *rotate.Actor) apply.Actor { return ungracious{a} })},
			"did not live through its grace",
		},
		"a value that is minted anew at every try": {
			applytest.Suite{Make: planted(rotatetest.Worlds{}.SingleUser, func(a *rotate.Actor) apply.Actor { return &forgetful{Actor: a} })},
			"were made, want at most one",
		},
		"a resume that brings a superseded credential back": {
			applytest.Suite{Make: func(f *applytest.Fuse) applytest.World {
				w := planted(rotatetest.Worlds{}.AlternatingUsers, func(a *rotate.Actor) apply.Actor {
					a.Store = labelBlind{a.Store}
					return a
				})(f)
				for i := range w.Change.Steps {
					w.Change.Steps[i].Before.VersionID = ""
				}
				return w
			}},
			"consumers cannot use what they are given",
		},
		"orphans at a provider that nobody looks for": {
			applytest.Suite{Make: planted(
				func(f *applytest.Fuse) applytest.World { return rotatetest.Worlds{}.Provider(f, 100, false) },
				func(a *rotate.Actor) apply.Actor {
					a.Engine = struct{ rotate.Engine }{a.Engine}
					return a
				})},
			"alive and unknown",
		},
		"a rotation on demand that is taken for repeatable": {
			applytest.Suite{Make: func(f *applytest.Fuse) applytest.World {
				w := rotateWorld("rotate-anyhow", time.Second)(f)
				w.Look, w.Late = nil, []time.Duration{time.Hour}
				return w
			}},
			"were made, want at most one",
		},
		"a stretch that anybody may interrupt": {
			applytest.Suite{Make: func(f *applytest.Fuse) applytest.World {
				w := rotatetest.Worlds{}.SingleUser(f)
				for i := range w.Change.Steps {
					w.Change.Steps[i].Stretch = 0
				}
				return w
			}},
			"consumers cannot use what they are given",
		},
		"a journal that loses intents": {
			applytest.Suite{Make: rotatetest.Worlds{}.SingleUser, Journal: func(j apply.Journal) apply.Journal { return losesIntents{j} }},
			"without a durable intent",
		},
		"a journal that loses intents of calls without a token": {
			applytest.Suite{Make: rotateWorld(keyrotor.RotateNow, 10*time.Minute), Journal: func(j apply.Journal) apply.Journal { return losesIntents{j} }},
			"without a durable intent",
		},
		"a journal that loses receipts": {
			applytest.Suite{Make: enableWorld, Journal: func(j apply.Journal) apply.Journal { return losesReceipts{j} }},
			"has neither receipt nor refusal",
		},
		"a journal that loses outcomes": {
			applytest.Suite{Make: rotatetest.Worlds{}.SingleUser, Journal: func(j apply.Journal) apply.Journal { return losesOutcomes{j} }},
			"never written down",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.suite.Most = 100
			var heard recorder
			tally := tt.suite.Run(&heard)
			if got := strings.Join(heard.heard, "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("%s: %s; want to hear of %q, heard:\n%.2000s", name, tally, tt.want, got)
			}
		})
	}
}

// planted puts something in front of the actor of a world.
func planted(world func(*applytest.Fuse) applytest.World, fault func(*rotate.Actor) apply.Actor) func(*applytest.Fuse) applytest.World {
	return func(f *applytest.Fuse) applytest.World {
		w := world(f)
		actor := w.Actor
		w.Actor = func() apply.Actor { return fault(actor().(*rotate.Actor)) }
		return w
	}
}

type blind struct{ apply.Actor }

func (blind) Check(context.Context, keyrotor.Step) (bool, error) { return false, nil }

// hasty promotes what nobody has tried.
type hasty struct{ *rotate.Actor }

func (h hasty) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	if s.Verb != keyrotor.Promote {
		return h.Actor.Do(ctx, s)
	}
	return keyrotor.Receipt{}, h.Store.Promote(ctx, s.Target, s.Token, s.Before.VersionID)
}

type ungracious struct{ *rotate.Actor }

func (u ungracious) Check(ctx context.Context, s keyrotor.Step) (bool, error) {
	s.Params.GraceHours = 0
	return u.Actor.Check(ctx, s)
}

func (u ungracious) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	s.Params.GraceHours = 0
	return u.Actor.Do(ctx, s)
}

// forgetful stores a new value under a name of its own first.
type forgetful struct {
	*rotate.Actor
	tries int
}

func (a *forgetful) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	if s.Verb == keyrotor.CreatePending {
		a.tries++
		_ = a.Store.Stage(ctx, s.Target, fmt.Sprintf("%s-%d", s.Token, a.tries), rotatetest.Seal(rotatetest.Login{User: "app", Password: fmt.Sprint(a.tries)}))
	}
	return a.Actor.Do(ctx, s)
}

// labelBlind takes every version without a label for the pending one.
type labelBlind struct{ rotate.Store }

func (l labelBlind) Read(ctx context.Context, t keyrotor.Target) (rotate.Versions, error) {
	v, err := l.Store.Read(ctx, t)
	for _, id := range v.Bare {
		if strings.HasPrefix(id, "token") {
			v.Pending, v.Bare = id, nil
		}
	}
	return v, err
}

type losesIntents struct{ apply.Journal }

func (losesIntents) Intend(context.Context, ...apply.Intent) error { return nil }

type losesReceipts struct{ apply.Journal }

func (losesReceipts) Receive(context.Context, keyrotor.Receipt) error { return nil }

type losesOutcomes struct{ apply.Journal }

func (losesOutcomes) Settle(context.Context, keyrotor.Outcome) error { return nil }
