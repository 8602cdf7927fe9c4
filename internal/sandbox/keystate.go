package sandbox

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// state works out the key's state, which is nowhere stored as such.
func (k *key) state(now time.Time) types.KeyState {
	switch {
	case now.Before(k.busyUntil):
		return k.busyState
	case k.forced != "":
		return k.forced
	case k.deletionWindow > 0:
		return types.KeyStatePendingReplicaDeletion
	case !k.deletion.IsZero():
		return types.KeyStatePendingDeletion
	case !k.imported(now):
		return types.KeyStatePendingImport
	case !k.enabled:
		return types.KeyStateDisabled
	case k.unavailable(now):
		return types.KeyStateUnavailable
	}
	return types.KeyStateEnabled
}

// imported says whether every material that was ever in use is here; one
// expired generation makes the whole key unusable.
func (k *key) imported(now time.Time) bool {
	if k.origin != types.OriginTypeExternal {
		return true
	}
	if len(k.generation) == 0 || len(k.imports) <= k.current {
		return false
	}
	for _, i := range k.imports[:k.current+1] {
		if !i.here(now) {
			return false
		}
	}
	return true
}

func (i imported) here(now time.Time) bool {
	return i.present && (i.expires.IsZero() || now.Before(i.expires))
}

// usable refuses what a cryptographic call refuses: the right exception for the
// state the key is in.
func (k *key) usable(now time.Time) error {
	switch s := k.state(now); s {
	case types.KeyStateEnabled, types.KeyStateUpdating:
		return nil
	case types.KeyStateDisabled:
		return errf("DisabledException", "%s is disabled.", k.arn())
	default:
		return k.wrongState(s)
	}
}

// changeable refuses what management calls refuse on a key that is about to go
// or not yet there.
func (k *key) changeable(now time.Time) error {
	switch s := k.state(now); s {
	case types.KeyStatePendingDeletion, types.KeyStatePendingReplicaDeletion, types.KeyStateCreating:
		return k.wrongState(s)
	}
	return nil
}

func (k *key) wrongState(s types.KeyState) error {
	words := map[types.KeyState]string{
		types.KeyStatePendingDeletion:        "pending deletion",
		types.KeyStatePendingReplicaDeletion: "pending replica deletion",
		types.KeyStatePendingImport:          "pending import",
		types.KeyStateCreating:               "creating",
		types.KeyStateUpdating:               "updating",
		types.KeyStateUnavailable:            "unavailable",
		types.KeyStateDisabled:               "disabled",
	}
	return errf("KMSInvalidStateException", "%s is %s.", k.arn(), words[s])
}

// symmetric says whether the key is an ordinary encryption key, the only type
// that has generations.
func (c *core) symmetric() bool { return c.spec == types.KeySpecSymmetricDefault }

// custom says whether the material lives in a custom key store.
func (c *core) custom() bool {
	return c.origin == types.OriginTypeAwsCloudhsm || c.origin == types.OriginTypeExternalKeyStore
}

// replica says whether the key is a multi-Region replica.
func (k *key) replica() bool { return k.family != nil && k.family.primary.region != k.region }

// rotatable refuses keys that automatic rotation does not know.
func (k *key) rotatable() error {
	switch {
	case !k.symmetric():
		return errf("UnsupportedOperationException", "")
	case k.custom() || k.origin == types.OriginTypeExternal:
		return k.wrongOrigin()
	case k.replica():
		return errf("UnsupportedOperationException", "%s is not a multi-region primary key.", k.arn())
	}
	return nil
}

func (k *key) wrongOrigin() error {
	return errf("UnsupportedOperationException", "%s origin is %s which is not valid for this operation.", k.arn(), k.origin)
}
