package sandbox

import (
	"crypto/mlkem"
	"encoding/asn1"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
)

// encapsulator is an ML-KEM key pair.
type encapsulator interface {
	encapsulate() (shared, sealed []byte, err error)
	decapsulate(sealed []byte) ([]byte, error)
	publicDER() ([]byte, error)
}

// newMLKEM makes the pair of a seed of 64 bytes. The standard library knows the two
// larger sets only.
func newMLKEM(spec types.KeySpec, seed []byte) (encapsulator, error) {
	switch spec {
	case types.KeySpecMlKem768:
		k, err := mlkem.NewDecapsulationKey768(seed)
		return mlkem768{k}, err
	case types.KeySpecMlKem1024:
		k, err := mlkem.NewDecapsulationKey1024(seed)
		return mlkem1024{k}, err
	}
	public, private := mlkem512.Scheme().DeriveKeyPair(seed)
	return mlkem512Pair{public, private}, nil
}

func mlkemOID(last int) asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, last}
}

type mlkem512Pair struct {
	public  kem.PublicKey
	private kem.PrivateKey
}

func (k mlkem512Pair) encapsulate() (shared, sealed []byte, err error) {
	sealed, shared, err = mlkem512.Scheme().Encapsulate(k.public)
	return shared, sealed, err
}

func (k mlkem512Pair) decapsulate(sealed []byte) ([]byte, error) {
	return mlkem512.Scheme().Decapsulate(k.private, sealed)
}

func (k mlkem512Pair) publicDER() ([]byte, error) {
	raw, err := k.public.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return latticePublicDER(mlkemOID(1), raw)
}

type mlkem768 struct{ *mlkem.DecapsulationKey768 }

func (k mlkem768) encapsulate() (shared, sealed []byte, err error) {
	shared, sealed = k.EncapsulationKey().Encapsulate()
	return shared, sealed, nil
}

func (k mlkem768) decapsulate(sealed []byte) ([]byte, error) { return k.Decapsulate(sealed) }

func (k mlkem768) publicDER() ([]byte, error) {
	return latticePublicDER(mlkemOID(2), k.EncapsulationKey().Bytes())
}

type mlkem1024 struct{ *mlkem.DecapsulationKey1024 }

func (k mlkem1024) encapsulate() (shared, sealed []byte, err error) {
	shared, sealed = k.EncapsulationKey().Encapsulate()
	return shared, sealed, nil
}

func (k mlkem1024) decapsulate(sealed []byte) ([]byte, error) { return k.Decapsulate(sealed) }

func (k mlkem1024) publicDER() ([]byte, error) {
	return latticePublicDER(mlkemOID(3), k.EncapsulationKey().Bytes())
}
