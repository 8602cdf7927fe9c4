package rotate_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
)

var (
	errLost    = errors.New("connection reset by peer")
	errRefused = &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "PutSecretValue", Code: "AccessDeniedException", Message: "no"}}
)

// staging is a store whose Stage fails as told, in order, without effect.
type staging struct {
	*rotatetest.Store
	fail []error
}

func (s *staging) Stage(ctx context.Context, t keyrotor.Target, token string, value keyrotor.Secret) error {
	if len(s.fail) > 0 {
		err := s.fail[0]
		s.fail = s.fail[1:]
		if err != nil {
			return err
		}
	}
	return s.Store.Stage(ctx, t, token, value)
}

// provided is a provider with one key, which is current.
func provided(t *testing.T, fail ...error) (*rotatetest.Provider, *rotate.Actor, keyrotor.Step) {
	t.Helper()
	now := func() time.Time { return noon }
	p := &rotatetest.Provider{Limit: 3, Random: rand.NewChaCha8([32]byte{}), Now: now}
	start, err := p.Create("")
	if err != nil {
		t.Fatal(err)
	}
	store := &staging{rotatetest.NewStore(), fail}
	store.Put(target, "v0", rotatetest.SealKey(start))
	s := stepOf(keyrotor.CreatePending)
	s.Before.KeyIDs = []string{start.ID}
	return p, &rotate.Actor{Store: store, Engine: p, Now: now}, s
}

func ids(p *rotatetest.Provider) string {
	var all []string
	for _, k := range p.All() {
		id := k.ID
		if !k.Active {
			id += " off"
		}
		all = append(all, id)
	}
	return strings.Join(all, ", ")
}

func TestAKeyThatWasShownOnceIsNotGivenUpLightly(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		fail []error
		want string // the keys in the end
		ok   bool
		// definite: the error says that nothing was left behind
		definite bool
	}{
		"stored at once":                              {nil, "AKIA0001, AKIA0002", true, false},
		"stored at the third try":                     {[]error{errLost, errRefused}, "AKIA0001, AKIA0002", true, false},
		"refused for good: removed again":             {[]error{errRefused, errRefused, errRefused}, "AKIA0001", false, true},
		"in doubt: kept, for the store may have it":   {[]error{errLost, errLost, errLost}, "AKIA0001, AKIA0002", false, false},
		"in doubt and then refused: kept, likewise":   {[]error{errLost, errRefused, errRefused}, "AKIA0001, AKIA0002", false, false},
		"the token holds another value: removed, yet": {[]error{keyrotor.ErrConflict}, "AKIA0001", false, true},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p, actor, s := provided(t, tt.fail...)
			r, err := actor.Do(t.Context(), s)
			if got := ids(p); got != tt.want || (err == nil) != tt.ok {
				t.Errorf("keys %s, %v; want %s", got, err, tt.want)
			}
			var refused *keyrotor.CallFailed
			if got := errors.As(err, &refused) || errors.Is(err, keyrotor.ErrConflict); got != tt.definite {
				t.Errorf("definite = %v of %v, want %v", got, err, tt.definite)
			}
			if err == nil {
				if diff := cmp.Diff(map[string]string{"version": "token", "key": "AKIA0002"}, r.Result); diff != "" {
					t.Errorf("receipt (-want +got):\n%s", diff)
				}
			} else if !strings.Contains(err.Error(), "AKIA0002") && !errors.Is(err, keyrotor.ErrConflict) {
				t.Errorf("%v does not name the key", err)
			}
		})
	}
}

func TestKeysThatThePlanDidNotSee(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		labels bool
		label  string
		since  time.Time
		want   string
		ok     bool
		result map[string]string
	}{
		"one that came without our doing stops us": {
			want: "AKIA0001, AKIA0002",
		},
		"one that is older than our intent stops us": {
			since: noon.Add(2 * time.Second), want: "AKIA0001, AKIA0002",
		},
		"one that another change's name is on stops us": {
			labels: true, label: "other", since: noon.Add(-2 * time.Minute), want: "AKIA0001, AKIA0002",
		},
		"one that is younger than our intent is switched off and named": {
			since: noon.Add(-2 * time.Minute), want: "AKIA0001, AKIA0002 off, AKIA0003", ok: true,
			result: map[string]string{"version": "token", "key": "AKIA0003", "deactivated": "AKIA0002"},
		},
		"one of the very second of our intent, in whole seconds, likewise": {
			since: noon.Add(300 * time.Millisecond), want: "AKIA0001, AKIA0002 off, AKIA0003", ok: true,
			result: map[string]string{"version": "token", "key": "AKIA0003", "deactivated": "AKIA0002"},
		},
		"one with our token in its name is removed": {
			labels: true, label: "token", since: noon.Add(-2 * time.Minute), want: "AKIA0001, AKIA0003", ok: true,
			result: map[string]string{"version": "token", "key": "AKIA0003", "removed": "AKIA0002"},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p, actor, s := provided(t)
			p.Labels = tt.labels
			if _, err := p.Create(tt.label); err != nil {
				t.Fatal(err)
			}
			actor.Now = func() time.Time { return noon.Add(2 * time.Minute) }
			s.Since = tt.since
			r, err := actor.Do(t.Context(), s)
			if got := ids(p); got != tt.want || (err == nil) != tt.ok {
				t.Errorf("keys %s, %v; want %s", got, err, tt.want)
			}
			if !tt.ok && (!errors.Is(err, keyrotor.ErrConflict) || !strings.Contains(err.Error(), "AKIA0002")) {
				t.Errorf("error %v, want a conflict that names the key", err)
			}
			if diff := cmp.Diff(tt.result, r.Result); tt.ok && diff != "" {
				t.Errorf("receipt (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnUnansweredCallIsGivenTimeBeforeAnother(t *testing.T) {
	t.Parallel()
	p, actor, s := provided(t)
	s.Since = noon.Add(-20 * time.Second)
	_, err := actor.Check(t.Context(), s)
	var notYet *keyrotor.NotYet
	if !errors.As(err, &notYet) || !notYet.Again.Equal(noon.Add(40*time.Second)) {
		t.Errorf("Check: %v, want not yet until a minute has passed", err)
	}
	if _, err := actor.Do(t.Context(), s); !errors.As(err, &notYet) || p.Made() != 1 {
		t.Errorf("Do: %v with %d keys made, want not yet and none made", err, p.Made())
	}
}
