package sandbox

import (
	"cmp"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// metadata is the key as DescribeKey shows it.
func (k *key) metadata(now time.Time) *types.KeyMetadata {
	state := k.state(now)
	m := &types.KeyMetadata{
		KeyId: new(k.id), Arn: new(k.arn()), AWSAccountId: new(k.region.account.id),
		CreationDate: new(k.created), Description: new(k.description),
		Enabled:  state == types.KeyStateEnabled || state == types.KeyStateUpdating && k.enabled,
		KeyState: state, KeyManager: k.manager, KeySpec: k.spec,
		CustomerMasterKeySpec: types.CustomerMasterKeySpec(k.spec),
		KeyUsage:              k.usageType, Origin: k.origin,
		MultiRegion: new(k.family != nil),
	}
	m.EncryptionAlgorithms, m.SigningAlgorithms = k.encryptionAlgorithms(), k.signingAlgorithms()
	m.MacAlgorithms, m.KeyAgreementAlgorithms = k.macAlgorithms(), k.agreementAlgorithms()
	m.EncapsulationAlgorithms = k.encapsulationAlgorithms()
	if k.symmetric() && !k.custom() && len(k.generation) > 0 {
		m.CurrentKeyMaterialId = new(materialID(k.id, k.generation[k.current].secret))
	}
	k.describeDeletion(m)
	k.describeImport(m, now)
	k.describeFamily(m)
	k.describeStore(m)
	return m
}

func (k *key) describeDeletion(m *types.KeyMetadata) {
	if !k.deletion.IsZero() {
		m.DeletionDate = new(k.deletion)
	}
	if k.deletionWindow > 0 {
		m.PendingDeletionWindowInDays = new(k.deletionWindow)
	}
}

// describeImport shows the expiry that comes first of all materials.
func (k *key) describeImport(m *types.KeyMetadata, now time.Time) {
	if k.origin != types.OriginTypeExternal || !k.imported(now) {
		return
	}
	m.ExpirationModel = types.ExpirationModelTypeKeyMaterialDoesNotExpire
	for _, i := range k.imports[:k.current+1] {
		if i.expires.IsZero() || m.ValidTo != nil && !i.expires.Before(*m.ValidTo) {
			continue
		}
		m.ExpirationModel = types.ExpirationModelTypeKeyMaterialExpires
		m.ValidTo = new(i.expires)
	}
}

func (k *key) describeFamily(m *types.KeyMetadata) {
	f := k.family
	if f == nil {
		return
	}
	c := &types.MultiRegionConfiguration{
		MultiRegionKeyType: types.MultiRegionKeyTypePrimary,
		PrimaryKey:         f.primary.placed(),
		ReplicaKeys:        []types.MultiRegionKey{},
	}
	if f.primary.id == k.id && f.primary.region != k.region {
		c.MultiRegionKeyType = types.MultiRegionKeyTypeReplica
	}
	for _, member := range f.members {
		if member != f.primary {
			c.ReplicaKeys = append(c.ReplicaKeys, *member.placed())
		}
	}
	m.MultiRegionConfiguration = c
}

func (k *key) placed() *types.MultiRegionKey {
	return &types.MultiRegionKey{Arn: new(k.arn()), Region: new(k.region.name)}
}

func (k *key) describeStore(m *types.KeyMetadata) {
	if k.store == "" {
		return
	}
	m.CustomKeyStoreId = new(k.store)
	if k.origin == types.OriginTypeAwsCloudhsm {
		m.CloudHsmClusterId = new(clusterOf(k.store))
		if s, err := k.region.storeNamed(&k.store); err == nil {
			m.CloudHsmClusterId = new(s.cluster)
		}
		return
	}
	m.XksKeyConfiguration = &types.XksKeyConfigurationType{Id: new(cmp.Or(k.xksKey, "xks-"+k.id))}
}
