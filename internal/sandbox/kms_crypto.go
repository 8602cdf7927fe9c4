package sandbox

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/emmansun/gmsm/sm2"
)

func encrypt(c *call, in *kms.EncryptInput) (*kms.EncryptOutput, error) {
	algorithm := cmp.Or(in.EncryptionAlgorithm, types.EncryptionAlgorithmSpecSymmetricDefault)
	if err := cmp.Or(enum(algorithm, "encryptionAlgorithm", algorithm.Values()), blob(in.Plaintext, "plaintext", 4096)); err != nil {
		return nil, err
	}
	m, err := c.take(in.KeyId, "Encrypt", types.KeyUsageTypeEncryptDecrypt)
	if err != nil {
		return nil, err
	}
	text, err := c.encryptUnder(m, algorithm, in.Plaintext, in.EncryptionContext)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	c.note(m, types.KeyLastUsageTrackingOperationEncrypt)
	return &kms.EncryptOutput{CiphertextBlob: text, EncryptionAlgorithm: algorithm, KeyId: new(m.arn)}, nil
}

// encryptUnder encrypts with any encryption key.
func (c *call) encryptUnder(m material, algorithm types.EncryptionAlgorithmSpec, text []byte, context map[string]string) ([]byte, error) {
	if !slices.Contains(m.key.encryptionAlgorithms(), algorithm) {
		return nil, wrongAlgorithm(string(algorithm), m.spec)
	}
	if algorithm == types.EncryptionAlgorithmSpecSymmetricDefault {
		return m.seal(c.s.bytes(nonceSize), text, m.key.region.account.id, context)
	}
	if len(context) > 0 {
		return nil, errf("ValidationException", "EncryptionContext is not supported with an asymmetric encryption algorithm.")
	}
	pair, err := m.load()
	if err != nil {
		return nil, err
	}
	if k, ok := pair.(*sm2.PrivateKey); ok {
		return sm2Encrypt(k, text)
	}
	public := &pair.(*rsa.PrivateKey).PublicKey
	h := oaepHash(algorithm)
	if most := public.Size() - 2*h.Size() - 2; len(text) > most {
		return nil, errf("ValidationException", "Algorithm %s and key spec %s cannot encrypt data larger than %d bytes.", algorithm, m.spec, most)
	}
	return rsa.EncryptOAEP(h, rand.Reader, public, text, nil)
}

func wrongAlgorithm(algorithm string, spec types.KeySpec) error {
	return errf("InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.", algorithm, spec)
}

func oaepHash(a types.EncryptionAlgorithmSpec) hash.Hash {
	if a == types.EncryptionAlgorithmSpecRsaesOaepSha1 {
		return sha1.New() // what the caller asked for and KMS offers
	}
	return sha256.New()
}

func decrypt(c *call, in *kms.DecryptInput) (*kms.DecryptOutput, error) {
	algorithm := cmp.Or(in.EncryptionAlgorithm, types.EncryptionAlgorithmSpecSymmetricDefault)
	if err := enum(algorithm, "encryptionAlgorithm", algorithm.Values()); err != nil {
		return nil, err
	}
	if ignoresCiphertext(in.DryRun, in.DryRunModifiers) {
		if _, err := c.take(in.KeyId, "Decrypt", types.KeyUsageTypeEncryptDecrypt); err != nil {
			return nil, err
		}
		return nil, dryRun(in.DryRun)
	}
	text, m, err := c.decryptUnder(in.KeyId, "Decrypt", algorithm, in.CiphertextBlob, in.EncryptionContext)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	c.note(m, types.KeyLastUsageTrackingOperationDecrypt)
	return &kms.DecryptOutput{Plaintext: text, EncryptionAlgorithm: algorithm, KeyId: new(m.arn), KeyMaterialId: m.shownID()}, nil
}

// ignoresCiphertext says whether a dry run asks for permission only.
func ignoresCiphertext(dry *bool, modifiers []types.DryRunModifierType) bool {
	return dry != nil && *dry && slices.Contains(modifiers, types.DryRunModifierTypeIgnoreCiphertext)
}

// shownID is the material id that answers carry: of symmetric keys only.
func (m material) shownID() *string {
	if m.spec != types.KeySpecSymmetricDefault {
		return nil
	}
	return new(m.id())
}

// decryptUnder decrypts with the key that the ciphertext or the caller names.
func (c *call) decryptUnder(name *string, operation string, algorithm types.EncryptionAlgorithmSpec, text []byte, context map[string]string) ([]byte, material, error) {
	if err := blob(text, "ciphertextBlob", 6144); err != nil {
		return nil, material{}, err
	}
	if algorithm == types.EncryptionAlgorithmSpecSymmetricDefault {
		parsed, m, err := c.takeSealed(text, name, operation)
		if err != nil {
			return nil, m, err
		}
		plain, err := parsed.open(m, context)
		return plain, m, err
	}
	m, err := c.take(name, operation, types.KeyUsageTypeEncryptDecrypt)
	if err != nil {
		return nil, m, err
	}
	if !slices.Contains(m.key.encryptionAlgorithms(), algorithm) {
		return nil, m, wrongAlgorithm(string(algorithm), m.spec)
	}
	pair, err := m.load()
	if err != nil {
		return nil, m, err
	}
	var plain []byte
	switch k := pair.(type) {
	case *rsa.PrivateKey:
		plain, err = k.Decrypt(nil, text, &rsa.OAEPOptions{Hash: oaepCryptoHash(algorithm)})
	case *sm2.PrivateKey:
		plain, err = sm2Decrypt(k, text)
	}
	if err != nil {
		return nil, m, errf("InvalidCiphertextException", "")
	}
	return plain, m, nil
}

func oaepCryptoHash(a types.EncryptionAlgorithmSpec) crypto.Hash {
	if a == types.EncryptionAlgorithmSpecRsaesOaepSha1 {
		return crypto.SHA1
	}
	return crypto.SHA256
}

func reEncrypt(c *call, in *kms.ReEncryptInput) (*kms.ReEncryptOutput, error) {
	from := cmp.Or(in.SourceEncryptionAlgorithm, types.EncryptionAlgorithmSpecSymmetricDefault)
	to := cmp.Or(in.DestinationEncryptionAlgorithm, types.EncryptionAlgorithmSpecSymmetricDefault)
	if err := cmp.Or(enum(from, "sourceEncryptionAlgorithm", from.Values()), enum(to, "destinationEncryptionAlgorithm", to.Values())); err != nil {
		return nil, err
	}
	if in.DestinationKeyId == nil {
		return nil, required("destinationKeyId")
	}
	if ignoresCiphertext(in.DryRun, in.DryRunModifiers) {
		return nil, c.mayReEncrypt(in)
	}
	text, source, err := c.decryptUnder(in.SourceKeyId, "ReEncryptFrom", from, in.CiphertextBlob, in.SourceEncryptionContext)
	if err != nil {
		return nil, err
	}
	dest, err := c.take(in.DestinationKeyId, "ReEncryptTo", types.KeyUsageTypeEncryptDecrypt)
	if err != nil {
		return nil, err
	}
	again, err := c.encryptUnder(dest, to, text, in.DestinationEncryptionContext)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	c.note(source, types.KeyLastUsageTrackingOperationReEncrypt)
	c.note(dest, types.KeyLastUsageTrackingOperationReEncrypt)
	return &kms.ReEncryptOutput{
		CiphertextBlob: again, KeyId: new(dest.arn), SourceKeyId: new(source.arn),
		SourceEncryptionAlgorithm: from, DestinationEncryptionAlgorithm: to,
		SourceKeyMaterialId: source.shownID(), DestinationKeyMaterialId: dest.shownID(),
	}, nil
}

// mayReEncrypt asks for permission on both keys without a ciphertext.
func (c *call) mayReEncrypt(in *kms.ReEncryptInput) error {
	if _, err := c.take(in.SourceKeyId, "ReEncryptFrom", types.KeyUsageTypeEncryptDecrypt); err != nil {
		return err
	}
	if _, err := c.take(in.DestinationKeyId, "ReEncryptTo", types.KeyUsageTypeEncryptDecrypt); err != nil {
		return err
	}
	return dryRun(in.DryRun)
}
