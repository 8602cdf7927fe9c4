package rotate_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
)

// A second rotation was refused for ever, because Secrets Manager leaves the
// pending label of the first on the version that it made current.
func TestOneRotationFollowsAnotherWhereverThatLeftThePendingLabel(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		stays bool
		want  rotate.Versions // after three rotations
	}{
		"promotion takes it off": {false, rotate.Versions{Current: "v3", Bare: []string{"v0", "v1", "v2"}}},
		"promotion leaves it":    {true, rotate.Versions{Current: "v3", Pending: "v3", Bare: []string{"v0", "v1", "v2"}}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			start := rotatetest.Login{User: "app", Password: "start"}
			store := rotatetest.NewStore()
			store.PendingStays = tt.stays
			store.Put(target, "v0", rotatetest.Seal(start))
			actor := &rotate.Actor{
				Store:  store,
				Engine: rotatetest.SingleUser{Database: rotatetest.NewDatabase(start), Random: rand.NewChaCha8([32]byte{})},
				Now:    func() time.Time { return noon },
			}
			before := "v0"
			for _, token := range []string{"v1", "v2", "v3"} {
				rotateOnce(t, actor, before, token)
				before = token
			}
			got, err := store.Read(t.Context(), target)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v, versions (-want +got):\n%s", err, diff)
			}
		})
	}
}

// rotateOnce takes every step, and asks before and after it whether it is done.
func rotateOnce(t *testing.T, actor *rotate.Actor, before, token string) {
	t.Helper()
	for _, s := range rotate.Steps(rotate.SingleUser, target, keyrotor.Params{GraceHours: 24}, keyrotor.Before{VersionID: before}) {
		s.Token, s.After = token, noon.Add(-48*time.Hour)
		if done, err := actor.Check(t.Context(), s); done || err != nil {
			t.Fatalf("%s of %s: Check says %v, %v before it", s.Verb, token, done, err)
		}
		if _, err := actor.Do(t.Context(), s); err != nil {
			t.Fatalf("%s of %s: %v", s.Verb, token, err)
		}
		if done, err := actor.Check(t.Context(), s); (!done && s.Verb != keyrotor.Try) || err != nil {
			t.Fatalf("%s of %s: Check says %v, %v after it", s.Verb, token, done, err)
		}
	}
}
