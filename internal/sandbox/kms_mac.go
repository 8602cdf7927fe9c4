package sandbox

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func generateMac(c *call, in *kms.GenerateMacInput) (*kms.GenerateMacOutput, error) {
	m, mac, err := c.mac(in.KeyId, in.MacAlgorithm, in.Message)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	c.note(m, types.KeyLastUsageTrackingOperationGenerateMac)
	return &kms.GenerateMacOutput{KeyId: new(m.arn), Mac: mac, MacAlgorithm: in.MacAlgorithm}, nil
}

func verifyMac(c *call, in *kms.VerifyMacInput) (*kms.VerifyMacOutput, error) {
	if err := blob(in.Mac, "mac", 6144); err != nil {
		return nil, err
	}
	m, mac, err := c.mac(in.KeyId, in.MacAlgorithm, in.Message)
	if err == nil {
		err = dryRun(in.DryRun)
	}
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(mac, in.Mac) {
		return nil, errf("KMSInvalidMacException", "")
	}
	c.note(m, types.KeyLastUsageTrackingOperationVerifyMac)
	return &kms.VerifyMacOutput{KeyId: new(m.arn), MacAlgorithm: in.MacAlgorithm, MacValid: true}, nil
}

func (c *call) mac(name *string, algorithm types.MacAlgorithmSpec, message []byte) (material, []byte, error) {
	if algorithm == "" {
		return material{}, nil, required("macAlgorithm")
	}
	if err := cmp.Or(enum(algorithm, "macAlgorithm", algorithm.Values()), blob(message, "message", 4096)); err != nil {
		return material{}, nil, err
	}
	m, err := c.take(name, c.Operation, types.KeyUsageTypeGenerateVerifyMac)
	if err != nil {
		return m, nil, err
	}
	if !slices.Contains(m.key.macAlgorithms(), algorithm) {
		return m, nil, wrongAlgorithm(string(algorithm), m.spec)
	}
	h := hmac.New(macHash(algorithm), m.secret)
	h.Write(message)
	return m, h.Sum(nil), nil
}

func macHash(a types.MacAlgorithmSpec) func() hash.Hash {
	switch a {
	case types.MacAlgorithmSpecHmacSha224:
		return sha256.New224
	case types.MacAlgorithmSpecHmacSha256:
		return sha256.New
	case types.MacAlgorithmSpecHmacSha384:
		return sha512.New384
	}
	return sha512.New
}
