package sandbox

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/emmansun/gmsm/sm2"
)

// privateKey is the key pair of an asymmetric key. It is made on first use,
// outside every lock, since an RSA pair takes up to seconds and a world holds
// thousands of keys that nobody signs with.
type privateKey struct {
	once sync.Once
	key  any // *rsa.PrivateKey, *ecdsa.PrivateKey, *secp256k1.PrivateKey, ed25519.PrivateKey, *sm2.PrivateKey, *mldsaKey, encapsulator
	err  error
}

// material is what a cryptographic call takes away from under the lock.
type material struct {
	key        *key // for noting its use; not read without the lock
	keyID, arn string
	spec       types.KeySpec
	origin     types.OriginType
	secret     []byte
	pair       *privateKey
}

// materialOf hands out the generation i of a key.
func (k *key) materialOf(i int) material {
	m := material{key: k, keyID: k.id, arn: k.arn(), spec: k.spec, origin: k.origin}
	if i < len(k.generation) {
		m.secret = k.generation[i].secret
	}
	if secretSize(k.spec) == 0 {
		if k.private == nil {
			k.private = &privateKey{}
		}
		m.pair = k.private
	}
	return m
}

// load returns the key pair: the imported one, else a new one.
func (m material) load() (any, error) {
	m.pair.once.Do(func() {
		if m.origin == types.OriginTypeExternal {
			m.pair.key, m.pair.err = parsePrivate(m.spec, m.secret)
			if m.pair.err == nil {
				return
			}
			// Seeded, not imported: its bytes are no key. Make one.
		}
		m.pair.key, m.pair.err = newPair(m.spec, m.secret)
	})
	return m.pair.key, m.pair.err
}

// newPair makes a key pair. Where the algorithm allows it comes from the seed, so
// that a world's keys are repeatable; RSA, ECDSA and SM2 pairs are random.
func newPair(spec types.KeySpec, seed []byte) (any, error) {
	switch spec {
	case types.KeySpecRsa2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case types.KeySpecRsa3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case types.KeySpecRsa4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	case types.KeySpecEccSecgP256k1:
		return secp256k1.GeneratePrivateKey()
	case types.KeySpecEccNistEdwards25519:
		return ed25519.NewKeyFromSeed(seed[:ed25519.SeedSize]), nil
	case types.KeySpecSm2:
		return sm2.GenerateKey(rand.Reader)
	}
	switch kindOfSpec(spec) {
	case kindMLKEM:
		return newMLKEM(spec, slices.Concat(seed, nextSecret(seed)))
	case kindMLDSA:
		return newMLDSA(spec, seed)
	}
	if c := curve(spec); c != nil {
		return ecdsa.GenerateKey(c, rand.Reader)
	}
	return nil, unserved(spec)
}

// unserved is the answer for the algorithms that the sandbox cannot compute.
func unserved(spec types.KeySpec) error {
	return errf("UnsupportedOperationException", "The sandbox does not compute with keys of spec %s.", spec)
}

func curve(spec types.KeySpec) elliptic.Curve {
	switch spec {
	case types.KeySpecEccNistP256:
		return elliptic.P256()
	case types.KeySpecEccNistP384:
		return elliptic.P384()
	case types.KeySpecEccNistP521:
		return elliptic.P521()
	}
	return nil
}

// publicDER is the SubjectPublicKeyInfo of a key pair.
func publicDER(key any) ([]byte, error) {
	switch k := key.(type) {
	case *secp256k1.PrivateKey:
		return ecPublicDER(oidSecp(), k.PubKey().SerializeUncompressed())
	case *sm2.PrivateKey:
		return ecPublicDER(oidSM2(), sm2Point(k))
	case interface{ publicDER() ([]byte, error) }: // ML-DSA, ML-KEM
		return k.publicDER()
	case crypto.Signer:
		return x509.MarshalPKIXPublicKey(k.Public())
	}
	return nil, fmt.Errorf("public key of %T", key)
}

// privateDER is the PKCS#8 form of a key pair.
func privateDER(key any) ([]byte, error) {
	switch k := key.(type) {
	case *secp256k1.PrivateKey:
		return ecPrivateDER(oidSecp(), k.Serialize(), k.PubKey().SerializeUncompressed())
	case *sm2.PrivateKey:
		return ecPrivateDER(oidSM2(), k.D.FillBytes(make([]byte, 32)), sm2Point(k))
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// parsePrivate reads imported PKCS#8 and refuses a key of another spec.
func parsePrivate(spec types.KeySpec, der []byte) (any, error) {
	switch spec {
	case types.KeySpecEccSecgP256k1:
		return secpParsePrivate(der)
	case types.KeySpecSm2:
		return sm2ParsePrivate(der)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("imported private key: not PKCS#8")
	}
	fits := false
	switch k := key.(type) {
	case *rsa.PrivateKey:
		fits = string(spec) == fmt.Sprintf("RSA_%d", k.N.BitLen())
	case *ecdsa.PrivateKey:
		fits = curve(spec) == k.Curve
	case ed25519.PrivateKey:
		fits = spec == types.KeySpecEccNistEdwards25519
	}
	if !fits {
		return nil, fmt.Errorf("imported private key: not of spec %s", spec)
	}
	return key, nil
}
