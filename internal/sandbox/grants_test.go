package sandbox_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

func TestAGrantIsOfWhatTheKeyCanDo(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c := b.client(account, region)
	for name, g := range map[string]struct {
		spec      types.KeySpec
		usage     types.KeyUsageType
		operation types.GrantOperation
		called    string
		want      string
	}{
		"encrypt with a symmetric key":     {types.KeySpecSymmetricDefault, types.KeyUsageTypeEncryptDecrypt, types.GrantOperationEncrypt, "a", ""},
		"a data key of a symmetric key":    {types.KeySpecSymmetricDefault, types.KeyUsageTypeEncryptDecrypt, types.GrantOperationGenerateDataKey, "a", ""},
		"a data key of an RSA key":         {types.KeySpecRsa2048, types.KeyUsageTypeEncryptDecrypt, types.GrantOperationGenerateDataKey, "a", "ValidationException"},
		"the public half of an RSA key":    {types.KeySpecRsa2048, types.KeyUsageTypeEncryptDecrypt, types.GrantOperationGetPublicKey, "a", ""},
		"the public half of a secret key":  {types.KeySpecHmac256, types.KeyUsageTypeGenerateVerifyMac, types.GrantOperationGetPublicKey, "a", "ValidationException"},
		"encrypt with a signing key":       {types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify, types.GrantOperationEncrypt, "a", "ValidationException"},
		"sign with a signing key":          {types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify, types.GrantOperationSign, "a", ""},
		"look at a signing key":            {types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify, types.GrantOperationDescribeKey, "a", ""},
		"agree with a key for agreement":   {types.KeySpecEccNistP256, types.KeyUsageTypeKeyAgreement, types.GrantOperationDeriveSharedSecret, "a", ""},
		"a name that is no name of grants": {types.KeySpecSymmetricDefault, types.KeyUsageTypeEncryptDecrypt, types.GrantOperationEncrypt, "a b", "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := c.CreateKey(t.Context(), &kms.CreateKeyInput{KeySpec: g.spec, KeyUsage: g.usage})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.CreateGrant(t.Context(), &kms.CreateGrantInput{
				KeyId: made.KeyMetadata.KeyId, GranteePrincipal: aws.String("arn:aws:iam::111122223333:role/reader"),
				Operations: []types.GrantOperation{g.operation}, Name: aws.String(g.called),
			})
			if got := code(err); got != g.want {
				t.Errorf("got %q, want %q: %v", got, g.want, err)
			}
		})
	}
}

func TestNamesAndRegionsAreHeldAgainstTheModelsPatterns(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c := b.client(account, region)
	made, err := c.CreateKey(t.Context(), &kms.CreateKeyInput{MultiRegion: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"an alias with a space": func() error {
			_, err := c.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String("alias/a b"), TargetKeyId: made.KeyMetadata.KeyId})
			return err
		},
		"a replica on Mars": func() error {
			_, err := c.ReplicateKey(t.Context(), &kms.ReplicateKeyInput{KeyId: made.KeyMetadata.KeyId, ReplicaRegion: aws.String("mars")})
			return err
		},
		"a primary on Mars": func() error {
			_, err := c.UpdatePrimaryRegion(t.Context(), &kms.UpdatePrimaryRegionInput{KeyId: made.KeyMetadata.KeyId, PrimaryRegion: aws.String("mars")})
			return err
		},
	} {
		if got := code(call()); got != "ValidationException" {
			t.Errorf("%s: got %q, want ValidationException", name, got)
		}
	}
}
