package guard

import (
	"fmt"

	"github.com/keyrotor/keyrotor"
)

// rotateNow compares against the ids that the plan saw: a key that has rotated
// since, whoever did it, holds the new material that was asked for, and a
// second rotation would only use up one of the 25 of its life.
func rotateNow(s keyrotor.Step, a keyrotor.Asset) Verdict {
	k := a.KMS
	if why := onDemand(k); why != "" {
		return skip(why)
	}
	if r := k.Rotation; r != nil && r.OnDemandStarted != nil {
		return skip("an on-demand rotation of somebody else is under way since " + day(*r.OnDemandStarted))
	}
	if k.History != nil && k.History.OnDemandLeft() == 0 {
		return skip(fmt.Sprintf("all %d on-demand rotations of this key's life are used up", keyrotor.OnDemandRotationLimit))
	}
	if s.Before.MaterialID == "" && s.Before.OnDemand == nil {
		return skip("the plan saw neither its key material id nor its rotations: a second rotation could not be told from the first")
	}
	compared := false
	if s.Before.MaterialID != "" && k.Material != nil && k.Material.ID != "" {
		compared = true
		if k.Material.ID != s.Before.MaterialID {
			return unchanged("it was rotated since the plan: its key material is another one")
		}
	}
	if s.Before.OnDemand != nil && k.History != nil {
		compared = true
		if k.History.OnDemand != *s.Before.OnDemand {
			return unchanged(fmt.Sprintf("it was rotated since the plan: %d on-demand rotations, %d when the plan was made", k.History.OnDemand, *s.Before.OnDemand))
		}
	}
	if !compared {
		return skip("neither its key material id nor its rotations could be read to compare with the plan")
	}
	return goOn
}

// onDemand says why RotateKeyOnDemand cannot be called, "" when it can.
func onDemand(k *keyrotor.KMSFacts) string {
	if k.Origin != originExternal {
		return automatic(k)
	}
	if k.Spec != "" && k.Spec != specSymmetric {
		return fmt.Sprintf("KMS rotates no key of spec %s", k.Spec)
	}
	if why := usable(k); why != "" {
		return why
	}
	if k.Import == nil || k.Import.Pending == "" {
		return "no new material was imported: there is nothing to rotate to"
	}
	if k.Import.AwaitsReplicas {
		return "its new material is not in every replica yet: import the same bytes into every replica first"
	}
	return ""
}
