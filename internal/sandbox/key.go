package sandbox

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// key is one KMS key in one Region. What the replicas of a multi-Region key
// share is in its core.
type key struct {
	id     string
	seq    uint64
	region *kmsRegion
	*core

	description string
	created     time.Time
	enabled     bool
	// forced is a state that a seed pinned: Creating, Updating, Unavailable.
	forced types.KeyState
	// busyUntil ends Creating (a new replica) or Updating (a change of primary).
	busyUntil time.Time
	busyState types.KeyState

	deletion       time.Time // zero: none scheduled
	deletionWindow int32     // PendingReplicaDeletion: the days that begin later

	policy  string // "" is the default policy
	tags    []types.Tag
	tagged  bool // Tags were set once
	aliases []string
	grants  []*grant
	store   string // custom key store id
	xksKey  string // its id in the external key manager
	// imports says, per generation, what is imported here (origin EXTERNAL).
	imports []imported
	used    *usageRecord
	past    *past
}

// core is what a multi-Region key's replicas share with it; every single-Region
// key has one of its own.
type core struct {
	spec       types.KeySpec
	usageType  types.KeyUsageType
	origin     types.OriginType
	manager    types.KeyManagerType
	generation []*generation // oldest first; those after current wait for their rotation
	current    int
	rotation   rotation
	family     *family     // nil: single-Region
	private    *privateKey // of key pairs, made on first use
}

// family is a multi-Region key and its replicas, all of one account.
type family struct {
	primary *key
	members []*key // the primary too, in the order they came
}

// generation is one key material of a key.
type generation struct {
	secret      []byte
	at          time.Time // when it became current; zero for the first
	kind        types.RotationType
	description string
}

// imported is what a Region holds of one generation.
type imported struct {
	present bool
	expires time.Time // zero: never
}

// usageRecord is the last successful cryptographic call.
type usageRecord struct {
	operation types.KeyLastUsageTrackingOperation
	at        time.Time
	requestID string
	eventID   string
}

func (k *key) arn() string { return k.region.arn("key/" + k.id) }
