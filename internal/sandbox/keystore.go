package sandbox

import (
	"crypto/sha256"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// A custom key store's connection
//
//	DISCONNECTED ─connect─▶ CONNECTING ─▶ CONNECTED ─disconnect─▶ DISCONNECTING ─▶ DISCONNECTED
//	                                  └─▶ FAILED ────disconnect──────────┘
//
// Nothing is behind it: every cluster id is an active cluster whose kmsuser has
// the password that was told first, every proxy answers. The keys are the sandbox's
// own symmetric ones, and unavailable while their store is not connected.

// storeTakes is how long connecting and disconnecting are under way. AWS needs up
// to twenty minutes for a cluster.
const storeTakes = time.Second

const storesPerRegion = 10

// keyStore is a custom key store of a Region.
type keyStore struct {
	id, name string
	kind     types.CustomKeyStoreType
	created  time.Time

	// connected is what was asked for last, settled when it takes effect.
	connected bool
	settled   time.Time

	// CloudHSM. Passwords are kept as hashes only.
	cluster, anchor string
	password, right [sha256.Size]byte // what KMS was told, and what the cluster has

	proxy *types.XksProxyConfigurationType // external
}

func (s *keyStore) state(now time.Time) types.ConnectionStateType {
	under := now.Before(s.settled)
	switch {
	case s.connected && under:
		return types.ConnectionStateTypeConnecting
	case s.connected && s.password != s.right:
		return types.ConnectionStateTypeFailed
	case s.connected:
		return types.ConnectionStateTypeConnected
	case under:
		return types.ConnectionStateTypeDisconnecting
	}
	return types.ConnectionStateTypeDisconnected
}

func (s *keyStore) entry(now time.Time) types.CustomKeyStoresListEntry {
	e := types.CustomKeyStoresListEntry{
		CustomKeyStoreId: new(s.id), CustomKeyStoreName: new(s.name), CustomKeyStoreType: s.kind,
		ConnectionState: s.state(now), CreationDate: new(s.created), XksProxyConfiguration: s.proxy,
	}
	if s.kind == types.CustomKeyStoreTypeAwsCloudhsm {
		e.CloudHsmClusterId, e.TrustAnchorCertificate = new(s.cluster), new(s.anchor)
	}
	if e.ConnectionState == types.ConnectionStateTypeFailed {
		e.ConnectionErrorCode = types.ConnectionErrorCodeTypeInvalidCredentials
	}
	return e
}

// wants refuses a store that is not in one of the states.
func (s *keyStore) wants(now time.Time, states ...types.ConnectionStateType) error {
	is := s.state(now)
	for _, ok := range states {
		if is == ok {
			return nil
		}
	}
	return errf("CustomKeyStoreInvalidStateException", "The custom key store %s is %s.", s.id, is)
}

// storeNamed finds a store by its id.
func (r *kmsRegion) storeNamed(id *string) (*keyStore, error) {
	if id == nil {
		return nil, required("customKeyStoreId")
	}
	for _, s := range r.stores {
		if s.id == *id {
			return s, nil
		}
	}
	return nil, errf("CustomKeyStoreNotFoundException", "The custom key store %s does not exist.", *id)
}

// unavailable says whether the key's store is there and not connected.
func (k *key) unavailable(now time.Time) bool {
	if k.store == "" {
		return false
	}
	s, err := k.region.storeNamed(&k.store)
	return err == nil && s.state(now) != types.ConnectionStateTypeConnected
}

// seedStore enters the store that a seeded key lives in, connected.
func (r *kmsRegion) seedStore(k *key) {
	if _, err := r.storeNamed(&k.store); err == nil || k.store == "" {
		return
	}
	s := &keyStore{id: k.store, name: "store-" + k.store[max(0, len(k.store)-6):], created: k.created, connected: true, kind: types.CustomKeyStoreTypeAwsCloudhsm}
	if k.origin == types.OriginTypeExternalKeyStore {
		s.kind = types.CustomKeyStoreTypeExternalKeyStore
		s.proxy = &types.XksProxyConfigurationType{
			AccessKeyId: new("ABCDE12345670EXAMPLE"), Connectivity: types.XksProxyConnectivityTypePublicEndpoint,
			UriEndpoint: new("https://" + s.name + ".example.com"), UriPath: new("/kms/xks/v1"),
		}
	} else {
		s.cluster, s.anchor = clusterOf(k.store), "-----BEGIN CERTIFICATE-----"
	}
	r.stores = append(r.stores, s)
}

// clusterOf makes up the cluster of a seeded store.
func clusterOf(store string) string { return "cluster-" + store[max(0, len(store)-11):] }
