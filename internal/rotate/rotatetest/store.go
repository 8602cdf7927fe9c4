// Package rotatetest holds small real stores and engines in memory, and the
// wrappers that put faults between them and an actor. They behave as the ones
// they stand for: labels move, passwords die, a provider shows a value once.
package rotatetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
)

// Store keeps secrets in memory with the labels of Secrets Manager.
type Store struct {
	// Keeps: a version without a label stays for a while, and can be promoted.
	// Else it vanishes at once. Secrets Manager promises neither.
	Keeps bool
	// PendingStays: promotion leaves the label pending on the version, as Secrets
	// Manager does; its documents allow either. Else it takes the label off.
	PendingStays bool

	mu      sync.Mutex
	secrets map[string]*held
}

type held struct {
	current, pending, previous string
	values                     map[string]keyrotor.Secret
	staged                     int
}

// NewStore returns an empty store.
func NewStore() *Store { return &Store{secrets: map[string]*held{}} }

// Put creates a secret with one version, labelled as a rotation to it leaves it.
func (s *Store) Put(t keyrotor.Target, version string, value keyrotor.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &held{current: version, values: map[string]keyrotor.Secret{version: value}, staged: 1}
	if s.PendingStays {
		h.pending = version
	}
	s.secrets[t.ID] = h
}

// Staged counts the versions that ever were stored for the target.
func (s *Store) Staged(t keyrotor.Target) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.secrets[t.ID]; h != nil {
		return h.staged
	}
	return 0
}

// Values returns every version of the target with its value, labelled or not.
func (s *Store) Values(t keyrotor.Target) map[string]keyrotor.Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.secrets[t.ID]; h != nil {
		return maps.Clone(h.values)
	}
	return nil
}

func (s *Store) find(t keyrotor.Target) (*held, error) {
	if h := s.secrets[t.ID]; h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("secret %s: %w", t.ID, keyrotor.ErrNotFound)
}

// Read implements rotate.Store.
func (s *Store) Read(_ context.Context, t keyrotor.Target) (rotate.Versions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.find(t)
	if err != nil {
		return rotate.Versions{}, err
	}
	v := rotate.Versions{Current: h.current, Pending: h.pending, Previous: h.previous}
	for _, id := range slices.Sorted(maps.Keys(h.values)) {
		if id != h.current && id != h.pending && id != h.previous {
			v.Bare = append(v.Bare, id)
		}
	}
	return v, nil
}

// Value implements rotate.Store.
func (s *Store) Value(_ context.Context, t keyrotor.Target, version string) (keyrotor.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.find(t)
	if err != nil {
		return keyrotor.Secret{}, err
	}
	value, ok := h.values[version]
	if !ok {
		return keyrotor.Secret{}, fmt.Errorf("version %s of %s: %w", version, t.ID, keyrotor.ErrNotFound)
	}
	return value, nil
}

// Stage implements rotate.Store.
func (s *Store) Stage(_ context.Context, t keyrotor.Target, token string, value keyrotor.Secret) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.find(t)
	if err != nil {
		return err
	}
	if before, ok := h.values[token]; ok {
		if !before.Same(value) {
			return fmt.Errorf("version %s of %s holds another value: %w", token, t.ID, keyrotor.ErrConflict)
		}
		return nil // as Secrets Manager does: the labels stay where they are
	}
	h.values[token] = value
	h.pending = token
	h.staged++
	return nil
}

// Promote implements rotate.Store.
func (s *Store) Promote(_ context.Context, t keyrotor.Target, token, from string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.find(t)
	if err != nil {
		return err
	}
	switch {
	case h.current == token:
		return nil
	case h.current != from:
		return fmt.Errorf("current of %s is %s, not %s: %w", t.ID, h.current, from, keyrotor.ErrConflict)
	}
	if _, ok := h.values[token]; !ok {
		return fmt.Errorf("version %s of %s: %w", token, t.ID, keyrotor.ErrNotFound)
	}
	h.current, h.previous = token, from
	if h.pending == token && !s.PendingStays {
		h.pending = ""
	}
	return nil
}

// Drop implements rotate.Store.
func (s *Store) Drop(_ context.Context, t keyrotor.Target, version string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.find(t)
	if err != nil {
		return err
	}
	if h.previous == version {
		h.previous = ""
	}
	if h.pending == version {
		h.pending = ""
		if h.current != version && !s.Keeps {
			delete(h.values, version) // a version without a label may vanish at any time
		}
	}
	return nil
}
