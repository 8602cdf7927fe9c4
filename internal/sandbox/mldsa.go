package sandbox

import (
	"crypto/sha3"
	"encoding/asn1"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	circl "github.com/cloudflare/circl/sign"
	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
	"github.com/cloudflare/circl/sign/mldsa/mldsa87"
)

// muSize is the length of a message representative μ (FIPS 204, section 6.2).
const muSize = 64

// mldsaKey is an ML-DSA key pair. It signs without randomness, so that a message
// and its μ have one and the same signature.
type mldsaKey struct {
	scheme  circl.Scheme
	private circl.PrivateKey
	public  []byte
	sizes   mldsaSizes
}

func newMLDSA(spec types.KeySpec, seed []byte) (*mldsaKey, error) {
	k := &mldsaKey{scheme: mldsa44.Scheme(), sizes: sizesOf(spec)}
	switch spec {
	case types.KeySpecMlDsa65:
		k.scheme = mldsa65.Scheme()
	case types.KeySpecMlDsa87:
		k.scheme = mldsa87.Scheme()
	}
	var public circl.PublicKey
	public, k.private = k.scheme.DeriveKey(seed)
	var err error
	k.public, err = public.MarshalBinary()
	return k, err
}

// sign signs a message or, with external set, its μ.
func (k *mldsaKey) sign(message []byte, external bool) ([]byte, error) {
	if !external {
		return k.scheme.Sign(k.private, message, nil), nil
	}
	packed, err := k.private.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return k.sizes.signMu(packed, message), nil
}

func (k *mldsaKey) verify(message, signature []byte, external bool) bool {
	if external {
		return k.sizes.verifyMu(k.public, message, signature)
	}
	public, err := k.scheme.UnmarshalBinaryPublicKey(k.public)
	return err == nil && len(signature) == k.scheme.SignatureSize() && k.scheme.Verify(public, message, signature, nil)
}

func (k *mldsaKey) publicDER() ([]byte, error) {
	last := map[int]int{mldsa44.PublicKeySize: 17, mldsa65.PublicKeySize: 18, mldsa87.PublicKeySize: 19}[len(k.public)]
	return latticePublicDER(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, last}, k.public)
}

// squeeze reads n bytes of an extendable hash, which never ends.
func squeeze(h *sha3.SHAKE, n int) []byte {
	out := make([]byte, n)
	_, _ = h.Read(out)
	return out
}
