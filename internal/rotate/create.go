package rotate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// stageTries: once a provider has shown a value, giving up at the first fault
// of the store would waste it.
const stageTries = 3

// created reports whether the new value is stored. At a provider an earlier
// call may still make a key, or the store may still take its value, so that
// for a while after an unanswered call nobody can say.
func (a *Actor) created(ctx context.Context, s keyrotor.Step, at standing) (bool, error) {
	if at == current {
		return true, nil
	}
	if at == pending {
		_, err := a.Store.Value(ctx, s.Target, s.Token)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, keyrotor.ErrNotFound) {
			return false, fmt.Errorf("read the pending version: %w", err)
		}
	}
	return false, a.unsettled(s)
}

func (a *Actor) unsettled(s keyrotor.Step) error {
	if _, mints := a.Engine.(Provider); !mints || s.Since.IsZero() {
		return nil
	}
	if again := s.Since.Add(a.settle()); a.Now().Before(again) {
		return &keyrotor.NotYet{Again: again, Reason: "an unanswered call may still make a key"}
	}
	return nil
}

// create mints a credential and stores it as pending.
func (a *Actor) create(ctx context.Context, s keyrotor.Step, v Versions) (keyrotor.Receipt, error) {
	if done, err := a.created(ctx, s, v.stand(s.Token)); done || err != nil {
		return keyrotor.Receipt{Result: map[string]string{"version": s.Token}}, definiteOrNil("look for the pending version", err)
	}
	old, err := a.value(ctx, s, v.Current)
	if err != nil {
		return keyrotor.Receipt{}, err
	}
	result := map[string]string{"version": s.Token}
	provider, mints := a.Engine.(Provider)
	if mints {
		if err := a.clearOrphans(ctx, provider, s, old, result); err != nil {
			return keyrotor.Receipt{}, err
		}
	}
	next, err := a.Engine.Mint(ctx, old, s.Token)
	if err != nil {
		if !mints {
			err = definite("mint", err)
		}
		return keyrotor.Receipt{}, fmt.Errorf("mint%s: %w", about(result), err)
	}
	if mints {
		result["key"] = provider.KeyID(next)
		return a.keep(ctx, provider, s, old, next, result)
	}
	err = a.Store.Stage(ctx, s.Target, s.Token, next)
	if errors.Is(err, keyrotor.ErrConflict) {
		return a.stagedBefore(ctx, s, result, err)
	}
	if err != nil {
		return keyrotor.Receipt{}, fmt.Errorf("stage: %w", err)
	}
	return keyrotor.Receipt{Result: result}, nil
}

// stagedBefore: a call of ours that was given up landed after all; its value
// is the one that counts, and the new one was never used.
func (a *Actor) stagedBefore(ctx context.Context, s keyrotor.Step, result map[string]string, conflict error) (keyrotor.Receipt, error) {
	v, err := a.Store.Read(ctx, s.Target)
	if err == nil && v.stand(s.Token) == pending {
		if done, err := a.created(ctx, s, pending); done && err == nil {
			return keyrotor.Receipt{Result: result}, nil
		}
	}
	return keyrotor.Receipt{}, fmt.Errorf("stage: %w", conflict)
}

// keep stores what a provider minted. A key that certainly cannot be stored is
// removed again; with the store in doubt it stays, and the next turn looks.
func (a *Actor) keep(ctx context.Context, p Provider, s keyrotor.Step, old, next keyrotor.Secret, result map[string]string) (keyrotor.Receipt, error) {
	var err error
	doubt := false // whether some try may yet land
	for range stageTries {
		if err = a.Store.Stage(ctx, s.Target, s.Token, next); err == nil {
			return keyrotor.Receipt{Result: result}, nil
		}
		if errors.Is(err, keyrotor.ErrConflict) {
			doubt = false // the token holds another value, so never this one
			break
		}
		var refused *keyrotor.CallFailed
		doubt = doubt || !errors.As(err, &refused)
	}
	if doubt {
		// As text: a refusal of the last try must not be found inside the doubt.
		return keyrotor.Receipt{}, &keyrotor.InDoubt{Err: fmt.Errorf("store key %s%s: %s", p.KeyID(next), about(result), err.Error())}
	}
	if rerr := p.Remove(ctx, old, p.KeyID(next)); rerr != nil {
		// Now something of ours is in the world after all.
		return keyrotor.Receipt{}, &keyrotor.InDoubt{Err: fmt.Errorf("store key %s: %s; remove it again: %s", p.KeyID(next), err.Error(), rerr.Error())}
	}
	if errors.Is(err, keyrotor.ErrConflict) {
		delete(result, "key")
		return a.stagedBefore(ctx, s, result, err)
	}
	return keyrotor.Receipt{}, fmt.Errorf("store key %s, which is removed again: %w", p.KeyID(next), err)
}

// clearOrphans deals with keys that a crash cut off from the store. One that
// bears our token is certainly ours, and nobody holds its value: it is removed.
// One without any label that is younger than our open intent is very probably
// ours: it is deactivated and named, and only a plan deletes it. Any other key
// that the plan did not see is somebody else's work, and stops us.
func (a *Actor) clearOrphans(ctx context.Context, p Provider, s keyrotor.Step, old keyrotor.Secret, result map[string]string) error {
	keys, err := p.Keys(ctx, old)
	if err != nil {
		return definite("list keys", err)
	}
	for _, k := range unknownKeys(p, s, keys, old) {
		switch {
		case k.Label == s.Token:
			if err := p.Remove(ctx, old, k.ID); err != nil {
				return fmt.Errorf("remove orphan %s: %w", k.ID, err)
			}
			add(result, "removed", k.ID)
		case a.ours(s, k):
			if k.Active {
				if err := p.Deactivate(ctx, old, k.ID); err != nil {
					return fmt.Errorf("deactivate orphan %s: %w", k.ID, err)
				}
			}
			add(result, "deactivated", k.ID)
		default:
			return fmt.Errorf("%w: key %s is not among those that the plan saw", keyrotor.ErrConflict, k.ID)
		}
	}
	return nil
}

// ours: the provider's times are whole seconds, the intent's are not.
func (a *Actor) ours(s keyrotor.Step, k Key) bool {
	return k.Label == "" && !s.Since.IsZero() && !k.Created.Before(s.Since.Truncate(time.Second))
}

// unknownKeys are those that neither the plan saw nor a given credential holds.
func unknownKeys(p Provider, s keyrotor.Step, keys []Key, held ...keyrotor.Secret) []Key {
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool {
		return slices.Contains(s.Before.KeyIDs, k.ID) ||
			slices.ContainsFunc(held, func(h keyrotor.Secret) bool { return p.KeyID(h) == k.ID })
	})
}

// leftovers names, beside the news that another rotation has superseded the
// change, the keys that an interrupted create-pending of it may have left
// alive. They are touched by nobody: by now they could be the other's.
func (a *Actor) leftovers(ctx context.Context, s keyrotor.Step, v Versions, conflict error) error {
	p, mints := a.Engine.(Provider)
	if !mints || s.Verb != keyrotor.CreatePending || s.Since.IsZero() || v.Current == "" {
		return conflict
	}
	var held []keyrotor.Secret
	for _, version := range []string{v.Current, v.Pending, v.Previous} {
		if version == "" || version == s.Token {
			continue
		}
		if secret, err := a.Store.Value(ctx, s.Target, version); err == nil {
			held = append(held, secret)
		}
	}
	if len(held) == 0 {
		return conflict
	}
	keys, err := p.Keys(ctx, held[0])
	if err != nil {
		return fmt.Errorf("%w; whether a key was left over cannot be told: %s", conflict, err.Error())
	}
	for _, k := range unknownKeys(p, s, keys, held...) {
		if k.Label == s.Token || a.ours(s, k) {
			conflict = fmt.Errorf("%w; key %s may be left over from this change", conflict, k.ID)
		}
	}
	return conflict
}

// Result tells what a step that was found done left in the world besides its
// effect: the orphans that an interrupted create-pending deactivated.
func (a *Actor) Result(ctx context.Context, s keyrotor.Step) (map[string]string, error) {
	result := map[string]string{"version": s.Token}
	p, mints := a.Engine.(Provider)
	if !mints || s.Verb != keyrotor.CreatePending {
		return result, nil
	}
	next, err := a.Store.Value(ctx, s.Target, s.Token)
	if err != nil {
		return result, err
	}
	result["key"] = p.KeyID(next)
	keys, err := p.Keys(ctx, next)
	if err != nil {
		return result, err
	}
	for _, k := range unknownKeys(p, s, keys, next) {
		if !k.Active && a.ours(s, k) {
			add(result, "deactivated", k.ID)
		}
	}
	return result, nil
}

func add(result map[string]string, name, id string) {
	if result[name] != "" {
		id = result[name] + " " + id
	}
	result[name] = id
}

// about names in an error what had to be done about orphans.
func about(result map[string]string) string {
	var b strings.Builder
	for _, name := range []string{"removed", "deactivated"} {
		if ids := result[name]; ids != "" {
			fmt.Fprintf(&b, " (%s orphaned key %s of an interrupted turn)", name, ids)
		}
	}
	return b.String()
}

func definiteOrNil(call string, err error) error {
	if err == nil {
		return nil
	}
	return definite(call, err)
}
