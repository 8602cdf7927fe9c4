package sandbox

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyrotor/keyrotor"
)

// What each key spec can do, as KMS documents it.

// family of a spec: the type of key for UpdateAlias and for cryptography.
type kind int

const (
	kindSymmetric kind = iota
	kindHMAC
	kindRSA
	kindECC
	kindEd25519
	kindMLKEM
	kindMLDSA
	kindSM2
	kindUnserved // what KMS may add one day: metadata only
)

func kindOfSpec(s types.KeySpec) kind {
	switch s {
	case types.KeySpecSymmetricDefault:
		return kindSymmetric
	case types.KeySpecHmac224, types.KeySpecHmac256, types.KeySpecHmac384, types.KeySpecHmac512:
		return kindHMAC
	case types.KeySpecRsa2048, types.KeySpecRsa3072, types.KeySpecRsa4096:
		return kindRSA
	case types.KeySpecEccNistP256, types.KeySpecEccNistP384, types.KeySpecEccNistP521, types.KeySpecEccSecgP256k1:
		return kindECC
	case types.KeySpecEccNistEdwards25519:
		return kindEd25519
	case types.KeySpecMlKem512, types.KeySpecMlKem768, types.KeySpecMlKem1024:
		return kindMLKEM
	case types.KeySpecMlDsa44, types.KeySpecMlDsa65, types.KeySpecMlDsa87:
		return kindMLDSA
	case types.KeySpecSm2:
		return kindSM2
	}
	return kindUnserved
}

// usages lists what a key of the spec may be made for; of a spec that KMS may add
// one day, signing.
func usages(s types.KeySpec) []types.KeyUsageType {
	known, ok := keyrotor.KeyUsages(string(s))
	if !ok {
		return []types.KeyUsageType{types.KeyUsageTypeSignVerify}
	}
	list := make([]types.KeyUsageType, len(known))
	for i, u := range known {
		list[i] = types.KeyUsageType(u)
	}
	return list
}

func (c *core) encryptionAlgorithms() []types.EncryptionAlgorithmSpec {
	if c.usageType != types.KeyUsageTypeEncryptDecrypt {
		return nil
	}
	switch {
	case c.symmetric():
		return []types.EncryptionAlgorithmSpec{types.EncryptionAlgorithmSpecSymmetricDefault}
	case c.spec == types.KeySpecSm2:
		return []types.EncryptionAlgorithmSpec{types.EncryptionAlgorithmSpecSm2pke}
	}
	return []types.EncryptionAlgorithmSpec{types.EncryptionAlgorithmSpecRsaesOaepSha1, types.EncryptionAlgorithmSpecRsaesOaepSha256}
}

func (c *core) signingAlgorithms() []types.SigningAlgorithmSpec {
	if c.usageType != types.KeyUsageTypeSignVerify {
		return nil
	}
	switch c.spec {
	case types.KeySpecEccNistP256, types.KeySpecEccSecgP256k1:
		return []types.SigningAlgorithmSpec{types.SigningAlgorithmSpecEcdsaSha256}
	case types.KeySpecEccNistP384:
		return []types.SigningAlgorithmSpec{types.SigningAlgorithmSpecEcdsaSha384}
	case types.KeySpecEccNistP521:
		return []types.SigningAlgorithmSpec{types.SigningAlgorithmSpecEcdsaSha512}
	case types.KeySpecEccNistEdwards25519:
		return []types.SigningAlgorithmSpec{types.SigningAlgorithmSpecEd25519Sha512, types.SigningAlgorithmSpecEd25519PhSha512}
	case types.KeySpecSm2:
		return []types.SigningAlgorithmSpec{types.SigningAlgorithmSpecSm2dsa}
	case types.KeySpecMlDsa44, types.KeySpecMlDsa65, types.KeySpecMlDsa87:
		return []types.SigningAlgorithmSpec{types.SigningAlgorithmSpecMlDsaShake256}
	}
	return []types.SigningAlgorithmSpec{
		types.SigningAlgorithmSpecRsassaPkcs1V15Sha256, types.SigningAlgorithmSpecRsassaPkcs1V15Sha384, types.SigningAlgorithmSpecRsassaPkcs1V15Sha512,
		types.SigningAlgorithmSpecRsassaPssSha256, types.SigningAlgorithmSpecRsassaPssSha384, types.SigningAlgorithmSpecRsassaPssSha512,
	}
}

func (c *core) macAlgorithms() []types.MacAlgorithmSpec {
	switch c.spec {
	case types.KeySpecHmac224:
		return []types.MacAlgorithmSpec{types.MacAlgorithmSpecHmacSha224}
	case types.KeySpecHmac256:
		return []types.MacAlgorithmSpec{types.MacAlgorithmSpecHmacSha256}
	case types.KeySpecHmac384:
		return []types.MacAlgorithmSpec{types.MacAlgorithmSpecHmacSha384}
	case types.KeySpecHmac512:
		return []types.MacAlgorithmSpec{types.MacAlgorithmSpecHmacSha512}
	}
	return nil
}

func (c *core) agreementAlgorithms() []types.KeyAgreementAlgorithmSpec {
	if c.usageType != types.KeyUsageTypeKeyAgreement {
		return nil
	}
	return []types.KeyAgreementAlgorithmSpec{types.KeyAgreementAlgorithmSpecEcdh}
}

func (c *core) encapsulationAlgorithms() []types.EncapsulationAlgorithmSpec {
	if c.usageType != types.KeyUsageTypeEncapsulateDecapsulate {
		return nil
	}
	return []types.EncapsulationAlgorithmSpec{types.EncapsulationAlgorithmSpecMlKem}
}

// secretSize is the length of a spec's bare material; 0 for key pairs.
func secretSize(s types.KeySpec) int {
	switch s {
	case types.KeySpecSymmetricDefault, types.KeySpecHmac256:
		return 32
	case types.KeySpecHmac224:
		return 28
	case types.KeySpecHmac384:
		return 48
	case types.KeySpecHmac512:
		return 64
	}
	return 0
}

// enum refuses a value that is not among those of its type.
func enum[T ~string](value T, member string, values []T) error {
	if value == "" || slices.Contains(values, value) {
		return nil
	}
	set := "["
	for i, v := range values {
		if i > 0 {
			set += ", "
		}
		set += string(v)
	}
	return errf("ValidationException", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: %s]", string(value), member, set)
}
