package applytest_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/guard"
)

// kms is a service like KMS: no call carries a token, an on-demand rotation is
// accepted first and done later, and a new key is not seen at once.
type kms struct {
	fuse  *applytest.Fuse
	takes time.Duration // an on-demand rotation
	hides time.Duration // a new key, or rotation switched on

	mu        sync.Mutex
	rotations []time.Time // when each is or will be done
	keys      []newKey
	alias     string
	onSince   time.Time
	enables   int
}

type newKey struct {
	id, tag string
	seen    time.Time // from when on it is seen
}

var target = keyrotor.Target{Kind: keyrotor.KindKMSKey, Partition: "aws", Account: "111111111111", Region: "eu-central-1", ID: "k1", Name: "alias/app"}

func (k *kms) lock() func() {
	k.mu.Lock()
	return k.mu.Unlock
}

func (k *kms) done() (n int) {
	defer k.lock()()
	for _, at := range k.rotations {
		if !at.After(k.fuse.Now()) {
			n++
		}
	}
	return n
}

func (k *kms) made() int {
	defer k.lock()()
	return len(k.rotations) + len(k.keys) + k.enables
}

func (k *kms) on() bool {
	defer k.lock()()
	return !k.onSince.IsZero() && !k.fuse.Now().Before(k.onSince)
}

// tagged is the visible key that bears the token.
func (k *kms) tagged(token string) (string, bool) {
	defer k.lock()()
	for _, key := range k.keys {
		if key.tag == token && !key.seen.After(k.fuse.Now()) {
			return key.id, true
		}
	}
	return "", false
}

// Check implements apply.Actor.
func (k *kms) Check(_ context.Context, s keyrotor.Step) (done bool, err error) {
	err = k.fuse.Read("kms.Look", func() error {
		switch s.Verb {
		case keyrotor.RotateNow, "rotate-anyhow":
			done = k.done() > *s.Before.OnDemand
			defer k.lock()()
			if n := len(k.rotations); !done && n > *s.Before.OnDemand {
				return &keyrotor.NotYet{Again: k.rotations[n-1], Reason: "the rotation is under way"}
			}
		case keyrotor.CreateKey:
			_, done = k.tagged(s.Token)
		case keyrotor.CreateAlias:
			id, ok := k.tagged(s.Token)
			defer k.lock()()
			done = ok && k.alias == id
		case keyrotor.EnableRotation:
			done = k.on()
		}
		return nil
	})
	return done, err
}

// Do implements apply.Actor.
func (k *kms) Do(_ context.Context, s keyrotor.Step) (r keyrotor.Receipt, err error) {
	err = k.fuse.Write("kms."+string(s.Verb), func() error {
		id, visible := k.tagged(s.Token)
		defer k.lock()()
		now := k.fuse.Now()
		switch s.Verb {
		case keyrotor.RotateNow, "rotate-anyhow":
			k.rotations = append(k.rotations, now.Add(k.takes))
		case keyrotor.CreateKey:
			id = fmt.Sprintf("key-%d", len(k.keys)+1)
			k.keys = append(k.keys, newKey{id, s.Token, now.Add(k.hides)})
			r.Result = map[string]string{"key_id": id}
		case keyrotor.CreateAlias:
			if !visible {
				return &keyrotor.NotYet{Again: now.Add(5 * time.Second), Reason: "the new key is not seen everywhere yet"}
			}
			k.alias = id
		case keyrotor.EnableRotation:
			if k.onSince.IsZero() {
				k.onSince = now.Add(k.hides)
				k.enables++
			}
		}
		return nil
	})
	return r, err
}

// Result implements apply.Witness.
func (k *kms) Result(_ context.Context, s keyrotor.Step) (map[string]string, error) {
	if id, ok := k.tagged(s.Token); ok {
		return map[string]string{"key_id": id}, nil
	}
	return nil, nil
}

func (k *kms) look(t keyrotor.Target) (a keyrotor.Asset, err error) {
	err = k.fuse.Read("kms.DescribeKey", func() error {
		if t.ID == "" {
			a = k.behindAlias(t.Name)
			return nil
		}
		n := k.done()
		a = keyrotor.Asset{Kind: keyrotor.KindKMSKey, ID: "k1", KMS: &keyrotor.KMSFacts{
			State: "Enabled", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT", Origin: "AWS_KMS", KeyManager: "CUSTOMER",
			Rotation: &keyrotor.RotationFacts{On: k.on(), PeriodDays: 365},
			History:  &keyrotor.RotationHistory{OnDemand: n},
			Material: &keyrotor.MaterialFacts{ID: fmt.Sprintf("material-%d", n)},
		}}
		return nil
	})
	return a, err
}

// behindAlias is the key that the alias names, nothing where it names none.
func (k *kms) behindAlias(name string) keyrotor.Asset {
	defer k.lock()()
	for _, key := range k.keys {
		if key.id == k.alias {
			return keyrotor.Asset{
				Kind: keyrotor.KindKMSKey, ID: key.id, Tags: map[string]string{keyrotor.ChangeTag: key.tag},
				KMS: &keyrotor.KMSFacts{State: "Enabled", KeyManager: "CUSTOMER", Aliases: []string{name}},
			}
		}
	}
	return keyrotor.Asset{}
}

func (k *kms) world(steps ...keyrotor.Step) applytest.World {
	w := applytest.World{
		Change: keyrotor.Change{ID: "c1", Recipe: "test", Target: target, Steps: steps},
		Actor:  func() apply.Actor { return k },
		Look:   k.look, Guard: guard.Step,
		Made:  k.made,
		Agree: func() error { return nil },
		Late:  []time.Duration{150 * time.Millisecond, 2 * time.Second, time.Hour},
	}
	for i := range steps {
		steps[i].Number = i + 1
		w.Ours = append(w.Ours, steps[i].Verb)
	}
	return w
}

// rotateWorld rotates on demand; takes is how long the service works at it.
func rotateWorld(verb keyrotor.Verb, takes time.Duration) func(*applytest.Fuse) applytest.World {
	return func(f *applytest.Fuse) applytest.World {
		k := &kms{fuse: f, takes: takes}
		return k.world(keyrotor.Step{Verb: verb, Target: target, Before: keyrotor.Before{MaterialID: "material-0", OnDemand: new(0)}})
	}
}

// createWorld creates a key and its alias.
func createWorld(f *applytest.Fuse) applytest.World {
	k := &kms{fuse: f, hides: 4 * time.Second}
	fresh := target
	fresh.ID = ""
	w := k.world(
		keyrotor.Step{Verb: keyrotor.CreateKey, Target: fresh, Before: keyrotor.Before{AbsentAlias: true}},
		keyrotor.Step{Verb: keyrotor.CreateAlias, Target: fresh, Params: keyrotor.Params{Alias: "alias/app"}},
	)
	w.Change.Target = fresh
	w.Names = map[keyrotor.Verb]string{keyrotor.CreateKey: "key_id"}
	return w
}

// enableWorld switches rotation on, which may be asked for any number of times.
func enableWorld(f *applytest.Fuse) applytest.World {
	k := &kms{fuse: f, hides: 300 * time.Millisecond}
	return k.world(keyrotor.Step{Verb: keyrotor.EnableRotation, Target: target, Params: keyrotor.Params{PeriodDays: 365}, Before: keyrotor.Before{RotationOn: new(false)}})
}
