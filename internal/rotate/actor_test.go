package rotate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
)

var (
	noon   = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	target = keyrotor.Target{Kind: "secret", Account: "111111111111", Region: "eu-central-1", ID: "app/db"}
)

// labelled is a store whose labels are as a test wants them.
type labelled struct {
	rotate.Store
	versions rotate.Versions
}

func (l *labelled) Read(context.Context, keyrotor.Target) (rotate.Versions, error) {
	return l.versions, nil
}

// listening counts the logins that reach an engine.
type listening struct {
	rotate.Engine
	logins int
}

func (l *listening) Try(ctx context.Context, s keyrotor.Secret) error {
	l.logins++
	return l.Engine.Try(ctx, s)
}

// scene is a database user with a current and a pending version.
func scene(t *testing.T) (*rotatetest.Database, *labelled, *listening, *rotate.Actor) {
	t.Helper()
	old, next := rotatetest.Login{User: "app", Password: "old"}, rotatetest.Login{User: "app", Password: "next"}
	db := rotatetest.NewDatabase(old)
	inner := rotatetest.NewStore()
	inner.Put(target, "v0", rotatetest.Seal(old))
	if err := inner.Stage(t.Context(), target, "token", rotatetest.Seal(next)); err != nil {
		t.Fatal(err)
	}
	store := &labelled{Store: inner, versions: rotate.Versions{Current: "v0", Pending: "token"}}
	engine := &listening{Engine: rotatetest.SingleUser{Database: db, Random: strings.NewReader(strings.Repeat("r", 1000))}}
	return db, store, engine, &rotate.Actor{Store: store, Engine: engine, Now: func() time.Time { return noon }}
}

func stepOf(v keyrotor.Verb) keyrotor.Step {
	for _, s := range rotate.Steps(rotate.SingleUser, target, keyrotor.Params{GraceHours: 24}, keyrotor.Before{VersionID: "v0"}) {
		if s.Verb == v {
			s.Token = "token"
			return s
		}
	}
	return keyrotor.Step{}
}

func TestWhereTheTokenStandsDecidesBeforeAnyLogin(t *testing.T) {
	t.Parallel()
	type answers map[keyrotor.Verb]string
	all := func(answer string) answers {
		return answers{keyrotor.CreatePending: answer, keyrotor.Install: answer, keyrotor.Try: answer, keyrotor.Promote: answer}
	}
	for sentence, tt := range map[string]struct {
		versions rotate.Versions
		want     answers
		logins   int
	}{
		"current: the first four are done":                                       {rotate.Versions{Current: "token", Previous: "v0"}, all("done"), 0},
		"current and pending at once: likewise":                                  {rotate.Versions{Current: "token", Pending: "token", Previous: "v0"}, all("done"), 0},
		"pending: the target is asked, and only for install":                     {rotate.Versions{Current: "v0", Pending: "token"}, answers{keyrotor.CreatePending: "done", keyrotor.Install: "open", keyrotor.Try: "open", keyrotor.Promote: "open"}, 1},
		"previous: superseded":                                                   {rotate.Versions{Current: "v0", Previous: "token"}, all("conflict"), 0},
		"previous and pending again: superseded":                                 {rotate.Versions{Current: "v0", Previous: "token", Pending: "token"}, all("conflict"), 0},
		"without a label: superseded":                                            {rotate.Versions{Current: "v0", Bare: []string{"token"}}, all("conflict"), 0},
		"unknown: only creation is left to do":                                   {rotate.Versions{Current: "v0"}, answers{keyrotor.CreatePending: "open", keyrotor.Install: "conflict", keyrotor.Try: "conflict", keyrotor.Promote: "conflict"}, 0},
		"unknown while another is pending: not ours to push":                     {rotate.Versions{Current: "v0", Pending: "v9"}, all("conflict"), 0},
		"unknown, and pending is the current one of the last rotation: likewise": {rotate.Versions{Current: "v0", Pending: "v0", Previous: "v-1"}, answers{keyrotor.CreatePending: "open", keyrotor.Install: "conflict", keyrotor.Try: "conflict", keyrotor.Promote: "conflict"}, 0},
		"pending while another version than planned is current":                  {rotate.Versions{Current: "v9", Pending: "token"}, all("conflict"), 0},
		"pending with nothing current":                                           {rotate.Versions{Pending: "token"}, all("conflict"), 0},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, store, engine, actor := scene(t)
			store.versions = tt.versions
			got := answers{}
			for verb := range tt.want {
				done, err := actor.Check(t.Context(), stepOf(verb))
				switch {
				case errors.Is(err, keyrotor.ErrConflict):
					got[verb] = "conflict"
					if _, err := actor.Do(t.Context(), stepOf(verb)); !errors.Is(err, keyrotor.ErrConflict) {
						t.Errorf("%s: Check says conflict, Do says %v", verb, err)
					}
				case err != nil:
					t.Errorf("%s: %v", verb, err)
				case done:
					got[verb] = "done"
				default:
					got[verb] = "open"
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if engine.logins != tt.logins {
				t.Errorf("%d logins, want %d", engine.logins, tt.logins)
			}
		})
	}
}

func TestTheOldCredentialLivesThroughItsGrace(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		previous string
		after    time.Time
		again    time.Time // zero: no *NotYet
		conflict bool
		done     bool
	}{
		"promotion was seen an hour ago":        {previous: "v0", after: noon.Add(-time.Hour), again: noon.Add(23 * time.Hour)},
		"nobody knows when, so it counts anew":  {previous: "v0", again: noon.Add(24 * time.Hour)},
		"promotion was seen a day ago":          {previous: "v0", after: noon.Add(-24 * time.Hour)},
		"the old version has no label any more": {done: true},
		"another version became previous":       {previous: "v7", after: noon.Add(-48 * time.Hour), conflict: true},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			db, store, _, actor := scene(t)
			db.Set("app", "next")
			store.versions = rotate.Versions{Current: "token", Previous: tt.previous}
			s := stepOf(keyrotor.Retire)
			s.After = tt.after
			done, err := actor.Check(t.Context(), s)
			var notYet *keyrotor.NotYet
			errors.As(err, &notYet)
			switch {
			case tt.conflict != errors.Is(err, keyrotor.ErrConflict), done != tt.done, (notYet == nil) != tt.again.IsZero():
				t.Errorf("got %v, %v", done, err)
			case notYet != nil && !notYet.Again.Equal(tt.again):
				t.Errorf("again at %s, want %s", notYet.Again, tt.again)
			}
			if _, derr := actor.Do(t.Context(), s); (derr == nil) != (err == nil) {
				t.Errorf("Check says %v, Do says %v", err, derr)
			}
		})
	}
}

func TestACredentialThatDoesNotLogInIsNeitherPromotedNorTrusted(t *testing.T) {
	t.Parallel()
	for verb, versions := range map[keyrotor.Verb]rotate.Versions{
		keyrotor.Try:     {Current: "v0", Pending: "token"},
		keyrotor.Promote: {Current: "v0", Pending: "token"},
		keyrotor.Retire:  {Current: "token", Previous: "v0"},
	} {
		t.Run(string(verb), func(t *testing.T) {
			t.Parallel()
			_, store, _, actor := scene(t) // only the old password logs in
			store.versions = versions
			s := stepOf(verb)
			s.After = noon.Add(-48 * time.Hour)
			_, err := actor.Do(t.Context(), s)
			var refused *keyrotor.CallFailed
			if !errors.As(err, &refused) || refused.Code != "LoginRefused" {
				t.Errorf("error %v, want a definite refusal of the login", err)
			}
			if err != nil && (strings.Contains(err.Error(), "next") || strings.Contains(err.Error(), "old\"")) {
				t.Error("the error quotes a password")
			}
			v, rerr := store.Store.Read(t.Context(), target)
			if rerr != nil || v.Current != "v0" {
				t.Errorf("current is %s, %v, want v0 as before", v.Current, rerr)
			}
		})
	}
}

func TestOnlyASingleUserNeedsAStretch(t *testing.T) {
	t.Parallel()
	for st, want := range map[rotate.Strategy][]int{
		rotate.SingleUser:       {0, 1, 1, 1, 0},
		rotate.AlternatingUsers: {0, 0, 0, 0, 0},
		rotate.TwoCredentials:   {0, 0, 0, 0, 0},
	} {
		var got []int
		for i, s := range rotate.Steps(st, target, keyrotor.Params{GraceHours: 24}, keyrotor.Before{VersionID: "v0"}) {
			got = append(got, s.Stretch)
			if s.Number != i+1 || s.Params.Strategy != string(st) || s.Before.VersionID != "v0" || s.Params.GraceHours != 24 {
				t.Errorf("%s: step %+v", st, s)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: stretches (-want +got):\n%s", st, diff)
		}
	}
}

func TestAVerbOfOtherTradesIsRefused(t *testing.T) {
	t.Parallel()
	_, _, _, actor := scene(t)
	s := stepOf(keyrotor.Install)
	s.Verb = keyrotor.RotateNow
	var refused *keyrotor.CallFailed
	if _, err := actor.Check(t.Context(), s); !errors.As(err, &refused) {
		t.Errorf("Check: %v", err)
	}
	if _, err := actor.Do(t.Context(), s); !errors.As(err, &refused) {
		t.Errorf("Do: %v", err)
	}
}
