package sandbox

import (
	"cmp"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// Bounds of rotation, as KMS documents them.
const (
	minPeriod       = 90
	maxPeriod       = 2560
	usualPeriod     = 365
	onDemandLimit   = 25
	quietBeforeNext = 20 * time.Minute // no on-demand rotation so close to an automatic one
)

// mayRotate checks what all three changes of rotation check: the state before
// the type of the key, but an imported key in want of material is the wrong type.
func (k *key) mayRotate(now time.Time) error {
	switch s := k.state(now); s {
	case types.KeyStateDisabled:
		return k.usable(now)
	case types.KeyStatePendingDeletion, types.KeyStatePendingReplicaDeletion, types.KeyStateCreating:
		return k.wrongState(s)
	}
	return nil
}

func enableKeyRotation(c *call, in *kms.EnableKeyRotationInput) (*kms.EnableKeyRotationOutput, error) {
	if err := checkPeriod(in.RotationPeriodInDays); err != nil {
		return nil, err
	}
	return &kms.EnableKeyRotationOutput{}, c.with(in.KeyId, toManage, func(k *key) error {
		if err := cmp.Or(k.mayRotate(c.Now), k.rotatable()); err != nil {
			return err
		}
		period := int32(usualPeriod) // documented for a call without one
		if in.RotationPeriodInDays != nil {
			period = *in.RotationPeriodInDays
		}
		if k.rotation.on && k.rotation.period == period {
			return nil // the schedule stays
		}
		k.changes(c.Now)
		k.rotation.on, k.rotation.period = true, period
		k.rotation.next = c.Now.Add(k.rotation.every())
		return nil
	})
}

func checkPeriod(days *int32) error {
	switch {
	case days == nil:
		return nil
	case *days < minPeriod:
		return errf("ValidationException", "1 validation error detected: Value '%d' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value greater than or equal to %d", *days, minPeriod)
	case *days > maxPeriod:
		return errf("ValidationException", "1 validation error detected: Value '%d' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value less than or equal to %d", *days, maxPeriod)
	}
	return nil
}

func disableKeyRotation(c *call, in *kms.DisableKeyRotationInput) (*kms.DisableKeyRotationOutput, error) {
	return &kms.DisableKeyRotationOutput{}, c.with(in.KeyId, toManage, func(k *key) error {
		if err := cmp.Or(k.mayRotate(c.Now), k.rotatable()); err != nil {
			return err
		}
		k.changes(c.Now)
		k.rotation.on, k.rotation.period, k.rotation.next = false, 0, time.Time{}
		return nil
	})
}

func getKeyRotationStatus(c *call, in *kms.GetKeyRotationStatusInput) (*kms.GetKeyRotationStatusOutput, error) {
	out := &kms.GetKeyRotationStatusOutput{}
	return out, c.with(in.KeyId, toAsk, func(k *key) error {
		if err := k.hasRotations(); err != nil {
			return err
		}
		state := k.state(c.Now)
		if state == types.KeyStatePendingImport {
			return k.wrongOrigin()
		}
		out.KeyId = new(k.arn())
		if !k.rotation.asked.IsZero() {
			out.OnDemandRotationStartDate = new(k.rotation.asked)
		}
		// A key pending deletion does not rotate; the setting comes back if it is saved.
		if !k.rotation.on || state == types.KeyStatePendingDeletion || state == types.KeyStatePendingReplicaDeletion {
			return nil
		}
		out.KeyRotationEnabled = true
		out.RotationPeriodInDays = new(k.rotation.period)
		out.NextRotationDate = new(k.rotation.next)
		return nil
	})
}

// hasRotations refuses keys of which KMS can tell no rotations.
func (k *key) hasRotations() error {
	switch {
	case k.custom():
		return k.wrongOrigin()
	case !k.symmetric():
		return errf("UnsupportedOperationException", "")
	case k.forced == types.KeyStateUnavailable:
		return errf("UnsupportedOperationException", "%s is unavailable.", k.arn())
	}
	return nil
}

func rotateKeyOnDemand(c *call, in *kms.RotateKeyOnDemandInput) (*kms.RotateKeyOnDemandOutput, error) {
	out := &kms.RotateKeyOnDemandOutput{}
	return out, c.with(in.KeyId, toManage, func(k *key) error {
		if err := cmp.Or(k.mayRotate(c.Now), k.mayRotateOnDemand(c.Now)); err != nil {
			return err
		}
		k.changes(c.Now)
		k.rotation.asked = c.Now
		k.rotation.done = c.Now.Add(max(0, c.s.opts.RotationTakes))
		if c.s.opts.RotationTakes < 0 {
			k.settle(c.Now)
		}
		out.KeyId = new(k.arn())
		return nil
	})
}

func (k *key) mayRotateOnDemand(now time.Time) error {
	switch {
	case !k.symmetric():
		return errf("UnsupportedOperationException", "")
	case k.custom():
		return k.wrongOrigin()
	case k.replica():
		return errf("UnsupportedOperationException", "%s is not a multi-region primary key.", k.arn())
	case k.state(now) != types.KeyStateEnabled:
		return k.wrongState(k.state(now))
	case k.onDemandCount() >= onDemandLimit:
		return errf("LimitExceededException", "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: %s", k.arn())
	case !k.rotation.asked.IsZero():
		return errf("ConflictException", "An on-demand rotation of key %s is in progress.", k.arn())
	case k.closeToAutomatic(now):
		return errf("ConflictException", "An automatic rotation of key %s is in progress or scheduled to begin within the next 20 minutes.", k.arn())
	case k.origin == types.OriginTypeExternal:
		return k.pendingReady(now)
	}
	return nil
}

// closeToAutomatic says whether an automatic rotation is about to begin or has
// just been.
func (k *key) closeToAutomatic(now time.Time) bool {
	if k.rotation.on && k.rotation.next.Sub(now) <= quietBeforeNext {
		return true
	}
	g := k.generation[k.current]
	return g.kind == types.RotationTypeAutomatic && now.Sub(g.at) < quietBeforeNext
}

// pendingReady refuses an imported key whose next material is not there, in each
// Region of its family.
func (k *key) pendingReady(now time.Time) error {
	next := k.current + 1
	if next >= len(k.generation) {
		return errf("KMSInvalidStateException", "No available key material pending rotation for the key: %s.", k.arn())
	}
	for _, m := range k.relatives() {
		if len(m.imports) <= next || !m.imports[next].here(now) {
			return errf("KMSInvalidStateException", "No available key material pending rotation for the key: %s.", k.arn())
		}
	}
	return nil
}

func listKeyRotations(c *call, in *kms.ListKeyRotationsInput) (*kms.ListKeyRotationsOutput, error) {
	limit, err := pageSize(in.Limit, 1000, 100)
	if err == nil {
		err = enum(in.IncludeKeyMaterial, "includeKeyMaterial", in.IncludeKeyMaterial.Values())
	}
	if err != nil {
		return nil, err
	}
	out := &kms.ListKeyRotationsOutput{}
	return out, c.with(in.KeyId, toInspect, func(k *key) error {
		if err := k.hasRotations(); err != nil {
			return err
		}
		all := k.rotations(c.Now, in.IncludeKeyMaterial == types.IncludeKeyMaterialAllKeyMaterial)
		some, next, err := pageOf(all, limit, in.Marker)
		if err != nil {
			return err
		}
		out.Rotations = append([]types.RotationsListEntry{}, some...)
		out.NextMarker, out.Truncated = next, next != nil
		return nil
	})
}

// rotations lists the finished rotations, oldest first; with all, also the first
// material and the one that waits.
func (k *key) rotations(now time.Time, all bool) []types.RotationsListEntry {
	var out []types.RotationsListEntry
	for i, g := range k.generation {
		if !all && (i == 0 || i > k.current) {
			continue
		}
		e := types.RotationsListEntry{
			KeyId: new(k.arn()), KeyMaterialId: new(materialID(k.id, g.secret)),
			KeyMaterialState: k.materialState(i, now), RotationType: g.kind,
		}
		if !g.at.IsZero() {
			e.RotationDate = new(g.at)
		}
		if k.origin == types.OriginTypeExternal {
			k.describeImported(&e, i, now)
		}
		out = append(out, e)
	}
	return out
}

func (k *key) materialState(i int, now time.Time) types.KeyMaterialState {
	switch {
	case i == k.current:
		return types.KeyMaterialStateCurrent
	case i < k.current:
		return types.KeyMaterialStateNonCurrent
	case k.family != nil && k.pendingReady(now) != nil:
		return types.KeyMaterialStatePendingMultiRegionImportAndRotation
	}
	return types.KeyMaterialStatePendingRotation
}

func (k *key) describeImported(e *types.RotationsListEntry, i int, now time.Time) {
	if d := k.generation[i].description; d != "" {
		e.KeyMaterialDescription = new(d)
	}
	if len(k.imports) <= i || !k.imports[i].here(now) {
		e.ImportState = types.ImportStatePendingImport
		return
	}
	e.ImportState = types.ImportStateImported
	e.ExpirationModel = types.ExpirationModelTypeKeyMaterialDoesNotExpire
	if at := k.imports[i].expires; !at.IsZero() {
		e.ExpirationModel, e.ValidTo = types.ExpirationModelTypeKeyMaterialExpires, new(at)
	}
}
