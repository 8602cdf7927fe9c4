package sandbox

import (
	"cmp"
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// Cryptographic calls take the material from under the account's lock, compute
// without it and then note the use.

// take finds a key for cryptography, checks permission, state and usage, and
// returns its current material.
func (c *call) take(name *string, operation string, usage types.KeyUsageType) (material, error) {
	var m material
	err := c.withAs(name, toUse, operation, func(k *key) error {
		if err := k.fits(c, usage); err != nil {
			return err
		}
		m = k.materialOf(k.current)
		return nil
	})
	return m, err
}

// fits asks the shared quota, then checks state, usage and whether the sandbox can
// compute for the key.
func (k *key) fits(c *call, usage types.KeyUsageType) error {
	if err := c.pay(k); err != nil {
		return err
	}
	if err := k.usable(c.Now); err != nil {
		return err
	}
	if k.usageType != usage {
		return errf("InvalidKeyUsageException", "%s key usage is %s which is not valid for %s.", k.arn(), k.usageType, c.Operation)
	}
	if kindOfSpec(k.spec) == kindUnserved {
		return unserved(k.spec)
	}
	return nil
}

// takeSealed finds the key that a ciphertext names, and the generation that
// made it. Another key named beside it is a mistake of the caller.
func (c *call) takeSealed(blob []byte, name *string, operation string) (sealed, material, error) {
	text, ok := unwrapHeader(blob)
	var m material
	if name == nil {
		if !ok {
			return text, m, errf("InvalidCiphertextException", "")
		}
		name = new("arn:" + c.Partition + ":kms:" + c.Region + ":" + text.account + ":key/" + text.keyID)
	}
	err := c.withAs(name, toUse, operation, func(k *key) error {
		if err := cmp.Or(c.pay(k), k.usable(c.Now)); err != nil {
			return err
		}
		if !k.symmetric() && ok || k.usageType != types.KeyUsageTypeEncryptDecrypt || ok && (k.id != text.keyID || k.region.account.id != text.account) {
			return errf("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
		}
		if !ok {
			return errf("InvalidCiphertextException", "")
		}
		for i := k.current; i >= 0; i-- {
			if materialID(k.id, k.generation[i].secret) == hex.EncodeToString(text.material) {
				m = k.materialOf(i)
				return nil
			}
		}
		return errf("InvalidCiphertextException", "")
	})
	return text, m, err
}

// note records a successful use for GetKeyLastUsage.
func (c *call) note(m material, operation types.KeyLastUsageTrackingOperation) {
	a := m.key.region.account
	event := requestID()
	a.mu.Lock()
	defer a.mu.Unlock()
	m.key.used = &usageRecord{operation: operation, at: c.Now, requestID: c.RequestID, eventID: event}
}

// dryRun answers a call that only asks whether it would succeed.
func dryRun(asked *bool) error {
	if asked != nil && *asked {
		return errf("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	}
	return nil
}

// blob checks the length of binary input; the value is never repeated.
func blob(b []byte, member string, most int) error {
	switch {
	case b == nil:
		return required(member)
	case len(b) == 0:
		return errf("ValidationException", "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length greater than or equal to 1", member)
	case len(b) > most:
		return errf("ValidationException", "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member, most)
	}
	return nil
}
