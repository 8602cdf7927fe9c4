package sandbox_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

func TestSignaturesVerifyElsewhere(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	arn := b.seed(t, sandbox.KeySeed{Spec: "ECC_NIST_P256", Usage: "SIGN_VERIFY"})
	digest := sha256.Sum256([]byte("a message"))
	sig, err := c.Sign(ctx, &kms.SignInput{KeyId: &arn, Message: digest[:], MessageType: "DIGEST", SigningAlgorithm: "ECDSA_SHA_256"})
	if err != nil {
		t.Fatal(err)
	}
	pub, err := c.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &arn})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKIXPublicKey(pub.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if !ecdsa.VerifyASN1(parsed.(*ecdsa.PublicKey), digest[:], sig.Signature) {
		t.Error("crypto/ecdsa does not accept the signature")
	}
}

func TestSigningRoundTrips(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	digest := bytes.Repeat([]byte{7}, 64)
	tests := map[string]struct {
		spec, algorithm, kind string
		message               []byte
	}{
		"Ed25519":           {"ECC_NIST_EDWARDS25519", "ED25519_SHA_512", "RAW", []byte("message")},
		"Ed25519 prehashed": {"ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", "DIGEST", digest},
		"secp256k1":         {"ECC_SECG_P256K1", "ECDSA_SHA_256", "RAW", []byte("message")},
		"P-521":             {"ECC_NIST_P521", "ECDSA_SHA_512", "DIGEST", digest},
		"RSA PSS":           {"RSA_2048", "RSASSA_PSS_SHA_512", "DIGEST", digest},
		"ML-DSA-44":         {"ML_DSA_44", "ML_DSA_SHAKE_256", "RAW", []byte("message")},
		"ML-DSA-65 of μ":    {"ML_DSA_65", "ML_DSA_SHAKE_256", "EXTERNAL_MU", digest},
		"ML-DSA-87":         {"ML_DSA_87", "ML_DSA_SHAKE_256", "RAW", []byte("message")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			arn := b.seed(t, sandbox.KeySeed{Spec: tt.spec, Usage: "SIGN_VERIFY"})
			algorithm, kind := types.SigningAlgorithmSpec(tt.algorithm), types.MessageType(tt.kind)
			s, err := c.Sign(ctx, &kms.SignInput{KeyId: &arn, Message: tt.message, MessageType: kind, SigningAlgorithm: algorithm})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Verify(ctx, &kms.VerifyInput{KeyId: &arn, Message: tt.message, MessageType: kind, SigningAlgorithm: algorithm, Signature: s.Signature}); err != nil {
				t.Errorf("verify: %v", err)
			}
			s.Signature[len(s.Signature)-1] ^= 1
			_, err = c.Verify(ctx, &kms.VerifyInput{KeyId: &arn, Message: tt.message, MessageType: kind, SigningAlgorithm: algorithm, Signature: s.Signature})
			if got := code(err); got != "KMSInvalidSignatureException" {
				t.Errorf("verify a changed signature: got %q, want KMSInvalidSignatureException", got)
			}
		})
	}
}

func TestReplicasOpenWhatPrimariesSealed(t *testing.T) {
	b := newBench(t, sandbox.Options{RotationTakes: -1})
	arn := b.seed(t, sandbox.KeySeed{Replicas: []string{"us-east-1"}})
	ctx := context.Background()
	primary, replica := b.client(account, region), b.client(account, "us-east-1")
	sealed, err := primary.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: []byte("text"), EncryptionContext: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := primary.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &arn}); err != nil {
		t.Fatal(err)
	}
	opened, err := replica.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: map[string]string{"a": "b"}})
	if err != nil || string(opened.Plaintext) != "text" {
		t.Errorf("decrypt in the replica's Region: %v", err)
	}
}

func TestReEncryptMovesToTheNewMaterial(t *testing.T) {
	b := newBench(t, sandbox.Options{RotationTakes: -1})
	c, ctx, arn := b.client(account, region), context.Background(), b.seed(t, sandbox.KeySeed{})
	sealed, err := c.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: []byte("text")})
	if err != nil {
		t.Fatal(err)
	}
	before := material(t, c, arn)
	if _, err := c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &arn}); err != nil {
		t.Fatal(err)
	}
	again, err := c.ReEncrypt(ctx, &kms.ReEncryptInput{CiphertextBlob: sealed.CiphertextBlob, DestinationKeyId: &arn})
	if err != nil {
		t.Fatal(err)
	}
	if got := *again.SourceKeyMaterialId; got != before {
		t.Errorf("source material: got %s, want %s", got, before)
	}
	if got, want := *again.DestinationKeyMaterialId, material(t, c, arn); got != want || got == before {
		t.Errorf("destination material: got %s, want %s", got, want)
	}
}

func TestDryRunsWithoutCiphertextAskForPermission(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx, arn := b.client(account, region), context.Background(), b.seed(t, sandbox.KeySeed{})
	_, err := c.Decrypt(ctx, &kms.DecryptInput{
		KeyId: &arn, CiphertextBlob: []byte("x"), DryRun: aws.Bool(true),
		DryRunModifiers: []types.DryRunModifierType{types.DryRunModifierTypeIgnoreCiphertext},
	})
	if got := code(err); got != "DryRunOperationException" {
		t.Errorf("got %q, want DryRunOperationException", got)
	}
}

// TestImportedFamilyRotatesWhenEveryRegionHasTheMaterial follows the documented
// order for multi-Region keys of origin EXTERNAL.
func TestImportedFamilyRotatesWhenEveryRegionHasTheMaterial(t *testing.T) {
	b := newBench(t, sandbox.Options{RotationTakes: -1})
	arn := b.seed(t, sandbox.KeySeed{Origin: "EXTERNAL", Replicas: []string{"us-east-1"}})
	id, ctx := arn[len(arn)-36:], context.Background()
	primary, replica := b.client(account, region), b.client(account, "us-east-1")
	next := bytes.Repeat([]byte{9}, 32)

	importMaterial(t, primary, id, next, "NEW_KEY_MATERIAL", nil)
	if _, err := primary.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &id}); code(err) != "KMSInvalidStateException" {
		t.Errorf("before the replica has it: got %v, want KMSInvalidStateException", err)
	}
	importMaterial(t, replica, id, next, "EXISTING_KEY_MATERIAL", nil)
	all, err := primary.ListKeyRotations(ctx, &kms.ListKeyRotationsInput{KeyId: &id, IncludeKeyMaterial: "ALL_KEY_MATERIAL"})
	if err != nil || len(all.Rotations) != 2 || all.Rotations[1].KeyMaterialState != "PENDING_ROTATION" {
		t.Fatalf("all material: got %+v, %v; want the second pending rotation", all, err)
	}
	if _, err := primary.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &id}); err != nil {
		t.Fatalf("rotate: %v", err)
	}
	if p, r := material(t, primary, id), material(t, replica, id); p != r || p != *all.Rotations[1].KeyMaterialId {
		t.Errorf("current material: primary %s, replica %s, want %s", p, r, *all.Rotations[1].KeyMaterialId)
	}
	if _, err := replica.DeleteImportedKeyMaterial(ctx, &kms.DeleteImportedKeyMaterialInput{KeyId: &id, KeyMaterialId: all.Rotations[0].KeyMaterialId}); err != nil {
		t.Fatal(err)
	}
	if got := state(t, replica, id); got != "PendingImport" {
		t.Errorf("a replica without an earlier generation: got %s, want PendingImport", got)
	}
	if got := state(t, primary, id); got != "Enabled" {
		t.Errorf("its primary: got %s, want Enabled", got)
	}
}

func TestImportedMaterialExpires(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	made, err := c.CreateKey(ctx, &kms.CreateKeyInput{Origin: "EXTERNAL"})
	if err != nil {
		t.Fatal(err)
	}
	id := *made.KeyMetadata.KeyId
	until := b.clock.Now().Add(24 * time.Hour)
	importMaterial(t, c, id, bytes.Repeat([]byte{1}, 32), "", &until)
	if got := state(t, c, id); got != "Enabled" {
		t.Errorf("imported: got %s, want Enabled", got)
	}
	b.clock.Advance(25 * time.Hour)
	if got := state(t, c, id); got != "PendingImport" {
		t.Errorf("expired: got %s, want PendingImport", got)
	}
}

func importMaterial(t *testing.T, c *kms.Client, id string, secret []byte, kind types.ImportType, until *time.Time) {
	t.Helper()
	ctx := context.Background()
	p, err := c.GetParametersForImport(ctx, &kms.GetParametersForImportInput{KeyId: &id, WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048"})
	if err != nil {
		t.Fatalf("parameters for import: %v", err)
	}
	public, err := x509.ParsePKIXPublicKey(p.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	model := types.ExpirationModelTypeKeyMaterialDoesNotExpire
	if until != nil {
		model = types.ExpirationModelTypeKeyMaterialExpires
	}
	if _, err := c.ImportKeyMaterial(ctx, &kms.ImportKeyMaterialInput{
		KeyId: &id, ImportToken: p.ImportToken, EncryptedKeyMaterial: wrapped,
		ImportType: kind, ExpirationModel: model, ValidTo: until,
	}); err != nil {
		t.Fatalf("import: %v", err)
	}
}
