package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/keyrotor/keyrotor"
)

// Look is a fresh, full look at one key with the scan role. The target's ID may
// also be an alias or an ARN. A key that is not there is ErrNotFound; a refused
// DescribeKey is *keyrotor.CallFailed; refused facts stand in Asset.Unread.
func (e *Estate) Look(ctx context.Context, t keyrotor.Target) (keyrotor.Asset, error) {
	reader, err := e.scanReader(ctx, t)
	if err != nil {
		return keyrotor.Asset{}, err
	}
	return reader.look(ctx, t, askAliases)
}

// LookFor is a look with the scan role at the named facts alone: what verify asks
// for is what was promised.
func (e *Estate) LookFor(ctx context.Context, t keyrotor.Target, facts []string) (keyrotor.Asset, error) {
	reader, err := e.scanReader(ctx, t)
	if err != nil {
		return keyrotor.Asset{}, err
	}
	reader.want = wantedOf(facts)
	if slices.Contains(facts, keyrotor.FactAliases) {
		return reader.look(ctx, t, askAliases)
	}
	return reader.look(ctx, t, aliasOfTarget)
}

func (e *Estate) scanReader(ctx context.Context, t keyrotor.Target) (*keyReader, error) {
	r, err := e.loadRoster(ctx)
	if err != nil {
		return nil, err
	}
	return e.reader(r.place(t), RoleScan, r.membership()), nil
}

// LookForApply is a fresh look at a step's key with the apply role, at what
// speaks for or against the step (keyrotor.Step.GuardFacts). For a key that is
// yet to be made it looks where its alias points to: an empty asset when nowhere.
// Name and OU are taken from the target and from what is already known.
func (e *Estate) LookForApply(ctx context.Context, s keyrotor.Step) (keyrotor.Asset, error) {
	e.mu.Lock()
	known := e.roster
	e.mu.Unlock()
	reader := e.reader(known.place(s.Target), RoleApply, membership{})
	reader.want = wantedOf(s.GuardFacts())
	if s.Verb != keyrotor.CreateKey {
		return reader.look(ctx, s.Target, aliasOfTarget)
	}
	if !strings.HasPrefix(s.Target.Name, "alias/") {
		return keyrotor.Asset{}, nil // it gets no name that could be taken
	}
	behind := s.Target
	behind.ID = s.Target.Name
	a, err := reader.look(ctx, behind, aliasOfTarget)
	if errors.Is(err, keyrotor.ErrNotFound) {
		return keyrotor.Asset{}, nil
	}
	return a, err
}

// wantedOf is what a look at the named facts asks for.
func wantedOf(facts []string) wanted {
	return wanted{
		rotation: slices.Contains(facts, keyrotor.FactRotation),
		history:  slices.Contains(facts, keyrotor.FactHistory),
		tags:     slices.Contains(facts, keyrotor.FactTags),
		policy:   slices.Contains(facts, keyrotor.FactPolicy),
		lastUse:  slices.Contains(facts, keyrotor.FactLastUse),
		grants:   slices.Contains(facts, keyrotor.FactGrants),
	}
}

// aliasSource says where a look takes the aliases from.
type aliasSource int

const (
	askAliases aliasSource = iota
	aliasOfTarget
)

func (r *keyReader) look(ctx context.Context, t keyrotor.Target, from aliasSource) (keyrotor.Asset, error) {
	id := t.ID
	if id == "" {
		id = t.ARN
	}
	if t.Kind != keyrotor.KindKMSKey || id == "" {
		return keyrotor.Asset{}, fmt.Errorf("look at %s: not the address of a KMS key", t)
	}
	k := r.begin(t.ID, t.ARN)
	described, err := r.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	if err == nil {
		err = r.speaksOf(id, described.KeyMetadata)
	}
	if err != nil {
		return keyrotor.Asset{}, fmt.Errorf("kms key %s: %w", t, callError("kms:DescribeKey", err, nil))
	}
	k.describe(described.KeyMetadata)
	switch {
	case from == askAliases:
		k.ownAliases(ctx)
	case strings.HasPrefix(t.Name, "alias/"):
		k.asset.KMS.Aliases = []string{t.Name}
	}
	if err := k.facts(ctx); err != nil {
		return keyrotor.Asset{}, fmt.Errorf("kms key %s: %w", t, err)
	}
	return k.asset, nil
}

// place is the target's account and Region with what the roster knows of it.
func (r *roster) place(t keyrotor.Target) keyrotor.Place {
	at := keyrotor.Place{Account: t.Account, Region: t.Region}
	if r == nil {
		return at
	}
	i := slices.IndexFunc(r.accounts, func(a keyrotor.Account) bool { return a.ID == t.Account })
	if i >= 0 {
		at.AccountName, at.OU = r.accounts[i].Name, r.accounts[i].OU
	}
	return at
}
