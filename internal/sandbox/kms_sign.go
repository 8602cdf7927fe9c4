package sandbox

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

func sign(c *call, in *kms.SignInput) (*kms.SignOutput, error) {
	m, text, err := c.signed(in.KeyId, in.SigningAlgorithm, in.MessageType, in.Message)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	pair, err := m.load()
	if err != nil {
		return nil, err
	}
	signature, err := text.sign(pair)
	if err != nil {
		return nil, err
	}
	c.note(m, types.KeyLastUsageTrackingOperationSign)
	return &kms.SignOutput{KeyId: new(m.arn), Signature: signature, SigningAlgorithm: in.SigningAlgorithm}, nil
}

func verify(c *call, in *kms.VerifyInput) (*kms.VerifyOutput, error) {
	if err := blob(in.Signature, "signature", 6144); err != nil {
		return nil, err
	}
	m, text, err := c.signed(in.KeyId, in.SigningAlgorithm, in.MessageType, in.Message)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	pair, err := m.load()
	if err != nil {
		return nil, err
	}
	if !text.verify(pair, in.Signature) {
		return nil, errf("KMSInvalidSignatureException", "")
	}
	c.note(m, types.KeyLastUsageTrackingOperationVerify)
	return &kms.VerifyOutput{KeyId: new(m.arn), SignatureValid: true, SigningAlgorithm: in.SigningAlgorithm}, nil
}

// signedText is what a signature is over.
type signedText struct {
	algorithm types.SigningAlgorithmSpec
	hash      crypto.Hash
	message   []byte // the digest, or for Ed25519 and ML-DSA the message itself
	mu        bool   // of ML-DSA: message is its representative μ
	whole     bool   // of SM2: message is no digest yet, for the signer's key goes into it
}

// signed checks a Sign or Verify and takes the key.
func (c *call) signed(name *string, algorithm types.SigningAlgorithmSpec, kind types.MessageType, message []byte) (material, signedText, error) {
	text := signedText{algorithm: algorithm, hash: hashOf(algorithm)}
	if algorithm == "" {
		return material{}, text, required("signingAlgorithm")
	}
	err := cmp.Or(enum(algorithm, "signingAlgorithm", algorithm.Values()), enum(kind, "messageType", kind.Values()), blob(message, "message", 4096))
	if err != nil {
		return material{}, text, err
	}
	m, err := c.take(name, c.Operation, types.KeyUsageTypeSignVerify)
	if err != nil {
		return m, text, err
	}
	if !slices.Contains(m.key.signingAlgorithms(), algorithm) {
		return m, text, wrongAlgorithm(string(algorithm), m.spec)
	}
	text.mu = kind == types.MessageTypeExternalMu
	text.whole = algorithm == types.SigningAlgorithmSpecSm2dsa && kind != types.MessageTypeDigest
	text.message, err = text.digest(kind, message)
	return m, text, err
}

// digest is what is really signed. Pure Ed25519 signs the message and takes no
// digest; its prehashed form takes a SHA-512 digest only, and hashes it again, as
// KMS documents. ML-DSA signs the message, or its μ.
func (t signedText) digest(kind types.MessageType, message []byte) ([]byte, error) {
	mldsa := t.algorithm == types.SigningAlgorithmSpecMlDsaShake256
	switch {
	case kind == types.MessageTypeExternalMu && !mldsa, kind == types.MessageTypeDigest && mldsa:
		return nil, errf("ValidationException", "MessageType %s is not valid for algorithm %s.", kind, t.algorithm)
	case kind == types.MessageTypeExternalMu && len(message) != muSize:
		return nil, errf("ValidationException", "Message is invalid length for MessageType %s: %d bytes are needed.", kind, muSize)
	case mldsa, t.whole:
		return message, nil
	case t.algorithm == types.SigningAlgorithmSpecSm2dsa && len(message) != sm3.Size:
		return nil, errf("ValidationException", "Digest is invalid length for algorithm %s.", t.algorithm)
	case t.algorithm == types.SigningAlgorithmSpecSm2dsa:
		return message, nil
	case t.algorithm == types.SigningAlgorithmSpecEd25519Sha512 && kind == types.MessageTypeDigest:
		return nil, errf("ValidationException", "MessageType DIGEST is not valid for algorithm %s.", t.algorithm)
	case t.algorithm == types.SigningAlgorithmSpecEd25519Sha512:
		return message, nil
	case t.algorithm == types.SigningAlgorithmSpecEd25519PhSha512 && kind != types.MessageTypeDigest:
		return nil, errf("ValidationException", "MessageType RAW is not valid for algorithm %s.", t.algorithm)
	case kind == types.MessageTypeDigest && len(message) != t.hash.Size():
		return nil, errf("ValidationException", "Digest is invalid length for algorithm %s.", t.algorithm)
	case kind == types.MessageTypeDigest && t.algorithm != types.SigningAlgorithmSpecEd25519PhSha512:
		return message, nil
	}
	h := t.hash.New()
	h.Write(message)
	return h.Sum(nil), nil
}

func hashOf(a types.SigningAlgorithmSpec) crypto.Hash {
	switch {
	case strings.HasSuffix(string(a), "SHA_256"):
		return crypto.SHA256
	case strings.HasSuffix(string(a), "SHA_384"):
		return crypto.SHA384
	}
	return crypto.SHA512
}

func (t signedText) pss() bool { return strings.HasPrefix(string(t.algorithm), "RSASSA_PSS") }

func (t signedText) sign(pair any) ([]byte, error) {
	switch k := pair.(type) {
	case *rsa.PrivateKey:
		if t.pss() {
			return rsa.SignPSS(rand.Reader, k, t.hash, t.message, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(rand.Reader, k, t.hash, t.message)
	case *ecdsa.PrivateKey:
		return ecdsa.SignASN1(rand.Reader, k, t.message)
	case *secp256k1.PrivateKey:
		return secpecdsa.Sign(k, t.message).Serialize(), nil
	case ed25519.PrivateKey:
		return k.Sign(nil, t.message, t.edOptions())
	case *mldsaKey:
		return k.sign(t.message, t.mu)
	case *sm2.PrivateKey:
		digest, err := t.sm2(k)
		if err != nil {
			return nil, err
		}
		return sm2.SignASN1(rand.Reader, k, digest, nil)
	}
	return nil, errf("KMSInternalException", "")
}

// edOptions chooses between the pure and the prehashed form of Ed25519.
func (t signedText) edOptions() *ed25519.Options {
	if t.algorithm == types.SigningAlgorithmSpecEd25519PhSha512 {
		return &ed25519.Options{Hash: crypto.SHA512}
	}
	return &ed25519.Options{}
}

func (t signedText) verify(pair any, signature []byte) bool {
	switch k := pair.(type) {
	case *rsa.PrivateKey:
		if t.pss() {
			return rsa.VerifyPSS(&k.PublicKey, t.hash, t.message, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		}
		return rsa.VerifyPKCS1v15(&k.PublicKey, t.hash, t.message, signature) == nil
	case *ecdsa.PrivateKey:
		return ecdsa.VerifyASN1(&k.PublicKey, t.message, signature)
	case *secp256k1.PrivateKey:
		s, err := secpecdsa.ParseDERSignature(signature)
		return err == nil && s.Verify(t.message, k.PubKey())
	case ed25519.PrivateKey:
		return ed25519.VerifyWithOptions(k.Public().(ed25519.PublicKey), t.message, signature, t.edOptions()) == nil
	case *mldsaKey:
		return k.verify(t.message, signature, t.mu)
	case *sm2.PrivateKey:
		digest, err := t.sm2(k)
		return err == nil && sm2.VerifyASN1(&k.PublicKey, digest, signature)
	}
	return false
}

// sm2 is the digest to sign with the key.
func (t signedText) sm2(k *sm2.PrivateKey) ([]byte, error) {
	if t.whole {
		return sm2Digest(&k.PublicKey, t.message)
	}
	return t.message, nil
}

func getPublicKey(c *call, in *kms.GetPublicKeyInput) (*kms.GetPublicKeyOutput, error) {
	var m material
	err := c.with(in.KeyId, toUse, func(k *key) error {
		if err := k.usable(c.Now); err != nil {
			return err
		}
		switch kindOfSpec(k.spec) {
		case kindSymmetric, kindHMAC:
			return errf("UnsupportedOperationException", "%s is not an asymmetric key.", k.arn())
		case kindUnserved:
			return unserved(k.spec)
		}
		m = k.materialOf(k.current)
		return nil
	})
	if err != nil {
		return nil, err
	}
	pair, err := m.load()
	if err != nil {
		return nil, err
	}
	der, err := publicDER(pair)
	if err != nil {
		return nil, err
	}
	k := m.key
	return &kms.GetPublicKeyOutput{
		KeyId: new(m.arn), PublicKey: der, KeySpec: k.spec, KeyUsage: k.usageType,
		CustomerMasterKeySpec: types.CustomerMasterKeySpec(k.spec),
		EncryptionAlgorithms:  k.encryptionAlgorithms(), SigningAlgorithms: k.signingAlgorithms(),
		KeyAgreementAlgorithms: k.agreementAlgorithms(), EncapsulationAlgorithms: k.encapsulationAlgorithms(),
	}, nil
}
