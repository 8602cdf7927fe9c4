package rotatetest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
)

// AccessKey is what the secrets of a Provider hold.
type AccessKey struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// SealKey makes the secret that holds an access key.
func SealKey(k AccessKey) keyrotor.Secret {
	b, err := json.Marshal(k)
	if err != nil {
		return keyrotor.Secret{}
	}
	return keyrotor.NewSecret(b)
}

func openKey(s keyrotor.Secret) AccessKey {
	var k AccessKey
	if json.Unmarshal(s.RevealForInstall(), &k) != nil {
		return AccessKey{}
	}
	return k
}

// Provider mints access keys as IAM does: at most Limit of them, the value
// shown once, creation times in whole seconds.
type Provider struct {
	Limit  int
	Labels bool // whether a key has a name to put the token in
	Random io.Reader
	Now    func() time.Time

	mu   sync.Mutex
	made int
	keys []madeKey
}

type madeKey struct {
	rotate.Key
	secret string
}

// Create makes a key, as anybody with the right permission can.
func (p *Provider) Create(label string) (AccessKey, error) {
	secret, err := password(p.Random)
	if err != nil {
		return AccessKey{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.keys) >= p.Limit {
		return AccessKey{}, &keyrotor.CallFailed{CallError: keyrotor.CallError{
			Call: "CreateAccessKey", Code: "LimitExceeded", Message: fmt.Sprintf("cannot exceed quota for AccessKeysPerUser: %d", p.Limit),
		}}
	}
	p.made++
	k := madeKey{Key: rotate.Key{ID: fmt.Sprintf("AKIA%04d", p.made), Created: p.Now().Truncate(time.Second), Active: true}, secret: secret}
	if p.Labels {
		k.Label = label
	}
	p.keys = append(p.keys, k)
	return AccessKey{ID: k.ID, Secret: secret}, nil
}

// Made counts the keys ever created.
func (p *Provider) Made() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made
}

// All lists the keys that exist.
func (p *Provider) All() []rotate.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []rotate.Key
	for _, k := range p.keys {
		all = append(all, k.Key)
	}
	return all
}

// Mint implements rotate.Engine.
func (p *Provider) Mint(_ context.Context, _ keyrotor.Secret, token string) (keyrotor.Secret, error) {
	k, err := p.Create(token)
	return SealKey(k), err
}

// Install implements rotate.Engine: a minted key works from the start.
func (p *Provider) Install(context.Context, keyrotor.Secret, keyrotor.Secret) error { return nil }

// Try implements rotate.Engine.
func (p *Provider) Try(_ context.Context, s keyrotor.Secret) error {
	given := openKey(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.keys {
		if k.ID == given.ID && k.secret == given.Secret && k.Active {
			return nil
		}
	}
	return rotate.ErrLogin
}

// Retire implements rotate.Engine.
func (p *Provider) Retire(ctx context.Context, current, old keyrotor.Secret) error {
	if p.KeyID(current) == p.KeyID(old) {
		return nil
	}
	return p.Remove(ctx, current, p.KeyID(old))
}

// KeyID implements rotate.Provider.
func (p *Provider) KeyID(s keyrotor.Secret) string { return openKey(s).ID }

// Keys implements rotate.Provider.
func (p *Provider) Keys(context.Context, keyrotor.Secret) ([]rotate.Key, error) { return p.All(), nil }

// Deactivate implements rotate.Provider.
func (p *Provider) Deactivate(_ context.Context, _ keyrotor.Secret, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.keys {
		if p.keys[i].ID == id {
			p.keys[i].Active = false
		}
	}
	return nil
}

// Remove implements rotate.Provider.
func (p *Provider) Remove(_ context.Context, _ keyrotor.Secret, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = slices.DeleteFunc(p.keys, func(k madeKey) bool { return k.ID == id })
	return nil
}
