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

// absentKMS also hides the words of a key that refused to be described: an empty
// state is none that AWS named, and to compare it would be to guess.
func absentKMS(v *view) error {
	switch {
	case v.kms == nil:
		return &notRead{fact: "KMS facts", ruledOut: true}
	case v.undescribed:
		return &notRead{fact: keyrotor.FactDescription}
	}
	return nil
}

// absentEligibility: what KMS allows for a key depends on its description.
func absentEligibility(v *view) error {
	if v.undescribed {
		return &notRead{fact: keyrotor.FactDescription}
	}
	return nil
}

// getAliases needs no description: they come from a list of their own.
func getAliases(v *view) (any, error) {
	if v.kms == nil {
		return nil, &notRead{fact: "KMS facts", ruledOut: true}
	}
	return list(v.kms.Aliases), nil
}

// getPeriod is 365 days where rotation is on and the service tells no period. A
// key whose rotation is off has none: it must not pass for one of a year.
func getPeriod(v *view) (any, error) {
	if !v.kms.Rotation.On {
		return nil, &notRead{fact: "rotation period", unset: true}
	}
	return types.Duration{Duration: periodOf(v.kms.Rotation)}, nil
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
	if v.undescribed {
		return &notRead{fact: keyrotor.FactDescription} // let in there, the rest is asked for
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

func getLost(v *view) (any, error) {
	_, lost, known := lostMaterial(v.kms, v.set.now)
	if !known {
		return nil, &notRead{fact: keyrotor.FactHistory}
	}
	return types.Bool(lost), nil
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

// getOutside is not empty, but unknown, where a network is all that keeps others out.
func getOutside(v *view) (any, error) {
	p := v.kms.Policy
	switch {
	case p.Outside == nil:
		return nil, &notRead{fact: factOrganization}
	case len(p.Outside) == 0 && p.NetworkOnly:
		return nil, &notRead{untold: "the key policy lets in everybody from a network (VPC, endpoint or addresses), and does not tell whose that is"}
	}
	return list(p.Outside), nil
}
