package rotate_test

import (
	"testing"

	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
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
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tally := applytest.Suite{Make: world}.Run(t)
			t.Log(tally)
			if tally.Touches < 20 {
				t.Errorf("the clean run has %d touches: the matrix is too small to mean anything", tally.Touches)
			}
		})
	}
}
