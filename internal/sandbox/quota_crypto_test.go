package sandbox

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/keyrotor/keyrotor"
)

// drain empties the shared bucket of a type of keys and fills it no more for a while.
func drain(s *Sandbox, account, region, name string) {
	s.quotas.mu.Lock()
	defer s.quotas.mu.Unlock()
	s.quotas.allowLocked(bucketKey{account, region, name}, keyrotor.Quota{PerSecond: 1, Burst: 1}, 1, time.Now().Add(time.Hour))
}

func TestCryptographicCallsShareAQuotaByTypeOfKey(t *testing.T) {
	const account, region = "222222222222", "eu-north-1"
	s, url := loadSpec(t, WorldSpec{Name: "test"}, Options{Quotas: true})
	c := kms.NewFromConfig(as(url, account, region))
	arns := map[string]string{}
	for _, spec := range []string{"SYMMETRIC_DEFAULT", "HMAC_256", "RSA_2048", "ECC_NIST_P256", "ML_DSA_44"} {
		seed := KeySeed{Spec: spec, Usage: "SIGN_VERIFY"}
		if spec == "SYMMETRIC_DEFAULT" || spec == "HMAC_256" {
			seed.Usage = ""
		}
		arn, err := s.SeedKey(account, region, seed)
		if err != nil {
			t.Fatal(err)
		}
		arns[spec] = arn
	}
	throttled := func(err error) bool {
		var e smithy.APIError
		return errors.As(err, &e) && e.ErrorCode() == "ThrottlingException"
	}
	encrypt := func() error {
		_, err := c.Encrypt(t.Context(), &kms.EncryptInput{KeyId: new(arns["SYMMETRIC_DEFAULT"]), Plaintext: []byte("x")})
		return err
	}
	sign := func(spec, algorithm string) error {
		_, err := c.Sign(t.Context(), &kms.SignInput{KeyId: new(arns[spec]), Message: []byte("x"), SigningAlgorithm: types.SigningAlgorithmSpec(algorithm)})
		return err
	}
	if err := encrypt(); err != nil {
		t.Fatalf("within the quota: %v", err)
	}
	drain(s, account, region, "symmetric")
	if err := encrypt(); !throttled(err) {
		t.Errorf("encrypt over the quota: got %v, want ThrottlingException", err)
	}
	_, err := c.GenerateMac(t.Context(), &kms.GenerateMacInput{KeyId: new(arns["HMAC_256"]), Message: []byte("x"), MacAlgorithm: "HMAC_SHA_256"})
	if !throttled(err) {
		t.Errorf("HMAC shares the symmetric quota: got %v", err)
	}
	if _, err := c.GenerateRandom(t.Context(), &kms.GenerateRandomInput{NumberOfBytes: new(int32(8))}); !throttled(err) {
		t.Errorf("so do random bytes: got %v", err)
	}
	if err := sign("ECC_NIST_P256", "ECDSA_SHA_256"); err != nil {
		t.Errorf("other types have their own: %v", err)
	}
	drain(s, account, region, "ECC and SM2")
	if err := sign("ECC_NIST_P256", "ECDSA_SHA_256"); !throttled(err) {
		t.Errorf("sign over the quota of curves: got %v", err)
	}
	if err := sign("ML_DSA_44", "ML_DSA_SHAKE_256"); err != nil {
		t.Errorf("ML-DSA has its own: %v", err)
	}
	if _, err := c.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: new(arns["SYMMETRIC_DEFAULT"])}); err != nil {
		t.Errorf("a call about the key is not cryptographic: %v", err)
	}
}

func TestReEncryptUnderOneTypeOfKeysPaysOnce(t *testing.T) {
	s := New(Options{Quotas: true})
	c := &call{s: s, Account: "222222222222", Region: "eu-north-1", Service: "kms", Operation: "ReEncrypt"}
	k := &key{core: &core{spec: "SYMMETRIC_DEFAULT"}}
	for range 2 {
		if err := c.pay(k); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.quotas.buckets[bucketKey{c.Account, c.Region, "symmetric"}].tokens; got != 9999 {
		t.Errorf("got %v tokens left of 10,000, want 9999", got)
	}
}

func TestTheSymmetricQuotaDependsOnTheRegion(t *testing.T) {
	for region, want := range map[string]int{"us-east-1": 100_000, "eu-central-1": 20_000, "eu-north-1": 10_000} {
		if _, got := sharedQuota(kindSymmetric, region); got != want {
			t.Errorf("%s: got %d a second, want %d", region, got, want)
		}
	}
}

func TestSTSCallsShareOneQuota(t *testing.T) {
	q, now := &quotas{}, time.Now()
	for range 600 {
		if !q.allow("1", "r", "sts:AssumeRole", now) {
			t.Fatal("refused within 600")
		}
	}
	if q.allow("1", "r", "sts:GetCallerIdentity", now) {
		t.Error("GetCallerIdentity has tokens of its own, want one quota of STS")
	}
}
