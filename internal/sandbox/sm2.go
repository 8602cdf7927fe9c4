package sandbox

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/emmansun/gmsm/ecdh"
	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// SM2 is China's: signatures over SM3 (SM2DSA), encryption (SM2PKE) in the ASN.1
// form of GM/T 0009, and plain ECDH, as KMS offers it.

// sm2Most is the longest text that SM2PKE encrypts for KMS.
const sm2Most = 1024

// oidSM2 names the curve.
func oidSM2() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 301} }

// china says whether a Region is one of China's.
func china(region string) bool { return strings.HasPrefix(region, "cn-") }

// placeable refuses the specs that a Region does not have.
func placeable(spec types.KeySpec, region string) error {
	if china(region) != (kindOfSpec(spec) == kindSM2) && (kindOfSpec(spec) == kindSM2 || kindOfSpec(spec) == kindMLKEM) {
		return errf("UnsupportedOperationException", "KeySpec %s is not supported in this region.", spec)
	}
	return nil
}

// sm2Digest is what SM2DSA signs: SM3 over the signer's hash, with KMS's fixed
// distinguishing ID, and the message.
func sm2Digest(public *ecdsa.PublicKey, message []byte) ([]byte, error) {
	za, err := sm2.CalculateZA(public, []byte("1234567812345678"))
	if err != nil {
		return nil, err
	}
	h := sm3.New()
	_, _ = h.Write(za) // hashes take everything
	_, _ = h.Write(message)
	return h.Sum(nil), nil
}

func sm2Agree(private *sm2.PrivateKey, der []byte) ([]byte, error) {
	point, err := ecPoint(der, oidSM2())
	if err != nil {
		return nil, err
	}
	own, err := private.ECDH()
	if err != nil {
		return nil, err
	}
	theirs, err := own.Curve().NewPublicKey(point)
	if err != nil {
		return nil, err
	}
	return own.ECDH(theirs)
}

func sm2Point(k *sm2.PrivateKey) []byte {
	out := make([]byte, 65)
	out[0] = 4 // uncompressed
	k.X.FillBytes(out[1:33])
	k.Y.FillBytes(out[33:])
	return out
}

func sm2ParsePrivate(der []byte) (*sm2.PrivateKey, error) {
	scalar, err := ecScalar(der, oidSM2())
	if err != nil {
		return nil, err
	}
	private, err := ecdh.P256().NewPrivateKey(scalar)
	if err != nil {
		return nil, fmt.Errorf("imported private key: not a number of the curve")
	}
	point := private.PublicKey().Bytes() // 4, X, Y
	k := new(sm2.PrivateKey)
	k.Curve, k.D = sm2.P256(), new(big.Int).SetBytes(scalar)
	k.X, k.Y = new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
	return k, nil
}

func sm2Encrypt(k *sm2.PrivateKey, text []byte) ([]byte, error) {
	if len(text) > sm2Most {
		return nil, errf("ValidationException", "Algorithm %s and key spec %s cannot encrypt data larger than %d bytes.", types.EncryptionAlgorithmSpecSm2pke, types.KeySpecSm2, sm2Most)
	}
	return sm2.EncryptASN1(rand.Reader, &k.PublicKey, text)
}

// sm2Decrypt takes the ASN.1 form only: the library would also guess at others.
func sm2Decrypt(k *sm2.PrivateKey, blob []byte) ([]byte, error) {
	var form struct {
		X, Y       *big.Int
		Hash, Text []byte
	}
	if rest, err := asn1.Unmarshal(blob, &form); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("not an SM2 ciphertext in ASN.1")
	}
	return sm2.Decrypt(k, blob)
}
