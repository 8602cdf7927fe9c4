package keyrotor

import (
	"cmp"
	"time"
)

// KMSFacts is what was seen of a KMS key. Strings such as State, Spec, Usage
// and Origin are AWS's own words, kept as they came: a value that AWS invents
// tomorrow passes through unharmed.
type KMSFacts struct {
	Aliases     []string `json:"aliases"`
	Description string   `json:"description,omitempty"`
	State       string   `json:"state"`  // KeyState
	Spec        string   `json:"spec"`   // KeySpec, else the older CustomerMasterKeySpec
	Usage       string   `json:"usage"`  // KeyUsage
	Origin      string   `json:"origin"` // AWS_KMS, EXTERNAL, AWS_CLOUDHSM, EXTERNAL_KEY_STORE
	// KeyManager is CUSTOMER or AWS.
	KeyManager     string       `json:"key_manager"`
	CustomKeyStore string       `json:"custom_key_store,omitempty"`
	MultiRegion    *MultiRegion `json:"multi_region,omitempty"`
	Created        time.Time    `json:"created,omitzero"` // zero when it is not known
	DeletionDate   *time.Time   `json:"deletion_date,omitempty"`

	// Rotation is nil when it was not asked for, because the key's type rules
	// it out, or when it was refused (see Asset.Unread).
	Rotation *RotationFacts `json:"rotation,omitempty"`
	// History is nil likewise.
	History *RotationHistory `json:"history,omitempty"`
	// Material is the current key material, nil when none is known.
	Material *MaterialFacts `json:"material,omitempty"`
	Import   *ImportFacts   `json:"import,omitempty"`
	Policy   *PolicyFacts   `json:"policy,omitempty"`
	LastUse  *LastUse       `json:"last_use,omitempty"`
	Grants   *GrantFacts    `json:"grants,omitempty"`
}

func (*KMSFacts) facts() {}

// AWSManaged reports whether AWS owns the life cycle of the key.
func (k *KMSFacts) AWSManaged() bool { return k.KeyManager == "AWS" }

// MultiRegionRole is "" for a single-Region key, else AWS's PRIMARY or REPLICA.
func (k *KMSFacts) MultiRegionRole() string {
	if k.MultiRegion == nil {
		return ""
	}
	return k.MultiRegion.Role
}

// MaterialSince is when the current material began to serve: the last finished
// rotation, else the creation of the key. The second result is false when the
// history was not read, for then only a lower bound of the age is unknown too.
func (k *KMSFacts) MaterialSince() (time.Time, bool) {
	if k.Material != nil && !k.Material.Since.IsZero() {
		return k.Material.Since, true
	}
	return time.Time{}, false
}

// MultiRegion places a key in its multi-Region family.
type MultiRegion struct {
	Role     string   `json:"role"`    // PRIMARY or REPLICA
	Primary  string   `json:"primary"` // ARN
	Replicas []string `json:"replicas,omitempty"`
}

// RotationFacts is the answer of GetKeyRotationStatus.
type RotationFacts struct {
	On bool `json:"on"`
	// PeriodDays is 0 when the service did not tell (older endpoints); KMS
	// documents 365 as the default.
	PeriodDays int        `json:"period_days,omitempty"`
	Next       *time.Time `json:"next,omitempty"`
	// OnDemandStarted is set while an on-demand rotation is under way.
	OnDemandStarted *time.Time `json:"on_demand_started,omitempty"`
}

// clockSlack is how much later than computed a next rotation may be named: clocks
// differ, and KMS does not document how exactly it dates.
const clockSlack = time.Hour

// LaterThan reports whether the key will rotate later than at a time that its clock
// named before: then rotation was turned on anew. Unknown dates are not later.
func (r *RotationFacts) LaterThan(next time.Time) bool {
	return r.Next != nil && r.Next.After(next.Add(clockSlack))
}

// FirstRotation is when a key rotates first whose rotation was turned on at a time,
// every so many days; false once that is due, for then the clock has gone on.
func (k *KMSFacts) FirstRotation(on time.Time, days int, now time.Time) (time.Time, bool) {
	first := on.UTC().AddDate(0, 0, cmp.Or(days, DefaultRotationPeriodDays))
	if k.History != nil {
		for _, r := range k.History.Rotations {
			if r.Type == "AUTOMATIC" && r.At.After(on) {
				return time.Time{}, false
			}
		}
	}
	return first, now.AddDate(0, 0, 1).Before(first)
}

// RotationHistory is what ListKeyRotations told, oldest first.
type RotationHistory struct {
	Rotations []Rotation `json:"rotations"`
	OnDemand  int        `json:"on_demand"` // rotations of type ON_DEMAND so far
}

// OnDemandLeft is what remains of the on-demand rotations of a key's life.
func (h *RotationHistory) OnDemandLeft() int { return max(0, OnDemandRotationLimit-h.OnDemand) }

// Last is the newest finished rotation.
func (h *RotationHistory) Last() (Rotation, bool) {
	if len(h.Rotations) == 0 {
		return Rotation{}, false
	}
	return h.Rotations[len(h.Rotations)-1], true
}

// Rotation is one finished rotation.
type Rotation struct {
	At         time.Time `json:"at"`
	Type       string    `json:"type"` // AUTOMATIC or ON_DEMAND
	MaterialID string    `json:"material_id,omitempty"`
}

// MaterialFacts is the current key material.
type MaterialFacts struct {
	ID    string    `json:"id,omitempty"` // 64 hex digits; symmetric keys only
	Since time.Time `json:"since,omitzero"`
}

// ImportFacts is the state of imported material (origin EXTERNAL).
type ImportFacts struct {
	Expires bool       `json:"expires"`
	ValidTo *time.Time `json:"valid_to,omitempty"` // the earliest of all materials
	// Pending is the id of material that waits for its rotation.
	Pending string `json:"pending,omitempty"`
	// AwaitsReplicas: some replica lacks the pending material, and until the same
	// bytes are imported there KMS does not rotate to it.
	AwaitsReplicas bool `json:"awaits_replicas,omitempty"`
}

// PolicyFacts summarizes a key policy; the policy itself is kept as a digest.
type PolicyFacts struct {
	Digest         Digest   `json:"digest"`
	Administrators []string `json:"administrators,omitempty"` // principals with kms:Put*, kms:* …
	// OtherAccounts are 12-digit accounts other than the key's that an Allow names.
	OtherAccounts []string `json:"other_accounts,omitempty"`
	// AccountPatterns are patterns of accounts ("9999*") to which a condition
	// narrows an Allow for everybody.
	AccountPatterns []string `json:"account_patterns,omitempty"`
	// Organizations are ids of organizations, or patterns of them, to which a
	// condition narrows an Allow for everybody; "${aws:ResourceOrgID}" is the key's own.
	Organizations []string `json:"organizations,omitempty"`
	// NetworkOnly is true when an Allow for everybody is narrowed by nothing but
	// the network of the caller: whose network that is, a policy does not tell.
	NetworkOnly bool `json:"network_only,omitempty"`
	// Public is true when an Allow names everybody and no condition narrows it
	// to accounts, an organization or a network.
	Public bool `json:"public,omitempty"`
	// DelegatesToIAM: the account's root may do everything, so IAM decides.
	DelegatesToIAM bool `json:"delegates_to_iam"`
	// ConditionTagKeys are tag keys that some statement's condition reads, and
	// patterns of such keys. IAM compares them without regard to case.
	ConditionTagKeys []string `json:"condition_tag_keys,omitempty"`
	// Outside are the accounts, organizations and patterns of either that may use
	// the key and are not of the organization, grantees among them where grants
	// were read; nil when the organization was not read, empty when there are none.
	Outside []string `json:"outside"`
	// Services are AWS service principals that an Allow names.
	Services []string `json:"services,omitempty"`
}

// LastUse is the answer of GetKeyLastUsage. A zero At with a key older than
// TrackedSince means unknown, not unused.
type LastUse struct {
	At           time.Time `json:"at,omitzero"`
	Operation    string    `json:"operation,omitempty"`
	TrackedSince time.Time `json:"tracked_since"`
}

// GrantFacts counts the grants of a key by grantee.
type GrantFacts struct {
	Count    int      `json:"count"`
	Grantees []string `json:"grantees,omitempty"` // distinct, sorted
}

// Limits and bounds of KMS; sources: KMS developer guide "Resource quotas",
// "Enable automatic key rotation" and "Tags in AWS KMS", as of November 2026.
const (
	OnDemandRotationLimit     = 25
	MinRotationPeriodDays     = 90
	MaxRotationPeriodDays     = 2560
	DefaultRotationPeriodDays = 365
	// TagsPerKey is how many tags a key may have, those of AWS's own not counted.
	TagsPerKey = 50
)
