package sandbox

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// variety makes one sort of key. n counts the keys of its sort, so that sorts can
// vary in turn; r varies the rest.
type variety struct {
	count int
	make  func(r *rand.Rand, start time.Time, n int) KeySeed
}

// between is a time between two numbers of days before start.
func between(r *rand.Rand, start time.Time, near, far int) time.Time {
	return start.Add(-time.Duration(near)*day - time.Duration(r.Int64N(int64(far-near)*int64(day))))
}

// rotating keys had rotation on for most of their life and show it in their history.
func rotating(r *rand.Rand, start time.Time, _ int) KeySeed {
	created := between(r, start, 30, 2900)
	return KeySeed{Created: created, RotationSince: created.Add(time.Hour), RotationPeriodDays: 365}
}

// lateRotating keys are old, and had rotation switched on only lately: enabled,
// and still holding their first material.
func lateRotating(r *rand.Rand, start time.Time, _ int) KeySeed {
	return KeySeed{Created: between(r, start, 500, 2900), RotationSince: between(r, start, 2, 340), RotationPeriodDays: 365}
}

// slowRotating keys rotate, but by a period far beyond a year.
func slowRotating(r *rand.Rand, start time.Time, _ int) KeySeed {
	created := between(r, start, 200, 2000)
	return KeySeed{Created: created, RotationSince: created, RotationPeriodDays: 1000}
}

func fastRotating(r *rand.Rand, start time.Time, _ int) KeySeed {
	created := between(r, start, 400, 1500)
	return KeySeed{Created: created, RotationSince: created, RotationPeriodDays: 180}
}

// notRotating keys could and do not.
func notRotating(r *rand.Rand, start time.Time, _ int) KeySeed {
	return KeySeed{Created: between(r, start, 380, 2900)}
}

func youngNotRotating(r *rand.Rand, start time.Time, _ int) KeySeed {
	return KeySeed{Created: between(r, start, 1, 360)}
}

// handRotated keys are rotated on demand now and then, by somebody who remembers.
func handRotated(r *rand.Rand, start time.Time, n int) KeySeed {
	seed := KeySeed{Created: between(r, start, 900, 2000)}
	for i := range 1 + n%4 {
		seed.OnDemandAt = append(seed.OnDemandAt, daysBefore(start, 40+i*180))
	}
	return seed
}

// multiRegion keys are primaries; whoever places them adds the replica's Region.
func multiRegion(r *rand.Rand, start time.Time, _ int) KeySeed {
	created := between(r, start, 100, 1200)
	return KeySeed{MultiRegion: true, Created: created, RotationSince: created, RotationPeriodDays: 365}
}

func signing(r *rand.Rand, start time.Time, n int) KeySeed {
	specs := []string{"RSA_2048", "RSA_4096", "ECC_NIST_P256", "RSA_3072", "ECC_NIST_P384", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ECC_NIST_P521", "ML_DSA_65"}
	return KeySeed{Spec: specs[n%len(specs)], Usage: "SIGN_VERIFY", Created: between(r, start, 20, 2000)}
}

func asymmetricEncryption(r *rand.Rand, start time.Time, n int) KeySeed {
	if n%3 == 2 {
		return KeySeed{Spec: "ECC_NIST_P256", Usage: "KEY_AGREEMENT", Created: between(r, start, 20, 600)}
	}
	return KeySeed{Spec: "RSA_3072", Usage: "ENCRYPT_DECRYPT", Created: between(r, start, 20, 2000)}
}

func hmacKey(r *rand.Rand, start time.Time, n int) KeySeed {
	specs := []string{"HMAC_256", "HMAC_256", "HMAC_384", "HMAC_512", "HMAC_224"}
	return KeySeed{Spec: specs[n%len(specs)], Usage: "GENERATE_VERIFY_MAC", Created: between(r, start, 20, 1300)}
}

// importedKey material: most never expires, some does soon, some was never imported.
func importedKey(r *rand.Rand, start time.Time, n int) KeySeed {
	seed := KeySeed{Origin: "EXTERNAL", Created: between(r, start, 60, 2000)}
	switch n % 8 {
	case 1:
		seed.ImportExpires = start.Add(time.Duration(4+n%12) * day)
	case 3, 5:
		seed.ImportExpires = start.Add(time.Duration(60+n*7) * day)
	case 6:
		seed.OnDemandAt = []time.Time{daysBefore(start, 45)}
	case 7:
		if n > 8 {
			seed.State = "PendingImport"
		}
	}
	return seed
}

func customStoreKey(r *rand.Rand, start time.Time, n int) KeySeed {
	seed := KeySeed{Origin: "AWS_CLOUDHSM", CustomKeyStore: "cks-1234567890abcdef0", Created: between(r, start, 60, 1800)}
	if n%3 == 2 {
		seed.Origin, seed.CustomKeyStore = "EXTERNAL_KEY_STORE", "cks-9876543210fedcba9"
	}
	return seed
}

func pendingDeletion(r *rand.Rand, start time.Time, n int) KeySeed {
	return KeySeed{State: "PendingDeletion", DeletionDate: start.Add(time.Duration(2+4*n) * day), Created: between(r, start, 100, 2500)}
}

func disabledKey(r *rand.Rand, start time.Time, _ int) KeySeed {
	return KeySeed{State: "Disabled", Created: between(r, start, 100, 2500)}
}

// stackKey and terraformKey carry the tags of the tool that will undo what others change.
func stackKey(r *rand.Rand, start time.Time, n int) KeySeed {
	seed := notRotating(r, start, n)
	stack := []string{"payments-data", "orders-core", "vpc-flow-logs", "audit-trail", "lake-storage"}[n%5]
	seed.Tags = map[string]string{
		"aws:cloudformation:stack-name": stack,
		"aws:cloudformation:stack-id":   fmt.Sprintf("arn:aws:cloudformation:us-east-1:%s:stack/%s/%08x-0000-11ee-8000-0a1b2c3d4e5f", Management, stack, 0x5a000000+n),
		"aws:cloudformation:logical-id": []string{"Key", "DataKey", "LogsKey", "BucketKey"}[n%4],
	}
	return seed
}

func terraformKey(r *rand.Rand, start time.Time, n int) KeySeed {
	seed := notRotating(r, start, n)
	module := []string{"kms", "data-platform", "eks", "rds"}[n%4]
	seed.Tags = map[string]string{
		"managed-by": "terraform", "terraform:workspace": []string{"prod", "core", "staging"}[n%3],
		"terraform:module": module, "repo": "github.com/example/infra-" + module,
	}
	return seed
}

// The policies that a world needs beside the default one, for which the account
// is filled in when the key is placed.
const (
	accountMark = "ACCOUNT"
	policyOpen  = `{"Version":"2012-10-17","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::ACCOUNT:root"},"Action":"kms:*","Resource":"*"},%s]}`
	// policyShut lets one role of the account in and nobody else, not even its root.
	policyShut = `{"Version":"2012-10-17","Statement":[{"Sid":"VaultOnly","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::ACCOUNT:role/vault-operator"},"Action":"kms:*","Resource":"*"}]}`
)

// allowTo is a policy that also lets others in.
func allowTo(principal string) string {
	return fmt.Sprintf(policyOpen, `{"Sid":"Partner","Effect":"Allow","Principal":{"AWS":"`+principal+`"},"Action":["kms:Encrypt","kms:Decrypt","kms:GenerateDataKey*","kms:DescribeKey"],"Resource":"*"}`)
}

func forAccount(policy, account string) string {
	return strings.ReplaceAll(policy, accountMark, account)
}
