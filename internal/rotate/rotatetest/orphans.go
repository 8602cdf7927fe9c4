package rotatetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/rotate"
)

// Provider is a provider that mints, as IAM does: limit keys at most, with
// labels a name to put the token in.
func (ws Worlds) Provider(f *applytest.Fuse, limit int, labels bool) applytest.World {
	c, p := ws.provider(f, limit, labels)
	return c.providerWorld(f, p)
}

func (ws Worlds) provider(f *applytest.Fuse, limit int, labels bool) (*credential, *Provider) {
	p := &Provider{Limit: limit, Labels: labels, Random: random(), Now: f.Now}
	start, err := p.Create("")
	if err != nil {
		start = AccessKey{} // the suite will say that nothing logs in
	}
	c := ws.credential(rotate.TwoCredentials, SealKey(start))
	c.before.KeyIDs = []string{start.ID}
	c.engine, c.process = p, func() rotate.Engine { return p }
	c.replace = func(current keyrotor.Secret) (keyrotor.Secret, error) {
		ctx := context.Background()
		for _, k := range p.All() {
			if len(p.All()) >= p.Limit && k.ID != p.KeyID(current) {
				_ = p.Remove(ctx, current, k.ID) // it cannot fail in memory
			}
		}
		k, err := p.Create("by others")
		return SealKey(k), err
	}
	return c, p
}

// providerWorld adds the search for keys that nobody knows of. Without names,
// an orphan can take up the last room.
func (c *credential) providerWorld(f *applytest.Fuse, p *Provider) applytest.World {
	w := c.world(f)
	w.Strays = func(record string) error { return c.strayKeys(p, record) }
	if !p.Labels {
		w.MayFail = func(o keyrotor.Outcome) bool { return p.blocked(o.Reason) }
		w.Mend = func() error { return p.removeInactive() }
	}
	return w
}

// strayKeys: a key must be held by a version of the secret or be named in the
// record, and what only the record knows must be useless.
func (c *credential) strayKeys(p *Provider, record string) error {
	stored := map[string]bool{}
	for _, value := range c.store.Values(c.target) {
		stored[p.KeyID(value)] = true
	}
	for _, k := range p.All() {
		switch {
		case stored[k.ID]:
		case !strings.Contains(record, k.ID):
			return fmt.Errorf("key %s is named nowhere", k.ID)
		case k.Active && !c.others:
			return fmt.Errorf("key %s is an orphan and still active", k.ID)
		}
	}
	return nil
}

// blocked: no further key can be made, for an orphan that the reason names
// takes up the room.
func (p *Provider) blocked(reason string) bool {
	all := p.All()
	return len(all) >= p.Limit && slices.ContainsFunc(all, func(k rotate.Key) bool {
		return !k.Active && strings.Contains(reason, k.ID)
	})
}

func (p *Provider) removeInactive() error {
	for _, k := range p.All() {
		if !k.Active {
			if err := p.Remove(context.Background(), keyrotor.Secret{}, k.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
