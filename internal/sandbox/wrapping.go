package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/tink-crypto/tink-go/v2/kwp/subtle"
)

// wrappingKeys are the RSA keys under which material is imported: one a
// size for the whole sandbox, for making one takes seconds. KMS makes one a call.
type wrappingKeys struct {
	secret []byte // signs import tokens
	mu     sync.Mutex
	keys   map[types.WrappingKeySpec]*rsa.PrivateKey
}

func (w *wrappingKeys) get(spec types.WrappingKeySpec) (*rsa.PrivateKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.keys[spec]; k != nil {
		return k, nil
	}
	bits := map[types.WrappingKeySpec]int{
		types.WrappingKeySpecRsa2048: 2048, types.WrappingKeySpecRsa3072: 3072, types.WrappingKeySpecRsa4096: 4096,
	}[spec]
	if bits == 0 {
		return nil, errf("UnsupportedOperationException", "The sandbox has no wrapping key of spec %s.", spec)
	}
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	if w.keys == nil {
		w.keys = map[types.WrappingKeySpec]*rsa.PrivateKey{}
	}
	w.keys[spec] = k
	return k, nil
}

// unwrap decrypts imported material as its sender wrapped it.
func unwrap(private *rsa.PrivateKey, algorithm types.AlgorithmSpec, wrapped []byte) ([]byte, error) {
	switch algorithm {
	case types.AlgorithmSpecRsaesPkcs1V15:
		return rsa.DecryptPKCS1v15(nil, private, wrapped) //nolint:staticcheck // an algorithm that KMS still takes
	case types.AlgorithmSpecRsaesOaepSha1:
		return rsa.DecryptOAEP(sha1.New(), nil, private, wrapped, nil)
	case types.AlgorithmSpecRsaesOaepSha256:
		return rsa.DecryptOAEP(sha256.New(), nil, private, wrapped, nil)
	case types.AlgorithmSpecRsaAesKeyWrapSha1:
		return unwrapTwice(private, sha1.New(), wrapped)
	case types.AlgorithmSpecRsaAesKeyWrapSha256:
		return unwrapTwice(private, sha256.New(), wrapped)
	}
	return nil, fmt.Errorf("wrapping algorithm %s", algorithm)
}

// unwrapTwice opens an AES key by RSA and the material by that key (RFC 5649), for
// private keys are longer than RSA can carry.
func unwrapTwice(private *rsa.PrivateKey, h hash.Hash, wrapped []byte) ([]byte, error) {
	size := private.Size()
	if len(wrapped) <= size {
		return nil, fmt.Errorf("wrapped material is too short")
	}
	aesKey, err := rsa.DecryptOAEP(h, nil, private, wrapped[:size], nil)
	if err != nil {
		return nil, err
	}
	kwp, err := subtle.NewKWP(aesKey)
	if err != nil {
		return nil, err
	}
	return kwp.Unwrap(wrapped[size:])
}
