package rotate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
)

// retiring listens to what an engine is asked to end.
type retiring struct {
	rotate.Engine
	asked int
}

func (r *retiring) Retire(context.Context, keyrotor.Secret, keyrotor.Secret) error {
	r.asked++
	return nil
}

func TestNothingIsRetiredBeforeTheNewVersionIsPromoted(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		versions rotate.Versions
		before   string // current, as the plan saw it
	}{
		"there is nothing to retire":                         {rotate.Versions{Current: "v0", Pending: "token"}, "v0"},
		"what an earlier rotation replaced":                  {rotate.Versions{Current: "v0", Pending: "token", Previous: "v-1"}, "v-1"},
		"what an earlier rotation replaced, without a plan":  {rotate.Versions{Current: "v0", Pending: "token", Previous: "v-1"}, ""},
		"the version that is both current and previous here": {rotate.Versions{Current: "v0", Pending: "token", Previous: "v0"}, "v0"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, store, engine, actor := scene(t)
			store.versions = tt.versions
			ends := &retiring{Engine: engine}
			actor.Engine = ends
			s := stepOf(keyrotor.Retire)
			s.Before.VersionID, s.After = tt.before, noon.Add(-48*time.Hour)
			done, err := actor.Check(t.Context(), s)
			_, derr := actor.Do(t.Context(), s)
			for call, err := range map[string]error{"Check": err, "Do": derr} {
				if done || !errors.Is(err, keyrotor.ErrConflict) || !strings.Contains(err.Error(), "token") {
					t.Errorf("%s: done %v, error %v; want a conflict that names the version", call, done, err)
				}
			}
			if ends.asked != 0 || engine.logins != 0 {
				t.Errorf("%d credentials were ended and %d tried, want none", ends.asked, engine.logins)
			}
		})
	}
}
