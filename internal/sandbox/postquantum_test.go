package sandbox_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
	"github.com/cloudflare/circl/sign/schemes"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// spki is a public key of an algorithm that crypto/x509 does not know.
type spki struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

func publicOf(t *testing.T, c *kms.Client, arn string) spki {
	t.Helper()
	out, err := c.GetPublicKey(context.Background(), &kms.GetPublicKeyInput{KeyId: &arn})
	if err != nil {
		t.Fatalf("get public key: %v", err)
	}
	var info spki
	if rest, err := asn1.Unmarshal(out.PublicKey, &info); err != nil || len(rest) > 0 {
		t.Fatalf("public key: %v, %d bytes left", err, len(rest))
	}
	return info
}

// TestEncapsulatedSecretsHaveTheirDocumentedSizes: 768, 1,088 and 1,568 bytes are in
// the documentation of Encapsulate, the sizes of keys in FIPS 203.
func TestEncapsulatedSecretsHaveTheirDocumentedSizes(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	for spec, want := range map[string]struct{ sealed, public int }{
		"ML_KEM_512": {768, 800}, "ML_KEM_768": {1088, 1184}, "ML_KEM_1024": {1568, 1568},
	} {
		arn := b.seed(t, sandbox.KeySeed{Spec: spec})
		out, err := c.Encapsulate(ctx, &kms.EncapsulateInput{KeyId: &arn, EncapsulationAlgorithm: "ML_KEM"})
		if err != nil {
			t.Fatalf("%s: encapsulate: %v", spec, err)
		}
		if got := len(out.SharedSecretCiphertextBlob); got != want.sealed || len(out.SharedSecret) != 32 {
			t.Errorf("%s: got %d bytes sealed and %d shared, want %d and 32", spec, got, len(out.SharedSecret), want.sealed)
		}
		if got := len(publicOf(t, c, arn).Key.Bytes); got != want.public {
			t.Errorf("%s: public key: got %d bytes, want %d", spec, got, want.public)
		}
		opened, err := c.Decapsulate(ctx, &kms.DecapsulateInput{KeyId: &arn, EncapsulationAlgorithm: "ML_KEM", SharedSecretCiphertextBlob: out.SharedSecretCiphertextBlob})
		if err != nil || !bytes.Equal(opened.SharedSecret, out.SharedSecret) {
			t.Errorf("%s: decapsulate: the secret differs or %v", spec, err)
		}
		_, err = c.Decapsulate(ctx, &kms.DecapsulateInput{KeyId: &arn, EncapsulationAlgorithm: "ML_KEM", SharedSecretCiphertextBlob: []byte("short")})
		if got := code(err); got != "InvalidCiphertextException" {
			t.Errorf("%s: a short ciphertext: got %q, want InvalidCiphertextException", spec, got)
		}
	}
}

func TestASecretSealedElsewhereOpensInTheSandbox(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, arn := b.client(account, region), b.seed(t, sandbox.KeySeed{Spec: "ML_KEM_512"})
	public, err := mlkem512.Scheme().UnmarshalBinaryPublicKey(publicOf(t, c, arn).Key.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sealed, shared, err := mlkem512.Scheme().Encapsulate(public)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := c.Decapsulate(context.Background(), &kms.DecapsulateInput{KeyId: &arn, EncapsulationAlgorithm: "ML_KEM", SharedSecretCiphertextBlob: sealed})
	if err != nil || !bytes.Equal(opened.SharedSecret, shared) {
		t.Errorf("the secret differs or %v", err)
	}
}

func TestMLDSASignaturesVerifyElsewhere(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	for spec, want := range map[string]struct {
		scheme    string
		signature int
	}{"ML_DSA_44": {"ML-DSA-44", 2420}, "ML_DSA_65": {"ML-DSA-65", 3309}, "ML_DSA_87": {"ML-DSA-87", 4627}} {
		arn := b.seed(t, sandbox.KeySeed{Spec: spec})
		out, err := c.Sign(ctx, &kms.SignInput{KeyId: &arn, Message: []byte("text"), SigningAlgorithm: "ML_DSA_SHAKE_256"})
		if err != nil {
			t.Fatalf("%s: sign: %v", spec, err)
		}
		scheme, info := schemes.ByName(want.scheme), publicOf(t, c, arn)
		oid := scheme.(interface {
			Oid() asn1.ObjectIdentifier
		}).Oid()
		if !info.Algorithm.Algorithm.Equal(oid) || len(info.Algorithm.Parameters.FullBytes) != 0 {
			t.Errorf("%s: got algorithm %v, want %v without parameters", spec, info.Algorithm, oid)
		}
		public, err := scheme.UnmarshalBinaryPublicKey(info.Key.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Signature) != want.signature || !scheme.Verify(public, []byte("text"), out.Signature, nil) {
			t.Errorf("%s: %d bytes of signature do not verify elsewhere, want %d that do", spec, len(out.Signature), want.signature)
		}
	}
}

func TestMLDSATakesAMessageOrItsMuAndNoDigest(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	mldsa, rsa := b.seed(t, sandbox.KeySeed{Spec: "ML_DSA_44"}), b.seed(t, sandbox.KeySeed{Spec: "ECC_NIST_P256", Usage: "SIGN_VERIFY"})
	for name, c2 := range map[string]struct {
		arn, algorithm, kind string
		size                 int
	}{
		"a digest":                    {mldsa, "ML_DSA_SHAKE_256", "DIGEST", 64},
		"a μ of another length":       {mldsa, "ML_DSA_SHAKE_256", "EXTERNAL_MU", 63},
		"a μ for a key of other sort": {rsa, "ECDSA_SHA_256", "EXTERNAL_MU", 64},
	} {
		_, err := c.Sign(ctx, &kms.SignInput{
			KeyId: &c2.arn, Message: make([]byte, c2.size), MessageType: types.MessageType(c2.kind), SigningAlgorithm: types.SigningAlgorithmSpec(c2.algorithm),
		})
		if got := code(err); got != "ValidationException" {
			t.Errorf("%s: got %q, want ValidationException", name, got)
		}
	}
	_, err := c.Sign(ctx, &kms.SignInput{KeyId: &mldsa, Message: make([]byte, mldsa44.SeedSize), SigningAlgorithm: "ECDSA_SHA_256"})
	if got := code(err); got != "InvalidKeyUsageException" {
		t.Errorf("another algorithm: got %q, want InvalidKeyUsageException", got)
	}
}

// TestPrehashedEd25519HashesTheDigestAgain: so KMS documents it for
// ED25519_PH_SHA_512 with MessageType DIGEST.
func TestPrehashedEd25519HashesTheDigestAgain(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	arn := b.seed(t, sandbox.KeySeed{Spec: "ECC_NIST_EDWARDS25519"})
	digest := sha512.Sum512([]byte("text"))
	out, err := c.Sign(ctx, &kms.SignInput{KeyId: &arn, Message: digest[:], MessageType: "DIGEST", SigningAlgorithm: "ED25519_PH_SHA_512"})
	if err != nil {
		t.Fatal(err)
	}
	public, err := c.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &arn})
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(public.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	again := sha512.Sum512(digest[:])
	if err := ed25519.VerifyWithOptions(key.(ed25519.PublicKey), again[:], out.Signature, &ed25519.Options{Hash: crypto.SHA512}); err != nil {
		t.Errorf("verify over the hash of the digest: %v", err)
	}
}
