package sandbox

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func createGrant(c *call, in *kms.CreateGrantInput) (*kms.CreateGrantOutput, error) {
	if err := checkGrant(in); err != nil {
		return nil, err
	}
	out := &kms.CreateGrantOutput{}
	return out, c.with(in.KeyId, toShare, func(k *key) error {
		if err := cmp.Or(k.usable(c.Now), k.grantable(in.Operations), checkConstraints(k, in.Constraints), dryRun(in.DryRun)); err != nil {
			return err
		}
		g := k.sameGrant(in)
		if g == nil {
			g = c.newGrant(k, in)
		}
		out.GrantId, out.GrantToken = new(g.id), new(g.token)
		return nil
	})
}

func checkGrant(in *kms.CreateGrantInput) error {
	switch {
	case in.GranteePrincipal == nil && in.GranteeServicePrincipal == nil:
		return required("granteePrincipal")
	case len(in.Operations) == 0:
		return required("operations")
	case in.GranteePrincipal != nil && !strings.HasPrefix(*in.GranteePrincipal, "arn:") && !isAccountID(*in.GranteePrincipal):
		return errf("InvalidArnException", "Invalid arn %s", *in.GranteePrincipal)
	}
	if in.Name != nil && !namePattern.MatchString(*in.Name) {
		return unlike(*in.Name, "name", namePattern)
	}
	for _, o := range in.Operations {
		if err := enum(o, "operations", o.Values()); err != nil {
			return err
		}
	}
	return nil
}

// grantable refuses to grant what the key cannot do. KMS documents which
// operations go with which keys, and the code of the refusal; not its words.
func (k *key) grantable(operations []types.GrantOperation) error {
	can := []types.GrantOperation{types.GrantOperationCreateGrant, types.GrantOperationRetireGrant, types.GrantOperationDescribeKey}
	if asymmetric := kindOfSpec(k.spec); asymmetric != kindSymmetric && asymmetric != kindHMAC {
		can = append(can, types.GrantOperationGetPublicKey)
	}
	switch k.usageType {
	case types.KeyUsageTypeSignVerify:
		can = append(can, types.GrantOperationSign, types.GrantOperationVerify)
	case types.KeyUsageTypeGenerateVerifyMac:
		can = append(can, types.GrantOperationGenerateMac, types.GrantOperationVerifyMac)
	case types.KeyUsageTypeKeyAgreement:
		can = append(can, types.GrantOperationDeriveSharedSecret)
	case types.KeyUsageTypeEncryptDecrypt:
		can = append(can, types.GrantOperationEncrypt, types.GrantOperationDecrypt, types.GrantOperationReEncryptFrom, types.GrantOperationReEncryptTo)
		if k.symmetric() {
			can = append(can, types.GrantOperationGenerateDataKey, types.GrantOperationGenerateDataKeyWithoutPlaintext,
				types.GrantOperationGenerateDataKeyPair, types.GrantOperationGenerateDataKeyPairWithoutPlaintext)
		}
	default: // what is newer than this list may be granted anything
		return nil
	}
	for _, o := range operations {
		if !slices.Contains(can, o) {
			return errf("ValidationException", "Operation %s is not supported by %s, whose key spec is %s and key usage %s.", o, k.arn(), k.spec, k.usageType)
		}
	}
	return nil
}

// sameGrant is the grant that an earlier call with the same name and contents
// made: such calls are idempotent.
func (k *key) sameGrant(in *kms.CreateGrantInput) *grant {
	if in.Name == nil {
		return nil
	}
	for _, g := range k.grants {
		e := g.entry
		if e.Name != nil && *e.Name == *in.Name && same(e.GranteePrincipal, in.GranteePrincipal) &&
			same(e.RetiringPrincipal, in.RetiringPrincipal) && slices.Equal(e.Operations, in.Operations) &&
			sameConstraints(e.Constraints, in.Constraints) {
			return g
		}
	}
	return nil
}

func same(a, b *string) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func (c *call) newGrant(k *key, in *kms.CreateGrantInput) *grant {
	g := &grant{
		id: hex.EncodeToString(c.s.bytes(32)), key: k, created: c.Now,
		token: base64.URLEncoding.EncodeToString(c.s.bytes(48)),
	}
	g.entry = types.GrantListEntry{
		GrantId: new(g.id), KeyId: new(k.arn()), Name: in.Name, CreationDate: new(c.Now),
		GranteePrincipal: in.GranteePrincipal, GranteeServicePrincipal: in.GranteeServicePrincipal,
		RetiringPrincipal: in.RetiringPrincipal, RetiringServicePrincipal: in.RetiringServicePrincipal,
		IssuingAccount: new("arn:" + c.Partition + ":iam::" + c.Account + ":root"),
		Operations:     in.Operations, Constraints: in.Constraints,
	}
	k.region.grants[g.id] = g
	k.grants = append(slices.Clone(k.grants), g)
	return g
}

// drop ends a grant.
func (g *grant) drop() {
	k := g.key
	delete(k.region.grants, g.id)
	k.grants = slices.DeleteFunc(slices.Clone(k.grants), func(o *grant) bool { return o == g })
}

func listGrants(c *call, in *kms.ListGrantsInput) (*kms.ListGrantsOutput, error) {
	limit, err := pageSize(in.Limit, 100, 50)
	if err != nil {
		return nil, err
	}
	out := &kms.ListGrantsOutput{}
	return out, c.with(in.KeyId, toAsk, func(k *key) error {
		var all []types.GrantListEntry
		for _, g := range k.grants {
			if in.GrantId != nil && *in.GrantId != g.id || in.GranteePrincipal != nil && !same(in.GranteePrincipal, g.entry.GranteePrincipal) {
				continue
			}
			all = append(all, g.entry)
		}
		some, next, err := pageOf(all, limit, in.Marker)
		if err != nil {
			return err
		}
		out.Grants = append([]types.GrantListEntry{}, some...)
		out.NextMarker, out.Truncated = next, next != nil
		return nil
	})
}

func listRetirableGrants(c *call, in *kms.ListRetirableGrantsInput) (*kms.ListRetirableGrantsOutput, error) {
	limit, err := pageSize(in.Limit, 100, 50)
	if err != nil {
		return nil, err
	}
	if in.RetiringPrincipal == nil && in.RetiringServicePrincipal == nil {
		return nil, required("retiringPrincipal")
	}
	a := c.s.account(c.Account)
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.regionLocked(c.Region)
	r.sweep(c.Now)
	var all []types.GrantListEntry
	for _, g := range r.grants {
		if same(in.RetiringPrincipal, g.entry.RetiringPrincipal) {
			all = append(all, g.entry)
		}
	}
	slices.SortFunc(all, func(x, y types.GrantListEntry) int { return strings.Compare(*x.GrantId, *y.GrantId) })
	some, next, err := pageOf(all, limit, in.Marker)
	if err != nil {
		return nil, err
	}
	return &kms.ListRetirableGrantsOutput{Grants: append([]types.GrantListEntry{}, some...), NextMarker: next, Truncated: next != nil}, nil
}

func revokeGrant(c *call, in *kms.RevokeGrantInput) (*kms.RevokeGrantOutput, error) {
	if in.GrantId == nil {
		return nil, required("grantId")
	}
	return &kms.RevokeGrantOutput{}, c.with(in.KeyId, toShare, func(k *key) error {
		return k.endGrant(*in.GrantId, in.DryRun)
	})
}

func (k *key) endGrant(id string, dry *bool) error {
	g := k.region.grants[id]
	if g == nil || g.key != k {
		return errf("NotFoundException", "Grant ID %s not found", id)
	}
	if err := dryRun(dry); err != nil {
		return err
	}
	g.drop()
	return nil
}

// retireGrant names its grant by token, or by key and id.
func retireGrant(c *call, in *kms.RetireGrantInput) (*kms.RetireGrantOutput, error) {
	switch {
	case in.GrantToken == nil && in.GrantId != nil:
		return &kms.RetireGrantOutput{}, c.with(in.KeyId, toShare, func(k *key) error {
			return k.endGrant(*in.GrantId, in.DryRun)
		})
	case in.GrantToken == nil:
		return nil, errf("ValidationException", "Either a grant token, or a key id and a grant id, must be given.")
	}
	a := c.s.account(c.Account)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range a.regionLocked(c.Region).grants {
		if g.token == *in.GrantToken {
			return &kms.RetireGrantOutput{}, g.key.endGrant(g.id, in.DryRun)
		}
	}
	return nil, errf("InvalidGrantTokenException", "")
}
