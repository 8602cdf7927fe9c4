package assess

import (
	"slices"
	"strconv"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Eligible says what rotation AWS allows for a key as it stands, why, and what
// to do instead.
func Eligible(k *keyrotor.KMSFacts) keyrotor.Eligibility {
	if k == nil {
		return unknownToThisVersion("kind", "")
	}
	e := EligibleKMS(k.Spec, k.Usage, k.Origin, k.State, k.MultiRegionRole(), k.KeyManager)
	if e.Class != classReplica && e.Class != classImportedReplica {
		return e
	}
	if region := regionOf(k.MultiRegion.Primary); region != "" {
		e.Instead = strings.Replace(e.Instead, "its primary key", "its primary key in "+region, 1)
	}
	return e
}

// Names of classes, as tables of not eligible keys show them.
const (
	classSymmetric       = "symmetric, made by KMS"
	classAWSManaged      = "AWS managed key"
	classReplica         = "multi-Region replica"
	classImported        = "imported key material"
	classImportedReplica = "multi-Region replica, imported key material"
	classCustomStore     = "custom key store"
	classHMAC            = "HMAC"
	classUnknown         = keyrotor.ClassUnknown
)

// EligibleKMS decides from AWS's own words alone. It asks in the order in which
// the answers bind: who owns the key's life, whether its present state allows
// anything, and only then what its type allows; KMS itself checks the state
// before the type. A word that is not known here leaves the key alone.
//
// Where the state allows nothing and the type never will, the type speaks first:
// whoever enables an HMAC key again has no key that rotates.
//
// Source: KMS developer guide "Rotate AWS KMS keys", "Perform on-demand key
// rotation", "Key states", as of November 2026.
func EligibleKMS(spec, usage, origin, state, multiRegionRole, manager string) keyrotor.Eligibility {
	switch manager {
	case "AWS":
		return keyrotor.Eligibility{
			Ability: keyrotor.ServiceManaged,
			Class:   classAWSManaged,
			Reason:  "AWS owns this key and rotates it about once a year; nobody can configure that.",
			Instead: "nothing; where the interval must be yours, use a customer managed key",
		}
	case "CUSTOMER":
	default:
		return unknownToThisVersion("key manager", manager)
	}
	byType := eligibleType(spec, usage, origin, multiRegionRole)
	byState, bound := boundByState(state)
	switch {
	case !bound:
		return byType
	case byState.Undecided() || byType.Undecided() || !neverAutomatic(byType):
		return byState
	case state == "PendingImport" && (byType.Class == classImported || byType.Class == classImportedReplica):
		return byState // it is what the type waits for, and says so already
	}
	return joined(byType, byState, state)
}

// neverAutomatic: no state of the key lets KMS rotate it by itself. A replica of
// material that KMS made rotates with its primary key.
func neverAutomatic(byType keyrotor.Eligibility) bool {
	return byType.Ability != keyrotor.Automatic && byType.Class != classReplica
}

// joined is the eligibility of a key whose type never rotates automatically, in a
// state that allows nothing either.
func joined(byType, byState keyrotor.Eligibility, state string) keyrotor.Eligibility {
	it, first := "KMS is still creating it or changing its primary Region", "nothing; scan again in a few minutes"
	switch state {
	case "Disabled":
		it, first = "It is disabled", "nothing while it is disabled"
	case "PendingDeletion", "PendingReplicaDeletion":
		it, first = "It waits for its deletion", "nothing, unless the deletion is cancelled"
	case "PendingImport":
		it, first = "It lacks key material", "import the missing material; the key cannot be used before that"
	case "Unavailable":
		it, first = "Its key store is not connected", "connect the key store"
	}
	why := byType.Reason
	if !strings.HasPrefix(why, "KMS") {
		why = strings.ToLower(why[:1]) + why[1:]
	}
	return keyrotor.Eligibility{
		Ability: keyrotor.NoRotation,
		Class:   byType.Class + ", " + byState.Class,
		Reason:  it + "; and " + why,
		Instead: first + "; to rotate it then: " + byType.Instead,
	}
}

// eligibleType decides by what a key is, as if it were enabled.
func eligibleType(spec, usage, origin, multiRegionRole string) keyrotor.Eligibility {
	switch multiRegionRole {
	case "", "PRIMARY", "REPLICA":
	default:
		return unknownToThisVersion("multi-Region role", multiRegionRole)
	}
	switch origin {
	case "AWS_KMS", "EXTERNAL":
	case "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE":
		return customStore(origin)
	default:
		return unknownToThisVersion("origin", origin)
	}
	if spec != "SYMMETRIC_DEFAULT" {
		return bySpec(spec, usage)
	}
	if usage != "ENCRYPT_DECRYPT" {
		return unknownToThisVersion("usage of a symmetric key", usage)
	}
	return symmetric(origin, multiRegionRole)
}

// symmetric decides for an enabled SYMMETRIC_DEFAULT key outside custom stores.
func symmetric(origin, role string) keyrotor.Eligibility {
	switch {
	case origin == "AWS_KMS" && role == "REPLICA":
		return keyrotor.Eligibility{
			Ability: keyrotor.NoRotation,
			Class:   classReplica,
			Reason:  "A replica follows its primary key: rotation is a shared property that is set there.",
			Instead: "set rotation on its primary key",
		}
	case origin == "AWS_KMS":
		return keyrotor.Eligibility{
			Ability: keyrotor.Automatic,
			Class:   classSymmetric,
			Reason:  "It is a symmetric key whose material KMS made, and it is enabled.",
		}
	case role == "REPLICA":
		return keyrotor.Eligibility{
			Ability: keyrotor.NoRotation,
			Class:   classImportedReplica,
			Reason:  "A replica follows its primary key, and KMS cannot make new imported material by itself.",
			Instead: "import the new material into this replica too, then rotate its primary key on demand",
		}
	default:
		return keyrotor.Eligibility{
			Ability: keyrotor.OnDemand,
			Class:   classImported,
			Reason:  "Its material was imported, and KMS cannot make new imported material by itself.",
			Instead: "import new material (in every Region of a multi-Region key), then rotate on demand",
		}
	}
}

// boundByState returns what the state alone decides, and false for Enabled.
func boundByState(state string) (keyrotor.Eligibility, bool) {
	none := keyrotor.Eligibility{Ability: keyrotor.NoRotation}
	switch state {
	case "Enabled":
		return keyrotor.Eligibility{}, false
	case "Disabled":
		none.Class = "disabled"
		none.Reason = "KMS neither rotates a disabled key nor lets its setting be changed."
		none.Instead = "nothing until somebody enables it again"
	case "PendingDeletion", "PendingReplicaDeletion":
		none.Class = "pending deletion"
		none.Reason = "The key waits for its deletion, and KMS has locked its rotation setting."
		none.Instead = "nothing, unless the deletion is cancelled"
	case "PendingImport":
		none.Class = "pending import"
		none.Reason = "The key lacks key material: it was never imported, has expired, or was deleted."
		none.Instead = "import the missing material; the key cannot be used before that"
	case "Unavailable":
		none.Class = "unavailable"
		none.Reason = "The custom key store that holds the key is not connected."
		none.Instead = "connect the key store; its keys are replaced by new keys, not rotated"
	case "Creating", "Updating":
		none.Class = "being created or updated"
		none.Reason = "KMS is still creating the key or changing its primary Region."
		none.Instead = "nothing; scan again in a few minutes"
	default:
		return unknownToThisVersion("state", state), true
	}
	return none, true
}

// customStore is the answer for keys whose material lives outside KMS.
func customStore(origin string) keyrotor.Eligibility {
	where := "a CloudHSM cluster"
	if origin == "EXTERNAL_KEY_STORE" {
		where = "an external key store"
	}
	return keyrotor.Eligibility{
		Ability: keyrotor.Manual,
		Class:   classCustomStore,
		Reason:  "KMS cannot rotate material that it does not hold: it lives in " + where + ".",
		Instead: "create a new key and move the alias; first find what is pinned to the old ARN",
	}
}

// bySpec is the answer for keys that are not symmetric encryption keys: no
// rotation of any kind exists for them.
func bySpec(spec, usage string) keyrotor.Eligibility {
	switch family(spec) {
	case familyHMAC:
		return manual(classHMAC, "KMS has no rotation for HMAC keys.",
			"create a new key and move the alias; tags made with the old key must stay verifiable")
	case familyAsymmetric:
		return asymmetric(usage)
	default:
		return unknownToThisVersion("key spec", spec)
	}
}

func asymmetric(usage string) keyrotor.Eligibility {
	switch usage {
	case "SIGN_VERIFY":
		return manual("asymmetric signing key", "KMS has no rotation for asymmetric keys.",
			"create a new key and publish its public key before the switch")
	case "ENCRYPT_DECRYPT":
		return manual("asymmetric encryption key", "KMS has no rotation for asymmetric keys.",
			"create a new key, hand out its public key, and keep the old one for what it encrypted")
	case "KEY_AGREEMENT":
		return manual("asymmetric key agreement key", "KMS has no rotation for asymmetric keys.",
			"create a new key and exchange public keys with the other parties")
	case "ENCAPSULATE_DECAPSULATE":
		return manual("asymmetric key encapsulation key", "KMS has no rotation for asymmetric keys.",
			"create a new key, hand out its public key, and keep the old one to decapsulate")
	default:
		return unknownToThisVersion("usage of an asymmetric key", usage)
	}
}

func manual(class, reason, instead string) keyrotor.Eligibility {
	return keyrotor.Eligibility{Ability: keyrotor.Manual, Class: class, Reason: reason, Instead: instead}
}

// unknownToThisVersion leaves alone what AWS may have invented since.
func unknownToThisVersion(what, word string) keyrotor.Eligibility {
	return manual(classUnknown,
		"Its "+what+" "+strconv.Quote(word)+" is unknown to this version of keyrotor, which leaves the key alone.",
		"look at the key by hand, or use a newer keyrotor")
}

// families of key specs that are not SYMMETRIC_DEFAULT.
const (
	familyUnknown = iota
	familyHMAC
	familyAsymmetric
)

// family sorts the specs that are known, one by one, to keyrotor.KeyUsages.
func family(spec string) int {
	usages, known := keyrotor.KeyUsages(spec)
	switch {
	case !known, spec == "SYMMETRIC_DEFAULT": // the one that is of neither family
		return familyUnknown
	case slices.Contains(usages, "GENERATE_VERIFY_MAC"):
		return familyHMAC
	}
	return familyAsymmetric
}

// regionOf is the Region of an ARN, "" for anything else.
func regionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[3]
}

// viewOf puts a customer managed key into exactly one of the views.
func viewOf(k *keyrotor.KMSFacts, e keyrotor.Eligibility) keyrotor.View {
	switch {
	case e.Ability == keyrotor.ServiceManaged:
		return keyrotor.ViewAWSManaged
	case e.Ability != keyrotor.Automatic:
		return keyrotor.ViewNotEligible
	case k.Rotation == nil:
		return keyrotor.ViewUnknown
	case k.Rotation.On:
		return keyrotor.ViewRotating
	default:
		return keyrotor.ViewTarget
	}
}

// notDescribed is the eligibility of a key that was listed and refused to be
// described: it is a gap, and not a sort of key.
func notDescribed() keyrotor.Eligibility {
	return keyrotor.Eligibility{
		Ability: keyrotor.NoRotation,
		Class:   "could not be read",
		Reason:  "DescribeKey was refused, so nothing is known of this key, not even who manages it.",
		Instead: "let the scan role in (the gaps name the call and the cause), then scan again",
	}
}
