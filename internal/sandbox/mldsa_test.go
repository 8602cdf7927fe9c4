package sandbox

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func mldsaSpecs() []types.KeySpec {
	return []types.KeySpec{types.KeySpecMlDsa44, types.KeySpecMlDsa65, types.KeySpecMlDsa87}
}

// mu is what a message is signed as: the hash of the public key's hash and the
// message, with an empty context.
func (k *mldsaKey) mu(message []byte) []byte {
	tr := sha3.SumSHAKE256(k.public, 64)
	h := sha3.NewSHAKE256()
	_, _ = h.Write(tr) // hashes take everything
	_, _ = h.Write([]byte{0, 0})
	_, _ = h.Write(message)
	return squeeze(h, muSize)
}

// TestAMessageAndItsMuHaveOneSignature holds the arithmetic for μ against a library
// that shares no code with it.
func TestAMessageAndItsMuHaveOneSignature(t *testing.T) {
	for _, spec := range mldsaSpecs() {
		for n := range 8 { // signing tries again until it fits: more than one path
			k, err := newMLDSA(spec, bytes.Repeat([]byte{byte(n)}, 32))
			if err != nil {
				t.Fatal(err)
			}
			message := fmt.Appendf(nil, "message %d", n)
			whole, err := k.sign(message, false)
			if err != nil {
				t.Fatal(err)
			}
			short, err := k.sign(k.mu(message), true)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(whole, short) {
				t.Fatalf("%s: the signatures differ", spec)
			}
			if !k.verify(k.mu(message), whole, true) || !k.verify(message, short, false) {
				t.Errorf("%s: a good signature is refused", spec)
			}
		}
	}
}

func TestNoChangedSignatureOverMuVerifies(t *testing.T) {
	for _, spec := range mldsaSpecs() {
		k, err := newMLDSA(spec, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		mu := k.mu([]byte("message"))
		good, err := k.sign(mu, true)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(good); i += 97 {
			bad := bytes.Clone(good)
			bad[i] ^= 1
			if k.verify(mu, bad, true) {
				t.Errorf("%s: byte %d changed, and it verifies", spec, i)
			}
		}
		// Unused places of the hints must be zero, else one signature has many forms.
		if bad := bytes.Clone(good); bad[len(bad)-k.sizes.k-1] == 0 {
			bad[len(bad)-k.sizes.k-1] = 1
			if k.verify(mu, bad, true) {
				t.Errorf("%s: a second form of the hints verifies", spec)
			}
		}
		if k.verify(mu, good[1:], true) || k.verify(mu, append(good, 0), true) || k.verify(k.mu([]byte("other")), good, true) {
			t.Errorf("%s: a wrong signature verifies", spec)
		}
	}
}

// TestMLDSAKeysAreThoseOfTheStandard pins hashes of public keys of NIST's ACVP
// vectors (ML-DSA-keyGen-FIPS204, the first case of each set).
func TestMLDSAKeysAreThoseOfTheStandard(t *testing.T) {
	for spec, c := range map[types.KeySpec]struct{ seed, public string }{
		"ML_DSA_44": {"93ef2e6ef1fb08999d142abe0295482370d3f43bdb254a78e2b0d5168eca065f", "6995b20ecd5cde41719035028a712ccf35b1adf53b913030423d9d6fa188d673"},
		"ML_DSA_65": {"70cefb9aed5b68e018b079da8284b9d5cad5499ed9c265ff73588005d85c225c", "646b26b8d09dbc9e865b6a006c693a3127b065e62fab5fbe8b159c416462feb6"},
		"ML_DSA_87": {"38359fbcd79582cffe609e137ee2efe8a8dbcbad18ba92bb433ab4f09b49299d", "ea374a09356e5f89be784f28f4ef938e8976cb5c4db00fbacb257663491748d4"},
	} {
		seed, err := hex.DecodeString(c.seed)
		if err != nil {
			t.Fatal(err)
		}
		k, err := newMLDSA(spec, seed)
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(k.public); hex.EncodeToString(got[:]) != c.public {
			t.Errorf("%s: public key: got hash %x, want %s", spec, got, c.public)
		}
	}
}

// FuzzMLDSASignature reads any signature over μ: none but the one that was made
// verifies, and none is fallen over.
func FuzzMLDSASignature(f *testing.F) {
	k, err := newMLDSA(types.KeySpecMlDsa44, make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	mu := k.mu([]byte("message"))
	good, err := k.sign(mu, true)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(make([]byte, len(good)))
	f.Add(bytes.Repeat([]byte{255}, len(good)))
	f.Fuzz(func(t *testing.T, signature []byte) {
		if k.verify(mu, signature, true) != bytes.Equal(signature, good) {
			t.Errorf("got %v", !bytes.Equal(signature, good))
		}
		if k.verify(mu, signature, true) != k.verify([]byte("message"), signature, false) {
			t.Error("the library says otherwise of the message")
		}
	})
}
