package sandbox

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func createKey(c *call, in *kms.CreateKeyInput) (*kms.CreateKeyOutput, error) {
	k, err := c.newKey(in)
	if err != nil {
		return nil, err
	}
	a := c.s.account(c.Account)
	a.mu.Lock()
	defer a.mu.Unlock()
	region := a.regionLocked(c.Region)
	if k.store != "" {
		store, err := region.storeNamed(&k.store)
		if err == nil {
			err = store.admit(k, region, c)
		}
		if err != nil {
			return nil, err
		}
	}
	region.add(k)
	k.born(c.Now)
	return &kms.CreateKeyOutput{KeyMetadata: k.metadata(c.Now)}, nil
}

// newKey checks a CreateKey and makes the key, in no Region yet.
func (c *call) newKey(in *kms.CreateKeyInput) (*key, error) {
	spec := cmp.Or(in.KeySpec, types.KeySpec(in.CustomerMasterKeySpec), types.KeySpecSymmetricDefault)
	origin := cmp.Or(in.Origin, types.OriginTypeAwsKms)
	if err := cmp.Or(checkCreate(in, spec, origin), placeable(spec, c.Region)); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags, nil); err != nil {
		return nil, err
	}
	policy := ""
	if in.Policy != nil {
		if err := c.checkPolicy(nil, *in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
			return nil, err
		}
		policy = *in.Policy
	}
	multi := in.MultiRegion != nil && *in.MultiRegion
	k := &key{
		id: c.s.keyID(multi), created: c.Now, enabled: true, policy: policy,
		tags: in.Tags, tagged: len(in.Tags) > 0,
		core: &core{
			spec: spec, origin: origin, manager: types.KeyManagerTypeCustomer,
			usageType: cmp.Or(in.KeyUsage, types.KeyUsageTypeEncryptDecrypt),
		},
	}
	if in.Description != nil {
		k.description = *in.Description
	}
	k.store, k.xksKey = deref(in.CustomKeyStoreId), deref(in.XksKeyId)
	c.s.fill(k)
	if multi {
		k.family = &family{primary: k, members: []*key{k}}
	}
	return k, nil
}

// fill gives a key its first material, unless that is imported.
func (s *Sandbox) fill(k *key) {
	if k.origin == types.OriginTypeExternal {
		return
	}
	k.generation = []*generation{{secret: s.bytes(max(secretSize(k.spec), 32))}}
	if n := secretSize(k.spec); n > 0 {
		k.generation[0].secret = k.generation[0].secret[:n:n]
	}
}

func checkCreate(in *kms.CreateKeyInput, spec types.KeySpec, origin types.OriginType) error {
	err := cmp.Or(
		enum(spec, "keySpec", spec.Values()),
		enum(in.KeyUsage, "keyUsage", in.KeyUsage.Values()),
		enum(origin, "origin", origin.Values()),
		tooLong(in.Description, "description", 8192),
	)
	switch {
	case err != nil:
		return err
	case in.KeySpec != "" && in.CustomerMasterKeySpec != "" && string(in.KeySpec) != string(in.CustomerMasterKeySpec):
		return errf("ValidationException", "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.")
	case in.KeyUsage == "" && spec != types.KeySpecSymmetricDefault:
		return errf("ValidationException", "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
	case in.KeyUsage != "" && !slices.Contains(usages(spec), in.KeyUsage):
		return errf("ValidationException", "KeyUsage %s is not compatible with KeySpec %s", in.KeyUsage, spec)
	}
	return checkStore(in, spec, origin)
}

// checkStore refuses what a custom key store cannot hold; whether the store is
// there is seen when the key is entered.
func checkStore(in *kms.CreateKeyInput, spec types.KeySpec, origin types.OriginType) error {
	custom := origin == types.OriginTypeAwsCloudhsm || origin == types.OriginTypeExternalKeyStore
	switch {
	case custom && in.CustomKeyStoreId == nil:
		return errf("ValidationException", "You must specify a CustomKeyStoreId for a key with origin %s.", origin)
	case !custom && in.CustomKeyStoreId != nil:
		return errf("ValidationException", "CustomKeyStoreId is not valid for a key with origin %s.", origin)
	case custom && spec != types.KeySpecSymmetricDefault:
		return errf("UnsupportedOperationException", "KeySpec %s is not supported for Origin %s", spec, origin)
	case custom && in.MultiRegion != nil && *in.MultiRegion:
		return errf("UnsupportedOperationException", "Multi-Region keys are not supported for Origin %s", origin)
	case origin == types.OriginTypeExternalKeyStore && !xksKeyPattern.MatchString(deref(in.XksKeyId)):
		return errf("ValidationException", "You must specify a valid XksKeyId for a key with origin %s.", origin)
	case origin != types.OriginTypeExternalKeyStore && in.XksKeyId != nil:
		return errf("ValidationException", "XksKeyId is not valid for a key with origin %s.", origin)
	}
	return nil
}

func tooLong(text *string, member string, most int) error {
	if text == nil || len([]rune(*text)) <= most {
		return nil
	}
	return errf("ValidationException", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", *text, member, most)
}
