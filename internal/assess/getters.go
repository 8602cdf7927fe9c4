package assess

import (
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/keyrotor/keyrotor"
)

// text makes a getter of a function that always has an answer.
func text(read func(*view) string) func(*view) (any, error) {
	return func(v *view) (any, error) { return types.String(read(v)), nil }
}

// ofKMS makes a getter of a fact that every described key has.
func ofKMS(read func(*keyrotor.KMSFacts) any) func(*view) (any, error) {
	return func(v *view) (any, error) {
		if err := absentKMS(v); err != nil {
			return nil, err
		}
		return read(v.kms), nil
	}
}

// getPart makes a getter of a structured field; absent says why it has no value.
func getPart(kind partKind, absent func(*view) error) func(*view) (any, error) {
	return func(v *view) (any, error) {
		if absent != nil {
			if err := absent(v); err != nil {
				return nil, err
			}
		}
		return &v.parts[kind], nil
	}
}

func getTags(v *view) (any, error) {
	if v.asset.Tags == nil {
		return nil, &notRead{fact: keyrotor.FactTags}
	}
	return v.asset.Tags, nil
}

func getOwner(v *view) (any, error) {
	if v.asset.Tags == nil && v.asset.Owner == "" {
		return nil, &notRead{fact: keyrotor.FactTags}
	}
	return types.String(v.asset.Owner), nil
}

func absentManager(v *view) error {
	if v.asset.ManagedBy == nil && v.asset.Tags == nil {
		return &notRead{fact: keyrotor.FactTags}
	}
	return nil
}

func absentKMS(v *view) error {
	if v.kms == nil {
		return &notRead{fact: "KMS facts", ruledOut: true}
	}
	return nil
}

// absent reports a fact that is not there. Where the type of the key rules the
// fact out and no call was refused, nothing was missed.
func (v *view) absent(missing bool, fact string, applies bool) error {
	if v.kms == nil {
		return &notRead{fact: fact, ruledOut: true}
	}
	if !missing {
		return nil
	}
	return &notRead{fact: fact, ruledOut: !applies && !v.asset.Refused(fact)}
}

// absentRotation also hides the status of a key that waits for its deletion:
// KMS answers "off" for it whatever was set.
func absentRotation(v *view) error {
	if v.kms != nil && pendingDeletion(v.kms.State) {
		return &notRead{fact: keyrotor.FactRotation, ruledOut: true}
	}
	return v.absent(v.kms == nil || v.kms.Rotation == nil, keyrotor.FactRotation, v.kms == nil || mayRotateItself(v.kms))
}

func absentHistory(v *view) error {
	return v.absent(v.kms == nil || v.kms.History == nil, keyrotor.FactHistory, v.kms == nil || mayHaveHistory(v.kms))
}

func absentMaterial(v *view) error {
	if v.kms == nil || !materialSince(v.kms).IsZero() {
		return v.absent(false, keyrotor.FactHistory, true)
	}
	return &notRead{fact: keyrotor.FactHistory}
}

func absentImport(v *view) error {
	return v.absent(v.kms == nil || v.kms.Import == nil, keyrotor.FactDescription, v.kms == nil || v.kms.Origin == "EXTERNAL")
}

func absentPolicy(v *view) error {
	return v.absent(v.kms == nil || v.kms.Policy == nil, keyrotor.FactPolicy, true)
}

func absentLastUse(v *view) error {
	return v.absent(v.kms == nil || v.kms.LastUse == nil, keyrotor.FactLastUse, true)
}

func absentGrants(v *view) error {
	return v.absent(v.kms == nil || v.kms.Grants == nil, keyrotor.FactGrants, true)
}

func stamp(t time.Time) ref.Val { return types.Timestamp{Time: t.UTC()} }

// stampOf is a date that some assets have and others rightly lack.
func stampOf(t *time.Time, what string) (any, error) {
	if t == nil || t.IsZero() {
		return nil, &notRead{fact: what, ruledOut: true}
	}
	return stamp(*t), nil
}

func list(items []string) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, items) }

// getCreated never passes a date that was not read for the year one.
func getCreated(v *view) (any, error) {
	if err := absentKMS(v); err != nil {
		return nil, err
	}
	if v.kms.Created.IsZero() {
		return nil, &notRead{fact: keyrotor.FactDescription}
	}
	return stamp(v.kms.Created), nil
}
