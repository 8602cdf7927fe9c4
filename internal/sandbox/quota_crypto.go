package sandbox

import (
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Cryptographic calls share a quota per account and Region by the type of the key,
// so that what they cost is known only when the key is found. Keys in a custom key
// store share their store's quota instead.

// storeQuota is per custom key store; making data keys or random bytes there costs
// about three times as much.
const (
	storeQuota    = 1800
	storeDataCost = 3
)

// pay takes a cryptographic call's token. A call that uses two keys of one quota,
// as ReEncrypt may, pays once.
func (c *call) pay(k *key) error {
	if !c.s.opts.Quotas {
		return nil
	}
	if k.store != "" {
		return c.payStore(k.store)
	}
	name, rate := sharedQuota(kindOfSpec(k.spec), c.Region)
	if strings.HasPrefix(c.Operation, "GenerateDataKeyPair") {
		return nil // has quotas of its own, by the spec of the pair
	}
	return c.payFrom(name, rate, 1)
}

func (c *call) payStore(store string) error {
	cost := 1.0
	if strings.HasPrefix(c.Operation, "Generate") {
		cost = storeDataCost
	}
	return c.payFrom(store, storeQuota, cost)
}

func (c *call) payFrom(name string, rate int, cost float64) error {
	if c.paid == name || !c.s.opts.Quotas {
		return nil
	}
	q := &c.s.quotas
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.allowLocked(bucketKey{c.Account, c.Region, name}, keyrotor.Quota{PerSecond: rate, Burst: rate}, cost, time.Now()) {
		return throttled(c)
	}
	c.paid = name
	return nil
}

// sharedQuota is the documented rate of a type of keys; 0 where none is published.
func sharedQuota(k kind, region string) (name string, perSecond int) {
	switch k {
	case kindSymmetric, kindHMAC:
		return "symmetric", symmetricQuota(region)
	case kindRSA:
		return "RSA", 1000
	case kindECC, kindEd25519, kindSM2:
		return "ECC and SM2", 1000
	case kindMLDSA:
		return "ML-DSA", 1000
	}
	return "unpublished", 0
}

func symmetricQuota(region string) int {
	switch region {
	case "us-east-1", "us-west-2", "eu-west-1":
		return 100_000
	case "us-east-2", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "eu-central-1", "eu-west-2":
		return 20_000
	}
	return 10_000
}

// sandboxQuota are the documented rates of calls that keyrotor itself never makes.
func sandboxQuota(call string) keyrotor.Quota {
	per := 0
	switch call {
	case "kms:ConnectCustomKeyStore", "kms:CreateCustomKeyStore", "kms:DeleteCustomKeyStore", "kms:DescribeCustomKeyStores",
		"kms:DisconnectCustomKeyStore", "kms:UpdateCustomKeyStore", "kms:UpdateKeyDescription":
		per = 5
	case "kms:ListRetirableGrants":
		per = 100
	}
	return keyrotor.Quota{PerSecond: per, Burst: per}
}
