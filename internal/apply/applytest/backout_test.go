package applytest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/testenv"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/rotate"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
)

// TestTheSuiteBitesOnTheWayBack plants faults in the way back out of a stretch.
func TestTheSuiteBitesOnTheWayBack(t *testing.T) {
	testenv.Slow(t, "plants a fault in each way back")
	refusing := func(how rotatetest.Refusal) func(*applytest.Fuse) applytest.World {
		return func(f *applytest.Fuse) applytest.World { return rotatetest.Worlds{}.RefusingSingleUser(f, how) }
	}
	for name, tt := range map[string]struct {
		suite applytest.Suite
		want  string
	}{
		"no proof that the old credential logs in": {
			applytest.Suite{Make: planted(refusing(rotatetest.Refusal{Forgets: 1}), func(a *rotate.Actor) apply.Actor { return credulous{a} })},
			"consumers cannot use what they are given",
		},
		"the pending version dropped before the old credential is back": {
			applytest.Suite{Make: planted(refusing(rotatetest.Refusal{}), func(a *rotate.Actor) apply.Actor { return untimely{a} })},
			"consumers cannot use what they are given",
		},
		"a refused credential that is promoted all the same": {
			applytest.Suite{Make: planted(refusing(rotatetest.Refusal{}), func(a *rotate.Actor) apply.Actor { return deaf{a} })},
			"consumers cannot use what they are given",
		},
		"a rolled back change that is called a success": {
			applytest.Suite{Make: refusing(rotatetest.Refusal{}), Journal: func(j apply.Journal) apply.Journal { return boasts{j} }},
			"the record ends with succeeded, and what was said is rolled-back",
		},
		"a way back that is taken after promotion": {
			applytest.Suite{Make: planted(rotatetest.Worlds{}.SingleUser, func(a *rotate.Actor) apply.Actor { return regrets{a} })},
			"consumers cannot use what they are given",
		},
		"a pending version that is dropped while an old call may still land": {
			applytest.Suite{Make: planted(refusing(rotatetest.Refusal{}), func(a *rotate.Actor) apply.Actor { return hurried{a} })},
			"consumers cannot use what they are given",
		},
		"a promotion without an answer that is called refused": {
			applytest.Suite{Make: planted(rotatetest.Worlds{}.SingleUser, func(a *rotate.Actor) apply.Actor { return sure{a} })},
			"in the end consumers cannot use what they are given",
		},
		"a look that puts right what it sees": {
			applytest.Suite{Make: planted(refusing(rotatetest.Refusal{}), func(a *rotate.Actor) apply.Actor { return meddling{a} })},
			"Check of step 6 (put-back) changed the world: engine.Install",
		},
		"a pending version that nobody drops": {
			applytest.Suite{Make: planted(refusing(rotatetest.Refusal{}), func(a *rotate.Actor) apply.Actor { return untidy{a} })},
			"rolled back, and not as it was",
		},
		"no way back": {
			applytest.Suite{Make: func(f *applytest.Fuse) applytest.World {
				w := refusing(rotatetest.Refusal{})(f)
				w.Change.BackOut = nil
				return w
			}},
			"ended as failed",
		},
		"a way back that anybody may interrupt": {
			applytest.Suite{Make: func(f *applytest.Fuse) applytest.World {
				w := refusing(rotatetest.Refusal{})(f)
				w.Change.BackOut[0].Stretch = 0
				return w
			}},
			"a full journal l",
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

// old and next read the two credentials of a change.
func old(ctx context.Context, a *rotate.Actor, s keyrotor.Step) keyrotor.Secret {
	secret, _ := a.Store.Value(ctx, s.Target, s.Before.VersionID)
	return secret
}

func next(ctx context.Context, a *rotate.Actor, s keyrotor.Step) keyrotor.Secret {
	secret, _ := a.Store.Value(ctx, s.Target, s.Token)
	return secret
}

// credulous believes the engine that the old credential is back.
type credulous struct{ *rotate.Actor }

func (c credulous) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	switch s.Verb {
	case keyrotor.PutBack:
		return keyrotor.Receipt{}, c.Engine.Install(ctx, next(ctx, c.Actor, s), old(ctx, c.Actor, s))
	case keyrotor.DropPending:
		return keyrotor.Receipt{}, c.Store.Drop(ctx, s.Target, s.Token)
	}
	return c.Actor.Do(ctx, s)
}

// untimely drops the one credential with which the old can be put back.
type untimely struct{ *rotate.Actor }

func (u untimely) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	if s.Verb == keyrotor.PutBack {
		if err := u.Store.Drop(ctx, s.Target, s.Token); err != nil {
			return keyrotor.Receipt{}, err
		}
	}
	return u.Actor.Do(ctx, s)
}

// deaf does not hear that the new credential is refused.
type deaf struct{ *rotate.Actor }

func (d deaf) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	switch s.Verb {
	case keyrotor.Try:
		return keyrotor.Receipt{}, nil
	case keyrotor.Promote:
		return keyrotor.Receipt{}, d.Store.Promote(ctx, s.Target, s.Token, s.Before.VersionID)
	}
	return d.Actor.Do(ctx, s)
}

// regrets promotes, takes that for a refusal, and goes back all the same.
type regrets struct{ *rotate.Actor }

func (r regrets) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	switch s.Verb {
	case keyrotor.Promote:
		if _, err := r.Actor.Do(ctx, s); err != nil {
			return keyrotor.Receipt{}, err
		}
		return keyrotor.Receipt{}, &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "promote", Code: "Sorry", Message: "no"}}
	case keyrotor.PutBack:
		return keyrotor.Receipt{}, r.Engine.Install(ctx, next(ctx, r.Actor, s), old(ctx, r.Actor, s))
	}
	return r.Actor.Do(ctx, s)
}

// Check does not see what is promoted either.
func (r regrets) Check(ctx context.Context, s keyrotor.Step) (bool, error) {
	if s.Verb == keyrotor.Promote || s.Verb == keyrotor.PutBack {
		return false, nil
	}
	return r.Actor.Check(ctx, s)
}

// hurried does not wait for what may still land.
type hurried struct{ *rotate.Actor }

func (h hurried) Check(ctx context.Context, s keyrotor.Step) (bool, error) {
	if s.Verb == keyrotor.DropPending {
		s.After = time.Time{}
	}
	return h.Actor.Check(ctx, s)
}

func (h hurried) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	if s.Verb == keyrotor.DropPending {
		s.After = time.Time{}
	}
	return h.Actor.Do(ctx, s)
}

// sure takes a call that nobody answered for one that was refused.
type sure struct{ *rotate.Actor }

func (a sure) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	r, err := a.Actor.Do(ctx, s)
	if err != nil && s.Verb == keyrotor.Promote {
		err = &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "promote", Code: "Failed", Message: err.Error()}}
	}
	return r, err
}

// meddling puts the old credential back as soon as it sees that it is away.
type meddling struct{ *rotate.Actor }

func (m meddling) Check(ctx context.Context, s keyrotor.Step) (bool, error) {
	done, err := m.Actor.Check(ctx, s)
	if s.Verb == keyrotor.PutBack && !done && err == nil {
		err = m.Engine.Install(ctx, next(ctx, m.Actor, s), old(ctx, m.Actor, s))
	}
	return done, err
}

// untidy leaves the pending version as it is.
type untidy struct{ *rotate.Actor }

func (u untidy) Do(ctx context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	if s.Verb == keyrotor.DropPending {
		return keyrotor.Receipt{}, nil
	}
	return u.Actor.Do(ctx, s)
}

// boasts writes down a success where there was none.
type boasts struct{ apply.Journal }

func (b boasts) Settle(ctx context.Context, o keyrotor.Outcome) error {
	if o.State == keyrotor.RolledBack {
		o.State = keyrotor.Succeeded
	}
	return b.Journal.Settle(ctx, o)
}
