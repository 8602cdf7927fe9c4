package sandbox

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// settling is how long a new replica is Creating, and a key whose primary
// changes is Updating.
const settling = time.Second

// replicate makes a replica in a Region; the core is one for both.
func (k *key) replicate(to *kmsRegion, now time.Time) *key {
	r := &key{id: k.id, core: k.core, created: now, enabled: true}
	if k.origin == types.OriginTypeExternal {
		r.imports = make([]imported, len(k.generation))
	}
	to.add(r)
	k.family = &family{primary: k.family.primary, members: append(slices.Clone(k.family.members), r)}
	return r
}

func replicateKey(c *call, in *kms.ReplicateKeyInput) (*kms.ReplicateKeyOutput, error) {
	if in.ReplicaRegion == nil {
		return nil, required("replicaRegion")
	}
	if !regionPattern.MatchString(*in.ReplicaRegion) {
		return nil, unlike(*in.ReplicaRegion, "replicaRegion", regionPattern)
	}
	if err := checkTags(in.Tags, nil); err != nil {
		return nil, err
	}
	if in.Policy != nil {
		if err := c.checkPolicy(nil, *in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
			return nil, err
		}
	}
	out := &kms.ReplicateKeyOutput{}
	return out, c.with(in.KeyId, toManage, func(k *key) error {
		if err := k.replicable(*in.ReplicaRegion, c.Now); err != nil {
			return err
		}
		k.changes(c.Now)
		r := k.replicate(k.region.account.regionLocked(*in.ReplicaRegion), c.Now)
		r.busyUntil, r.busyState = c.Now.Add(settling), types.KeyStateCreating
		r.tags, r.tagged = in.Tags, len(in.Tags) > 0
		if in.Policy != nil {
			r.policy = *in.Policy
		}
		if in.Description != nil {
			r.description = *in.Description
		}
		out.ReplicaKeyMetadata = r.metadata(c.Now)
		out.ReplicaPolicy = new(r.document())
		out.ReplicaTags = append([]types.Tag{}, r.tags...)
		return nil
	})
}

func (k *key) replicable(to string, now time.Time) error {
	switch s := k.state(now); {
	case k.family == nil || k.replica():
		return errf("UnsupportedOperationException", "%s is not a multi-region primary key.", k.arn())
	case s == types.KeyStateDisabled:
		return k.usable(now)
	case s != types.KeyStateEnabled && s != types.KeyStatePendingImport:
		return k.wrongState(s)
	case partitionOf(to) != partitionOf(k.region.name):
		return errf("UnsupportedOperationException", "Region %s is not in the partition of %s.", to, k.arn())
	}
	for _, m := range k.family.members {
		if m.region.name == to {
			return errf("AlreadyExistsException", "Unable to replicate key, because a related key already exists in region %s.", to)
		}
	}
	return nil
}

func updatePrimaryRegion(c *call, in *kms.UpdatePrimaryRegionInput) (*kms.UpdatePrimaryRegionOutput, error) {
	if in.PrimaryRegion == nil {
		return nil, required("primaryRegion")
	}
	if !regionPattern.MatchString(*in.PrimaryRegion) {
		return nil, unlike(*in.PrimaryRegion, "primaryRegion", regionPattern)
	}
	return &kms.UpdatePrimaryRegionOutput{}, c.with(in.KeyId, toManage, func(k *key) error {
		if k.family == nil || k.replica() {
			return errf("UnsupportedOperationException", "%s is not a multi-region primary key.", k.arn())
		}
		i := slices.IndexFunc(k.family.members, func(m *key) bool { return m.region.name == *in.PrimaryRegion })
		if i < 0 {
			return errf("NotFoundException", "%s has no replica in region %s.", k.arn(), *in.PrimaryRegion)
		}
		next := k.family.members[i]
		for _, m := range []*key{k, next} {
			if s := m.state(c.Now); s == types.KeyStateDisabled {
				return m.usable(c.Now)
			} else if s != types.KeyStateEnabled {
				return m.wrongState(s)
			}
		}
		k.changes(c.Now)
		k.family = &family{primary: next, members: k.family.members}
		for _, m := range []*key{k, next} {
			m.busyUntil, m.busyState = c.Now.Add(settling), types.KeyStateUpdating
		}
		return nil
	})
}
