package sandbox

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func generateDataKey(c *call, in *kms.GenerateDataKeyInput) (*kms.GenerateDataKeyOutput, error) {
	return c.dataKey(in, types.KeyLastUsageTrackingOperationGenerateDataKey)
}

func generateDataKeyWithoutPlaintext(c *call, in *kms.GenerateDataKeyWithoutPlaintextInput) (*kms.GenerateDataKeyWithoutPlaintextOutput, error) {
	same := kms.GenerateDataKeyInput{
		KeyId: in.KeyId, KeySpec: in.KeySpec, NumberOfBytes: in.NumberOfBytes,
		EncryptionContext: in.EncryptionContext, DryRun: in.DryRun, GrantTokens: in.GrantTokens,
	}
	out, err := c.dataKey(&same, types.KeyLastUsageTrackingOperationGenerateDataKeyWithoutPlaintext)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyWithoutPlaintextOutput{CiphertextBlob: out.CiphertextBlob, KeyId: out.KeyId, KeyMaterialId: out.KeyMaterialId}, nil
}

func (c *call) dataKey(in *kms.GenerateDataKeyInput, operation types.KeyLastUsageTrackingOperation) (*kms.GenerateDataKeyOutput, error) {
	size, err := dataKeySize(in.KeySpec, in.NumberOfBytes)
	if err != nil {
		return nil, err
	}
	m, err := c.takeSymmetric(in.KeyId)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	plain := c.s.bytes(size)
	text, err := c.encryptUnder(m, types.EncryptionAlgorithmSpecSymmetricDefault, plain, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	c.note(m, operation)
	return &kms.GenerateDataKeyOutput{CiphertextBlob: text, Plaintext: plain, KeyId: new(m.arn), KeyMaterialId: m.shownID()}, nil
}

// takeSymmetric takes the material of a key that data keys are wrapped under.
func (c *call) takeSymmetric(name *string) (material, error) {
	m, err := c.take(name, c.Operation, types.KeyUsageTypeEncryptDecrypt)
	if err == nil && m.spec != types.KeySpecSymmetricDefault {
		err = errf("InvalidKeyUsageException", "%s is not a symmetric encryption key, which %s needs.", m.arn, c.Operation)
	}
	return m, err
}

func dataKeySize(spec types.DataKeySpec, bytes *int32) (int, error) {
	if err := enum(spec, "keySpec", spec.Values()); err != nil {
		return 0, err
	}
	switch {
	case (spec == "") == (bytes == nil):
		return 0, errf("ValidationException", "Please specify either number of bytes or key spec.")
	case spec == types.DataKeySpecAes256:
		return 32, nil
	case spec == types.DataKeySpecAes128:
		return 16, nil
	}
	return randomSize(*bytes)
}

func randomSize(n int32) (int, error) {
	switch {
	case n < 1:
		return 0, errf("ValidationException", "1 validation error detected: Value '%d' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1", n)
	case n > 1024:
		return 0, errf("ValidationException", "1 validation error detected: Value '%d' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024", n)
	}
	return int(n), nil
}

func generateRandom(c *call, in *kms.GenerateRandomInput) (*kms.GenerateRandomOutput, error) {
	if in.NumberOfBytes == nil {
		return nil, required("numberOfBytes")
	}
	size, err := randomSize(*in.NumberOfBytes)
	switch {
	case err != nil:
	case in.CustomKeyStoreId != nil:
		err = c.randomStore(in.CustomKeyStoreId)
	default:
		err = c.payFrom("symmetric", symmetricQuota(c.Region), 1)
	}
	if err != nil {
		return nil, err
	}
	return &kms.GenerateRandomOutput{Plaintext: c.s.bytes(size)}, nil
}

// randomStore checks the cluster that random bytes are to come from.
func (c *call) randomStore(id *string) error {
	return c.withStores(func(r *kmsRegion) error {
		s, err := r.storeNamed(id)
		switch {
		case err != nil:
			return err
		case s.kind == types.CustomKeyStoreTypeExternalKeyStore:
			return errf("UnsupportedOperationException", "")
		}
		return cmp.Or(s.wants(c.Now, types.ConnectionStateTypeConnected), c.payStore(s.id))
	})
}

func generateDataKeyPair(c *call, in *kms.GenerateDataKeyPairInput) (*kms.GenerateDataKeyPairOutput, error) {
	return c.dataKeyPair(in, types.KeyLastUsageTrackingOperationGenerateDataKeyPair)
}

func generateDataKeyPairWithoutPlaintext(c *call, in *kms.GenerateDataKeyPairWithoutPlaintextInput) (*kms.GenerateDataKeyPairWithoutPlaintextOutput, error) {
	same := kms.GenerateDataKeyPairInput{
		KeyId: in.KeyId, KeyPairSpec: in.KeyPairSpec, EncryptionContext: in.EncryptionContext,
		DryRun: in.DryRun, GrantTokens: in.GrantTokens,
	}
	out, err := c.dataKeyPair(&same, types.KeyLastUsageTrackingOperationGenerateDataKeyPairWithoutPlaintext)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyPairWithoutPlaintextOutput{
		KeyId: out.KeyId, KeyMaterialId: out.KeyMaterialId, KeyPairSpec: out.KeyPairSpec,
		PrivateKeyCiphertextBlob: out.PrivateKeyCiphertextBlob, PublicKey: out.PublicKey,
	}, nil
}

func (c *call) dataKeyPair(in *kms.GenerateDataKeyPairInput, operation types.KeyLastUsageTrackingOperation) (*kms.GenerateDataKeyPairOutput, error) {
	if in.KeyPairSpec == "" {
		return nil, required("keyPairSpec")
	}
	if err := enum(in.KeyPairSpec, "keyPairSpec", in.KeyPairSpec.Values()); err != nil {
		return nil, err
	}
	m, err := c.takeSymmetric(in.KeyId)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	public, private, err := c.newDataPair(types.KeySpec(in.KeyPairSpec))
	if err != nil {
		return nil, err
	}
	text, err := c.encryptUnder(m, types.EncryptionAlgorithmSpecSymmetricDefault, private, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	c.note(m, operation)
	return &kms.GenerateDataKeyPairOutput{
		KeyId: new(m.arn), KeyMaterialId: m.shownID(), KeyPairSpec: in.KeyPairSpec,
		PrivateKeyCiphertextBlob: text, PrivateKeyPlaintext: private, PublicKey: public,
	}, nil
}

// newDataPair makes a pair and returns it in DER.
func (c *call) newDataPair(spec types.KeySpec) (public, private []byte, err error) {
	if err := placeable(spec, c.Region); err != nil {
		return nil, nil, err
	}
	if slices.Contains([]kind{kindMLKEM, kindMLDSA, kindUnserved}, kindOfSpec(spec)) {
		return nil, nil, unserved(spec)
	}
	pair, err := newPair(spec, c.s.bytes(32))
	if err != nil {
		return nil, nil, err
	}
	public, err = publicDER(pair)
	private, err2 := privateDER(pair)
	return public, private, cmp.Or(err, err2)
}
