package sandbox

import (
	"crypto/ecdsa"
	"crypto/x509"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/emmansun/gmsm/sm2"
)

func deriveSharedSecret(c *call, in *kms.DeriveSharedSecretInput) (*kms.DeriveSharedSecretOutput, error) {
	if in.KeyAgreementAlgorithm == "" {
		return nil, required("keyAgreementAlgorithm")
	}
	if err := enum(in.KeyAgreementAlgorithm, "keyAgreementAlgorithm", in.KeyAgreementAlgorithm.Values()); err != nil {
		return nil, err
	}
	if err := blob(in.PublicKey, "publicKey", 8192); err != nil {
		return nil, err
	}
	m, err := c.take(in.KeyId, c.Operation, types.KeyUsageTypeKeyAgreement)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	secret, err := m.agree(in.PublicKey)
	if err != nil {
		return nil, err
	}
	c.note(m, types.KeyLastUsageTrackingOperationDeriveSharedSecret)
	return &kms.DeriveSharedSecretOutput{
		KeyId: new(m.arn), KeyOrigin: m.origin, SharedSecret: secret, KeyAgreementAlgorithm: in.KeyAgreementAlgorithm,
	}, nil
}

// agree computes ECDH with the other side's public key, which must be of the
// same curve.
func (m material) agree(der []byte) ([]byte, error) {
	wrong := errf("ValidationException", "The public key is not valid for key spec %s.", m.spec)
	if m.spec == types.KeySpecSm2 {
		pair, err := m.load()
		if err != nil {
			return nil, err
		}
		secret, err := sm2Agree(pair.(*sm2.PrivateKey), der)
		if err != nil {
			return nil, wrong
		}
		return secret, nil
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, wrong
	}
	theirs, ok := parsed.(*ecdsa.PublicKey)
	if !ok || theirs.Curve != curve(m.spec) {
		return nil, wrong
	}
	pair, err := m.load()
	if err != nil {
		return nil, err
	}
	private, err := pair.(*ecdsa.PrivateKey).ECDH()
	if err != nil {
		return nil, err
	}
	public, err := theirs.ECDH()
	if err != nil {
		return nil, wrong
	}
	return private.ECDH(public)
}

func encapsulate(c *call, in *kms.EncapsulateInput) (*kms.EncapsulateOutput, error) {
	m, err := c.takeKEM(in.KeyId, in.EncapsulationAlgorithm, in.DryRun)
	if err != nil {
		return nil, err
	}
	pair, err := m.load()
	if err != nil {
		return nil, err
	}
	out := &kms.EncapsulateOutput{KeyId: new(m.arn), EncapsulationAlgorithm: in.EncapsulationAlgorithm}
	out.SharedSecret, out.SharedSecretCiphertextBlob, err = pair.(encapsulator).encapsulate()
	if err != nil {
		return nil, err
	}
	c.note(m, types.KeyLastUsageTrackingOperationEncapsulate)
	return out, nil
}

func decapsulate(c *call, in *kms.DecapsulateInput) (*kms.DecapsulateOutput, error) {
	if err := blob(in.SharedSecretCiphertextBlob, "sharedSecretCiphertextBlob", 6144); err != nil {
		return nil, err
	}
	m, err := c.takeKEM(in.KeyId, in.EncapsulationAlgorithm, in.DryRun)
	if err != nil {
		return nil, err
	}
	pair, err := m.load()
	if err != nil {
		return nil, err
	}
	out := &kms.DecapsulateOutput{KeyId: new(m.arn), EncapsulationAlgorithm: in.EncapsulationAlgorithm}
	out.SharedSecret, err = pair.(encapsulator).decapsulate(in.SharedSecretCiphertextBlob)
	if err != nil {
		return nil, errf("InvalidCiphertextException", "")
	}
	c.note(m, types.KeyLastUsageTrackingOperationDecapsulate)
	return out, nil
}

func (c *call) takeKEM(name *string, algorithm types.EncapsulationAlgorithmSpec, dry *bool) (material, error) {
	if algorithm == "" {
		return material{}, required("encapsulationAlgorithm")
	}
	if err := enum(algorithm, "encapsulationAlgorithm", algorithm.Values()); err != nil {
		return material{}, err
	}
	m, err := c.take(name, c.Operation, types.KeyUsageTypeEncapsulateDecapsulate)
	if err == nil {
		err = dryRun(dry)
	}
	return m, err
}
