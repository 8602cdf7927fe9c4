package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// rollout is the waves of a plan as the aliases of their changes.
func rollout(p keyrotor.Plan) [][]string {
	names := map[keyrotor.ChangeID]string{}
	for _, c := range p.Changes {
		names[c.ID] = c.Target.Name
	}
	var waves [][]string
	for _, w := range p.Waves {
		var wave []string
		for _, id := range w.Changes {
			wave = append(wave, names[id])
		}
		waves = append(waves, wave)
	}
	return waves
}

func TestWaves(t *testing.T) {
	other := in("444455556666", "us-east-1")
	for name, tt := range map[string]struct {
		canary     int
		management string
		keys       []keyrotor.Assessment
		want       [][]string
	}{
		"dev first, then what has no env, production last and in no canary": {
			canary: 3,
			keys:   []keyrotor.Assessment{key(1, env("prod"), other), key(2), key(3, env("dev")), key(4)},
			want:   [][]string{{"alias/key-3", "alias/key-2", "alias/key-4"}, {"alias/key-1"}},
		},
		"a canary is smaller rather than production": {
			canary: 5, keys: []keyrotor.Assessment{key(1, env("LIVE")), key(2, env("sandbox"))},
			want: [][]string{{"alias/key-2"}, {"alias/key-1"}},
		},
		"production alone has a canary of production": {
			canary: 1, keys: []keyrotor.Assessment{key(1, env("prod")), key(2, env("prd"))},
			want: [][]string{{"alias/key-1"}, {"alias/key-2"}},
		},
		"accounts that hold production come last": {
			canary: 1,
			keys:   []keyrotor.Assessment{key(1, env("dev")), key(2, env("prod")), key(3), key(4, other), key(5, other)},
			want:   [][]string{{"alias/key-1"}, {"alias/key-4", "alias/key-5"}, {"alias/key-3", "alias/key-2"}},
		},
		"the management account is in no canary where another is": {
			canary: 5, management: "111122223333",
			keys: []keyrotor.Assessment{key(1, env("dev")), key(2, env("dev"), other), key(3, other)},
			want: [][]string{{"alias/key-2", "alias/key-3"}, {"alias/key-1"}},
		},
		"the management account alone has a canary of its own": {
			canary: 1, management: "111122223333", keys: []keyrotor.Assessment{key(1, env("dev")), key(2, env("dev"))},
			want: [][]string{{"alias/key-1"}, {"alias/key-2"}},
		},
		"what is tagged as safe goes before an unknown key of another account": {
			canary: 1, management: "111122223333", keys: []keyrotor.Assessment{key(1, env("dev")), key(2, other)},
			want: [][]string{{"alias/key-1"}, {"alias/key-2"}},
		},
		"a canary takes from as many accounts and Regions as are equally safe": {
			canary: 4,
			keys: []keyrotor.Assessment{
				key(1, env("dev")), key(2, env("dev")), key(3, env("dev"), in("111122223333", "eu-west-1")), key(4, env("dev"), other),
				key(5, env("dev"), in("444455556666", "us-west-2")), key(6, env("dev"), in("777788889999", "us-east-1")), key(7, env("prod"), in("999900001111", "sa-east-1")),
			},
			want: [][]string{{"alias/key-3", "alias/key-4", "alias/key-5", "alias/key-6"}, {"alias/key-1", "alias/key-2"}, {"alias/key-7"}},
		},
		"a canary goes to no less safe class for the sake of a place": {
			canary: 2,
			keys:   []keyrotor.Assessment{key(1, env("dev")), key(2, env("dev")), key(3, other)},
			want:   [][]string{{"alias/key-1", "alias/key-2"}, {"alias/key-3"}},
		},
		"an account whose production rotates already holds production too": {
			canary: 1,
			keys:   []keyrotor.Assessment{key(1, env("prod"), on(365)), key(2), key(3, other), key(4, other)},
			want:   [][]string{{"alias/key-3"}, {"alias/key-4"}, {"alias/key-2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Canary, o.Management = tt.canary, tt.management
			if diff := cmp.Diff(tt.want, rollout(build(t, o, tt.keys...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWavesGrow(t *testing.T) {
	var keys []keyrotor.Assessment
	for n := range 229 {
		keys = append(keys, key(n))
	}
	var sizes []int
	p := build(t, options(), keys...)
	for _, w := range p.Waves {
		sizes = append(sizes, len(w.Changes))
	}
	if diff := cmp.Diff([]int{5, 24, 100, 100}, sizes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !p.Waves[0].Canary || p.Waves[1].Canary {
		t.Error("the first wave and no other is the canary")
	}
}

func TestTwoChangesOfOneKeyAreNeverInOneWave(t *testing.T) {
	o := options()
	o.RotateOverdue = true
	p := build(t, o, key(1), key(2))
	want := [][]string{{"alias/key-1", "alias/key-2"}, {"alias/key-1", "alias/key-2"}}
	if diff := cmp.Diff(want, rollout(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p.Changes[0].Recipe != plan.RecipeEnableRotation || p.Changes[2].Recipe != plan.RecipeRotateOverdue {
		t.Errorf("got %q", acts(p))
	}
}

// drawn is a plan of some keys, wherever they are.
func drawn(t *rapid.T) keyrotor.Plan {
	var keys []keyrotor.Assessment
	for n := range rapid.IntRange(0, 9).Draw(t, "keys") {
		account := rapid.SampledFrom([]string{"111122223333", "444455556666", "777788889999"}).Draw(t, "account")
		keys = append(keys, key(n,
			in(account, rapid.SampledFrom([]string{"us-east-1", "eu-west-1"}).Draw(t, "region")),
			env(rapid.SampledFrom([]string{"", "dev", "prod", "blue"}).Draw(t, "env")),
			func(a *keyrotor.Assessment) { a.Asset.KMS.Description = rapid.String().Draw(t, "description") },
		))
	}
	o := options()
	o.RotateOverdue = rapid.Bool().Draw(t, "overdue")
	p, err := plan.Build(of(keys...), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryChangeIsInOneWaveAndProductionIsNoCanary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		byID := map[keyrotor.ChangeID]keyrotor.Change{}
		for _, c := range p.Changes {
			byID[c.ID] = c
		}
		others := false
		for _, c := range p.Changes {
			others = others || c.Seen.Env != "prod"
		}
		had := map[keyrotor.ChangeID]bool{}
		for _, w := range p.Waves {
			assets := map[string]bool{}
			for _, id := range w.Changes {
				c := byID[id]
				if had[id] || assets[c.Target.ARN] {
					t.Fatalf("wave %d: %s stands there twice", w.Number, label(c))
				}
				had[id], assets[c.Target.ARN] = true, true
				if w.Canary && others && c.Seen.Env == "prod" {
					t.Fatalf("%s is in the canary", label(c))
				}
			}
		}
		if len(had) != len(p.Changes) {
			t.Fatalf("%d of %d changes are in a wave", len(had), len(p.Changes))
		}
	})
}

func label(c keyrotor.Change) string { return fmt.Sprintf("%s %s %s", c.Recipe, c.Target, c.Seen.Env) }

// --select took the keys of production out of sight, and their account was taken
// for one that holds none: it was no longer last.
func TestAccountsThatHoldProductionComeLastWhateverIsChosen(t *testing.T) {
	holds, other := in("111122223333", "us-east-1"), in("444455556666", "us-east-1")
	o := options()
	o.Canary = 1
	o.Choose = func(a keyrotor.Asset) bool { return a.Tags["env"] != "prod" }
	p := build(t, o, key(1, env("prod"), holds), key(2, holds), key(3, other), key(4, env("dev"), holds), key(5, on(365), env("prod")))
	if diff := cmp.Diff([][]string{{"alias/key-4"}, {"alias/key-3"}, {"alias/key-2"}}, rollout(p)); diff != "" {
		t.Errorf("waves (-want +got):\n%s", diff)
	}
	if p.RotatingTotal != 0 {
		t.Errorf("%d rotating keys are shown beside a choice that leaves them out", p.RotatingTotal)
	}
}
