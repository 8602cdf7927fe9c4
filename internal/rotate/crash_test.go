package rotate_test

import (
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

func TestEveryStrategySurvivesAFaultAtEveryTouch(t *testing.T) {
	for name, world := range map[string]func(*applytest.Fuse) applytest.World{
		"single user":       rotatetest.SingleUserWorld,
		"alternating users": rotatetest.AlternatingUsersWorld,
		"two passwords":     rotatetest.TwoPasswordsWorld,
		"a provider with two keys and no names": func(f *applytest.Fuse) applytest.World {
			return rotatetest.ProviderWorld(f, 2, false)
		},
		"a provider with two keys and names": func(f *applytest.Fuse) applytest.World {
			return rotatetest.ProviderWorld(f, 2, true)
		},
		"a provider with many keys and no names": func(f *applytest.Fuse) applytest.World {
			return rotatetest.ProviderWorld(f, 100, false)
		},
		"single user, the new password is refused":                                 refusing(rotatetest.Refusal{}),
		"single user, installation does nothing":                                   refusing(rotatetest.Refusal{Deaf: true}),
		"single user, the new password is refused and the way back forgotten":      refusing(rotatetest.Refusal{Forgets: 1}),
		"single user, neither password works until the old one is let back":        refusing(rotatetest.Refusal{NeverBack: true}),
		"single user, neither password works until the new one is let in":          refusing(rotatetest.Refusal{NeverBack: true, Mends: true}),
		"alternating users, the new password is refused until somebody mends that": rotatetest.RefusingAlternatingUsersWorld,
		"a provider that refuses its own key until somebody mends that": func(f *applytest.Fuse) applytest.World {
			return rotatetest.RefusingProviderWorld(f, false)
		},
		"a provider that refuses its own key, with a name, until somebody mends that": func(f *applytest.Fuse) applytest.World {
			return rotatetest.RefusingProviderWorld(f, true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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

func refusing(how rotatetest.Refusal) func(*applytest.Fuse) applytest.World {
	return func(f *applytest.Fuse) applytest.World { return rotatetest.RefusingSingleUserWorld(f, how) }
}
