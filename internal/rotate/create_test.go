package rotate_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
)

// overtaken is a store in which an earlier Stage of the token, which nobody
// waits for any more, lands right before the next.
type overtaken struct {
	*rotatetest.Store
	earlier keyrotor.Secret
	then    func(*rotatetest.Store) error // what else happens meanwhile
}

func (o *overtaken) Stage(ctx context.Context, t keyrotor.Target, token string, s keyrotor.Secret) error {
	if err := o.Store.Stage(ctx, t, token, o.earlier); err != nil {
		return err
	}
	if err := o.then(o.Store); err != nil {
		return err
	}
	return o.Store.Stage(ctx, t, token, s)
}

func TestAValueThatWasStoredLateAfterAllIsTheOneThatCounts(t *testing.T) {
	t.Parallel()
	old, earlier := rotatetest.Login{User: "app", Password: "old"}, rotatetest.Login{User: "app", Password: "earlier"}
	for sentence, tt := range map[string]struct {
		then func(*rotatetest.Store) error
		want map[string]string // the receipt's result; nil for a conflict
	}{
		"it is pending: taken up": {
			func(*rotatetest.Store) error { return nil }, map[string]string{"version": "token"},
		},
		"another version has taken its label: left alone": {
			func(s *rotatetest.Store) error {
				return s.Stage(context.Background(), target, "v9", rotatetest.Seal(rotatetest.Login{User: "app", Password: "others"}))
			}, nil,
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			store := &overtaken{rotatetest.NewStore(), rotatetest.Seal(earlier), tt.then}
			store.Put(target, "v0", rotatetest.Seal(old))
			db := rotatetest.NewDatabase(old)
			actor := &rotate.Actor{
				Store: store, Engine: rotatetest.SingleUser{Database: db, Random: rand.NewChaCha8([32]byte{})},
				Now: func() time.Time { return noon },
			}
			r, err := actor.Do(t.Context(), stepOf(keyrotor.CreatePending))
			if diff := cmp.Diff(tt.want, r.Result); diff != "" || (tt.want == nil) != errors.Is(err, keyrotor.ErrConflict) {
				t.Errorf("error %v, result (-want +got):\n%s", err, diff)
			}
			if value, err := store.Value(t.Context(), target, "token"); err != nil || !value.Same(store.earlier) {
				t.Errorf("the version does not hold the earlier value (%v)", err)
			}
			if _, err := actor.Do(t.Context(), stepOf(keyrotor.Install)); (err == nil) != (tt.want != nil) || db.Opens(store.earlier) != (tt.want != nil) {
				t.Errorf("installed: %v, %v", db.Opens(store.earlier), err)
			}
		})
	}
}
