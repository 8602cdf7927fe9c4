package aws

import (
	"context"
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
	r, err := e.loadRoster(ctx)
	if err != nil {
		return keyrotor.Asset{}, err
	}
	reader := e.reader(r.place(t), RoleScan, r.members)
	return reader.look(ctx, t, askAliases)
}

// LookForApply is a fresh look at a step's key with the apply role, at what that
// role may read and what speaks for or against the step: tags and the key policy,
// which may condition on them, where the step changes tags, else rotation, history
// and tags. Name and OU are taken from the target and from what is already known.
func (e *Estate) LookForApply(ctx context.Context, s keyrotor.Step) (keyrotor.Asset, error) {
	e.mu.Lock()
	known := e.roster
	e.mu.Unlock()
	reader := e.reader(known.place(s.Target), RoleApply, nil)
	reader.want = wanted{rotation: true, history: true, tags: true}
	if s.Verb == keyrotor.TagKey || s.Verb == keyrotor.UntagKey {
		reader.want = wanted{tags: true, policy: true}
	}
	return reader.look(ctx, s.Target, aliasOfTarget)
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
