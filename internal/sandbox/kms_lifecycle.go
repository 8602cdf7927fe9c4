package sandbox

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func enableKey(c *call, in *kms.EnableKeyInput) (*kms.EnableKeyOutput, error) {
	return &kms.EnableKeyOutput{}, c.with(in.KeyId, toManage, func(k *key) error {
		if err := k.switchable(c.Now); err != nil {
			return err
		}
		k.changes(c.Now)
		was := k.enabled
		k.enabled = true
		if !was {
			k.catchUp(c.Now)
		}
		return nil
	})
}

func disableKey(c *call, in *kms.DisableKeyInput) (*kms.DisableKeyOutput, error) {
	return &kms.DisableKeyOutput{}, c.with(in.KeyId, toManage, func(k *key) error {
		if err := k.switchable(c.Now); err != nil {
			return err
		}
		k.changes(c.Now)
		k.enabled = false
		return nil
	})
}

// switchable refuses Enable and Disable in all states but the two.
func (k *key) switchable(now time.Time) error {
	switch s := k.state(now); s {
	case types.KeyStateEnabled, types.KeyStateDisabled:
		return nil
	default:
		return k.wrongState(s)
	}
}

func updateKeyDescription(c *call, in *kms.UpdateKeyDescriptionInput) (*kms.UpdateKeyDescriptionOutput, error) {
	if in.Description == nil {
		return nil, required("description")
	}
	if err := tooLong(in.Description, "description", 8192); err != nil {
		return nil, err
	}
	return &kms.UpdateKeyDescriptionOutput{}, c.with(in.KeyId, toManage, func(k *key) error {
		if err := k.changeable(c.Now); err != nil {
			return err
		}
		k.changes(c.Now)
		k.description = *in.Description
		return nil
	})
}

func scheduleKeyDeletion(c *call, in *kms.ScheduleKeyDeletionInput) (*kms.ScheduleKeyDeletionOutput, error) {
	window := int32(30)
	if in.PendingWindowInDays != nil {
		window = *in.PendingWindowInDays
	}
	if window < 7 || window > 30 {
		return nil, errf("ValidationException", "1 validation error detected: Value '%d' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value between 7 and 30", window)
	}
	out := &kms.ScheduleKeyDeletionOutput{PendingWindowInDays: new(window)}
	return out, c.with(in.KeyId, toManage, func(k *key) error {
		if err := k.changeable(c.Now); err != nil {
			return err
		}
		k.changes(c.Now)
		k.enabled = false
		if !k.replica() && k.family != nil && len(k.family.members) > 1 {
			k.deletionWindow = window
		} else {
			k.deletion = c.Now.Add(time.Duration(window) * day)
			k.region.dies(k.deletion)
			out.DeletionDate = new(k.deletion)
		}
		out.KeyId, out.KeyState = new(k.arn()), k.state(c.Now)
		return nil
	})
}

func cancelKeyDeletion(c *call, in *kms.CancelKeyDeletionInput) (*kms.CancelKeyDeletionOutput, error) {
	out := &kms.CancelKeyDeletionOutput{}
	return out, c.with(in.KeyId, toManage, func(k *key) error {
		switch k.state(c.Now) {
		case types.KeyStatePendingDeletion, types.KeyStatePendingReplicaDeletion:
		default:
			return errf("KMSInvalidStateException", "%s is not pending deletion.", k.arn())
		}
		k.changes(c.Now)
		// The key comes back disabled; a rotation missed meanwhile happens now.
		k.deletion, k.deletionWindow, k.enabled = time.Time{}, 0, false
		k.catchUp(c.Now)
		out.KeyId = new(k.arn())
		return nil
	})
}
