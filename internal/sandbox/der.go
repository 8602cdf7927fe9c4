package sandbox

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// The ASN.1 forms that crypto/x509 does not know: secp256k1 and ML-KEM.

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

func secpAlgorithm() (pkix.AlgorithmIdentifier, error) {
	params, err := asn1.Marshal(oidSecp())
	return pkix.AlgorithmIdentifier{Algorithm: oidEC(), Parameters: asn1.RawValue{FullBytes: params}}, err
}

func secpPublicDER(k *secp256k1.PublicKey) ([]byte, error) {
	alg, err := secpAlgorithm()
	if err != nil {
		return nil, err
	}
	point := k.SerializeUncompressed()
	return asn1.Marshal(publicKeyInfo{alg, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
}

func secpPrivateDER(k *secp256k1.PrivateKey) ([]byte, error) {
	alg, err := secpAlgorithm()
	if err != nil {
		return nil, err
	}
	point := k.PubKey().SerializeUncompressed()
	inner, err := asn1.Marshal(ecPrivateKey{Version: 1, Key: k.Serialize(), Public: asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(pkcs8{Algorithm: alg, Key: inner})
}

func secpParsePrivate(der []byte) (*secp256k1.PrivateKey, error) {
	var outer pkcs8
	var inner ecPrivateKey
	var named asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(der, &outer); err != nil || !outer.Algorithm.Algorithm.Equal(oidEC()) {
		return nil, fmt.Errorf("imported private key: not PKCS#8 of an elliptic curve")
	}
	if _, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &named); err != nil || !named.Equal(oidSecp()) {
		return nil, fmt.Errorf("imported private key: not of curve secp256k1")
	}
	if _, err := asn1.Unmarshal(outer.Key, &inner); err != nil || len(inner.Key) > 32 {
		return nil, fmt.Errorf("imported private key: not an EC private key")
	}
	return secp256k1.PrivKeyFromBytes(inner.Key), nil
}

func mlkemPublicDER(spec types.KeySpec, key []byte) ([]byte, error) {
	last := 2 // ML-KEM-768
	if spec == types.KeySpecMlKem1024 {
		last = 3
	}
	alg := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, last}}
	return asn1.Marshal(publicKeyInfo{alg, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
}
