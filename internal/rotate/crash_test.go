package rotate_test

import (
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

func TestEveryStrategySurvivesAFaultAtEveryTouch(t *testing.T) {
	for store, worlds := range map[string]rotatetest.Worlds{
		"promotion takes the pending label off": {},
		"promotion leaves the pending label":    {PendingStays: true},
	} {
		for name, world := range everyWorld(worlds) {
			t.Run(store+"/"+name, func(t *testing.T) {
				t.Parallel()
				if !worlds.PendingStays {
					testenv.Slow(t, "the same over a store that AWS does not have")
				}
				if strings.Contains(name, "until") {
					testenv.Slow(t, "a fault at every touch of a change that a person has to end")
				}
				tally := applytest.Suite{Make: world}.Run(t)
				t.Log(tally)
				if tally.Touches < 20 {
					t.Errorf("the clean run has %d touches: the matrix is too small to mean anything", tally.Touches)
				}
			})
		}
	}
}

func everyWorld(worlds rotatetest.Worlds) map[string]func(*applytest.Fuse) applytest.World {
	provider := func(limit int, labels bool) func(*applytest.Fuse) applytest.World {
		return func(f *applytest.Fuse) applytest.World { return worlds.Provider(f, limit, labels) }
	}
	refusing := func(how rotatetest.Refusal) func(*applytest.Fuse) applytest.World {
		return func(f *applytest.Fuse) applytest.World { return worlds.RefusingSingleUser(f, how) }
	}
	refusingProvider := func(labels bool) func(*applytest.Fuse) applytest.World {
		return func(f *applytest.Fuse) applytest.World { return worlds.RefusingProvider(f, labels) }
	}
	return map[string]func(*applytest.Fuse) applytest.World{
		"single user":                                                                 worlds.SingleUser,
		"alternating users":                                                           worlds.AlternatingUsers,
		"two passwords":                                                               worlds.TwoPasswords,
		"a provider with two keys and no names":                                       provider(2, false),
		"a provider with two keys and names":                                          provider(2, true),
		"a provider with many keys and no names":                                      provider(100, false),
		"single user, the new password is refused":                                    refusing(rotatetest.Refusal{}),
		"single user, installation does nothing":                                      refusing(rotatetest.Refusal{Deaf: true}),
		"single user, the new password is refused and the way back forgotten":         refusing(rotatetest.Refusal{Forgets: 1}),
		"single user, neither password works until the old one is let back":           refusing(rotatetest.Refusal{NeverBack: true}),
		"single user, neither password works until the new one is let in":             refusing(rotatetest.Refusal{NeverBack: true, Mends: true}),
		"alternating users, the new password is refused until somebody mends that":    worlds.RefusingAlternatingUsers,
		"a provider that refuses its own key until somebody mends that":               refusingProvider(false),
		"a provider that refuses its own key, with a name, until somebody mends that": refusingProvider(true),
	}
}
