package sandbox_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/emmansun/gmsm/sm2"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

const beijing = "cn-north-1"

// sm2Key makes an SM2 key in China and returns its ARN and its public key.
func sm2Key(t *testing.T, c *kms.Client, usage types.KeyUsageType) (string, *ecdsa.PublicKey) {
	t.Helper()
	out, err := c.CreateKey(context.Background(), &kms.CreateKeyInput{KeySpec: types.KeySpecSm2, KeyUsage: usage})
	if err != nil {
		t.Fatalf("create key: %v", err)
	}
	info := publicOf(t, c, *out.KeyMetadata.Arn)
	var curve asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &curve); err != nil || curve.String() != "1.2.156.10197.1.301" {
		t.Fatalf("curve of the public key: got %v, %v", curve, err)
	}
	x, y := elliptic.Unmarshal(sm2.P256(), info.Key.Bytes)                       //nolint:staticcheck // crypto/ecdh does not know the curve
	return *out.KeyMetadata.Arn, &ecdsa.PublicKey{Curve: sm2.P256(), X: x, Y: y} //nolint:staticcheck // nor does crypto/ecdsa's parser
}

func TestSM2SignaturesVerifyElsewhere(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, beijing), context.Background()
	arn, public := sm2Key(t, c, types.KeyUsageTypeSignVerify)
	raw, err := c.Sign(ctx, &kms.SignInput{KeyId: &arn, Message: []byte("text"), SigningAlgorithm: "SM2DSA"})
	if err != nil {
		t.Fatal(err)
	}
	if !sm2.VerifyASN1WithSM2(public, []byte("1234567812345678"), []byte("text"), raw.Signature) {
		t.Error("the signature does not verify with the documented distinguishing ID")
	}
	digest := bytes.Repeat([]byte{5}, 32)
	short, err := c.Sign(ctx, &kms.SignInput{KeyId: &arn, Message: digest, MessageType: "DIGEST", SigningAlgorithm: "SM2DSA"})
	if err != nil || !sm2.VerifyASN1(public, digest, short.Signature) {
		t.Errorf("sign a digest: %v, or it does not verify", err)
	}
	if _, err := c.Verify(ctx, &kms.VerifyInput{KeyId: &arn, Message: []byte("text"), SigningAlgorithm: "SM2DSA", Signature: raw.Signature}); err != nil {
		t.Errorf("verify: %v", err)
	}
	_, err = c.Verify(ctx, &kms.VerifyInput{KeyId: &arn, Message: []byte("other"), SigningAlgorithm: "SM2DSA", Signature: raw.Signature})
	if got := code(err); got != "KMSInvalidSignatureException" {
		t.Errorf("verify another message: got %q, want KMSInvalidSignatureException", got)
	}
	_, err = c.Sign(ctx, &kms.SignInput{KeyId: &arn, Message: digest[1:], MessageType: "DIGEST", SigningAlgorithm: "SM2DSA"})
	if got := code(err); got != "ValidationException" {
		t.Errorf("a digest of 31 bytes: got %q, want ValidationException", got)
	}
}

func TestSM2OpensWhatWasEncryptedElsewhere(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, beijing), context.Background()
	arn, public := sm2Key(t, c, types.KeyUsageTypeEncryptDecrypt)
	text := bytes.Repeat([]byte{1}, 1024)
	own, err := c.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: text, EncryptionAlgorithm: "SM2PKE"})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := sm2.EncryptASN1(rand.Reader, public, text)
	if err != nil {
		t.Fatal(err)
	}
	for name, blob := range map[string][]byte{"sandbox": own.CiphertextBlob, "library": elsewhere} {
		out, err := c.Decrypt(ctx, &kms.DecryptInput{KeyId: &arn, CiphertextBlob: blob, EncryptionAlgorithm: "SM2PKE"})
		if err != nil || !bytes.Equal(out.Plaintext, text) {
			t.Errorf("decrypt what the %s encrypted: %v, or another text", name, err)
		}
	}
	plain, err := sm2.Encrypt(rand.Reader, public, text, nil) // C1‖C3‖C2, which KMS does not take
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Decrypt(ctx, &kms.DecryptInput{KeyId: &arn, CiphertextBlob: plain, EncryptionAlgorithm: "SM2PKE"})
	if got := code(err); got != "InvalidCiphertextException" {
		t.Errorf("a form that is not ASN.1: got %q, want InvalidCiphertextException", got)
	}
	_, err = c.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: append(text, 1), EncryptionAlgorithm: "SM2PKE"})
	if got := code(err); got != "ValidationException" {
		t.Errorf("1,025 bytes: got %q, want ValidationException", got)
	}
}

func TestSM2KeysAgree(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, beijing), context.Background()
	var secrets [2][]byte
	var arns [2]string
	for i := range arns {
		arns[i], _ = sm2Key(t, c, types.KeyUsageTypeKeyAgreement)
	}
	for i := range arns {
		theirs, err := c.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &arns[1-i]})
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.DeriveSharedSecret(ctx, &kms.DeriveSharedSecretInput{KeyId: &arns[i], KeyAgreementAlgorithm: "ECDH", PublicKey: theirs.PublicKey})
		if err != nil {
			t.Fatal(err)
		}
		secrets[i] = out.SharedSecret
	}
	if len(secrets[0]) != 32 || !bytes.Equal(secrets[0], secrets[1]) {
		t.Errorf("the two sides derive %d and %d bytes that differ", len(secrets[0]), len(secrets[1]))
	}
}

func TestASpecIsRefusedInARegionThatLacksIt(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	ctx := context.Background()
	for region, in := range map[string]*kms.CreateKeyInput{
		"eu-west-1":  {KeySpec: types.KeySpecSm2, KeyUsage: types.KeyUsageTypeSignVerify},
		"cn-north-1": {KeySpec: types.KeySpecMlKem768, KeyUsage: types.KeyUsageTypeEncapsulateDecapsulate},
	} {
		_, err := b.client(account, region).CreateKey(ctx, in)
		if got := code(err); got != "UnsupportedOperationException" {
			t.Errorf("%s in %s: got %q, want UnsupportedOperationException", in.KeySpec, region, got)
		}
	}
	arn := b.seed(t, sandbox.KeySeed{})
	_, err := b.client(account, region).GenerateDataKeyPair(ctx, &kms.GenerateDataKeyPairInput{KeyId: &arn, KeyPairSpec: types.DataKeyPairSpecSm2})
	if got := code(err); got != "UnsupportedOperationException" {
		t.Errorf("an SM2 data key pair in %s: got %q, want UnsupportedOperationException", region, got)
	}
}

func TestSM2KeysMadeElsewhereCanBeImported(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, beijing), context.Background()
	data, err := c.CreateKey(ctx, &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := c.GenerateDataKeyPair(ctx, &kms.GenerateDataKeyPairInput{KeyId: data.KeyMetadata.KeyId, KeyPairSpec: types.DataKeyPairSpecSm2})
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.CreateKey(ctx, &kms.CreateKeyInput{KeySpec: types.KeySpecSm2, KeyUsage: types.KeyUsageTypeSignVerify, Origin: types.OriginTypeExternal})
	if err != nil {
		t.Fatal(err)
	}
	importMaterial(t, c, *made.KeyMetadata.KeyId, pair.PrivateKeyPlaintext, "", nil)
	public, err := c.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: made.KeyMetadata.KeyId})
	if err != nil || !bytes.Equal(public.PublicKey, pair.PublicKey) {
		t.Errorf("the public key of the imported private key: %v, or another one", err)
	}
}
