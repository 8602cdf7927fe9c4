package sandbox

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// The ASN.1 forms that crypto/x509 does not know: secp256k1, SM2, ML-DSA and
// ML-KEM.

func oidEC() asn1.ObjectIdentifier   { return asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1} }
func oidSecp() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 132, 0, 10} }

type publicKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

type pkcs8 struct {
	Version   int
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

type ecPrivateKey struct {
	Version int
	Key     []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

func ecAlgorithm(curve asn1.ObjectIdentifier) (pkix.AlgorithmIdentifier, error) {
	params, err := asn1.Marshal(curve)
	return pkix.AlgorithmIdentifier{Algorithm: oidEC(), Parameters: asn1.RawValue{FullBytes: params}}, err
}

// ecPublicDER writes a point, uncompressed, as the public key of a curve.
func ecPublicDER(curve asn1.ObjectIdentifier, point []byte) ([]byte, error) {
	alg, err := ecAlgorithm(curve)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(publicKeyInfo{alg, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
}

// ecPoint is the point of a public key of the curve.
func ecPoint(der []byte, curve asn1.ObjectIdentifier) ([]byte, error) {
	var info publicKeyInfo
	rest, err := asn1.Unmarshal(der, &info)
	if err != nil || len(rest) > 0 || !info.Algorithm.Algorithm.Equal(oidEC()) || !ofCurve(info.Algorithm, curve) {
		return nil, fmt.Errorf("public key: not of curve %s", curve)
	}
	return info.Key.RightAlign(), nil
}

func ecPrivateDER(curve asn1.ObjectIdentifier, scalar, point []byte) ([]byte, error) {
	alg, err := ecAlgorithm(curve)
	if err != nil {
		return nil, err
	}
	inner, err := asn1.Marshal(ecPrivateKey{Version: 1, Key: scalar, Public: asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(pkcs8{Algorithm: alg, Key: inner})
}

// ecScalar is the number of a private key of the curve, in PKCS#8.
func ecScalar(der []byte, curve asn1.ObjectIdentifier) ([]byte, error) {
	var outer pkcs8
	var inner ecPrivateKey
	if _, err := asn1.Unmarshal(der, &outer); err != nil || !outer.Algorithm.Algorithm.Equal(oidEC()) {
		return nil, fmt.Errorf("imported private key: not PKCS#8 of an elliptic curve")
	}
	if !ofCurve(outer.Algorithm, curve) {
		return nil, fmt.Errorf("imported private key: not of curve %s", curve)
	}
	if _, err := asn1.Unmarshal(outer.Key, &inner); err != nil || len(inner.Key) > 32 {
		return nil, fmt.Errorf("imported private key: not an EC private key")
	}
	return inner.Key, nil
}

func ofCurve(alg pkix.AlgorithmIdentifier, curve asn1.ObjectIdentifier) bool {
	var named asn1.ObjectIdentifier
	_, err := asn1.Unmarshal(alg.Parameters.FullBytes, &named)
	return err == nil && named.Equal(curve)
}

func secpParsePrivate(der []byte) (*secp256k1.PrivateKey, error) {
	scalar, err := ecScalar(der, oidSecp())
	if err != nil {
		return nil, err
	}
	return secp256k1.PrivKeyFromBytes(scalar), nil
}

// latticePublicDER writes a public key of ML-DSA or ML-KEM, whose algorithm says
// the parameters too.
func latticePublicDER(algorithm asn1.ObjectIdentifier, key []byte) ([]byte, error) {
	return asn1.Marshal(publicKeyInfo{pkix.AlgorithmIdentifier{Algorithm: algorithm}, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
}
