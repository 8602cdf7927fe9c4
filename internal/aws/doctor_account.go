package aws

import (
	"context"
	"fmt"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/keyrotor/keyrotor"
)

// checkAccount tries both roles in an account, and what each of them reads.
func (e *Estate) checkAccount(ctx context.Context, a keyrotor.Account) []DoctorCheck {
	checks := []DoctorCheck{e.checkEnter(ctx, a, RoleScan)}
	key := keyrotor.Place{}
	var id string
	if checks[0].Status == CheckOK {
		var more []DoctorCheck
		more, key, id = e.checkScan(ctx, a)
		checks = append(checks, more...)
	}
	apply := e.checkEnter(ctx, a, RoleApply)
	checks = append(checks, apply)
	if apply.Status == CheckOK && id != "" {
		c := DoctorCheck{Account: a.ID, Region: key.Region, Role: RoleApply}
		checks = append(checks, tryKeyCalls(ctx, e.kms(a.ID, key.Region, RoleApply), c, id, applyReads())...)
	}
	return checks
}

func (e *Estate) checkEnter(ctx context.Context, a keyrotor.Account, role Role) DoctorCheck {
	c := DoctorCheck{Account: a.ID, Role: role, Check: callAssumeRole, Status: CheckOK, Detail: "own credentials"}
	if e.access(a.ID) == AccessRole {
		c.Detail = e.roleARN(a.ID, role)
	}
	if g := e.enter(ctx, a, role); g != nil {
		return failedCheck(c, *g)
	}
	return c
}

// checkScan tries the Regions, the lists in the first Region, and the reading
// calls on a customer managed key there.
func (e *Estate) checkScan(ctx context.Context, a keyrotor.Account) ([]DoctorCheck, keyrotor.Place, string) {
	c := DoctorCheck{Account: a.ID, Role: RoleScan, Check: callListRegions, Status: CheckOK}
	regions, gap := e.regions(ctx, a.ID)
	if gap != nil {
		return []DoctorCheck{failedCheck(c, *gap)}, keyrotor.Place{}, ""
	}
	c.Check, c.Detail = regions.from, fmt.Sprintf("%d Regions", len(regions.names))
	for _, g := range regions.refused {
		c.Detail += fmt.Sprintf(" (instead of %s: %s)", g.Call, g.Code)
	}
	checks := []DoctorCheck{c}
	at := keyrotor.Place{Account: a.ID, Region: e.firstOf(regions.names)}
	client := e.kms(at.Account, at.Region, RoleScan)
	base := DoctorCheck{Account: a.ID, Region: at.Region, Role: RoleScan}
	_, err := client.ListAliases(ctx, &kms.ListAliasesInput{Limit: awssdk.Int32(1)})
	checks = append(checks, checked(base, "kms:ListAliases", err))
	listed, err := client.ListKeys(ctx, &kms.ListKeysInput{Limit: awssdk.Int32(sampleKeys)})
	checks = append(checks, checked(base, "kms:ListKeys", err))
	if err != nil {
		return checks, at, ""
	}
	id, found := sampleKey(ctx, client, base, listed)
	checks = append(checks, found...)
	if id == "" {
		return checks, at, ""
	}
	return append(checks, tryKeyCalls(ctx, client, base, id, scanReads())...), at, id
}

// firstOf prefers the home Region: it is the one most surely enabled.
func (e *Estate) firstOf(regions []string) string {
	for _, r := range append(slices.Clone(e.cfg.Regions), e.base.Region) {
		if slices.Contains(regions, r) {
			return r
		}
	}
	return regions[0]
}

// sampleKeys is how many keys of a Region are described at most, to find one to try
// the other calls on.
const sampleKeys = 100

// sampleKey finds a customer managed key that every reading call fits. Where one can
// be described, the role may describe keys: that others refused it is a matter of
// their own, such as a key policy, and a warning.
func sampleKey(ctx context.Context, client *kms.Client, base DoctorCheck, listed *kms.ListKeysOutput) (string, []DoctorCheck) {
	base.Check = "kms:DescribeKey"
	refusals := keyRefusals{base: base}
	described := base
	described.Status, described.Detail = CheckSkipped, "no symmetric customer managed key here to try it on"
	for _, key := range listed.Keys {
		out, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: key.KeyId})
		if err != nil {
			refusals.add(key, err)
			continue
		}
		k := reading{asset: keyrotor.Asset{KMS: &keyrotor.KMSFacts{}}}
		k.describe(out.KeyMetadata)
		if !k.asset.KMS.AWSManaged() && tellsRotation(k.asset.KMS) {
			described.Status, described.Detail = CheckOK, ""
			return k.asset.ID, append([]DoctorCheck{described}, refusals.asWarning()...)
		}
	}
	if refusals.keys == 0 {
		return "", []DoctorCheck{described}
	}
	return "", []DoctorCheck{refusals.first}
}

// keyRefusals are keys of one Region that refused to be described: the first of
// them, and how many.
type keyRefusals struct {
	base, first DoctorCheck
	keys        int
}

func (r *keyRefusals) add(key kmstypes.KeyListEntry, err error) {
	r.keys++
	if r.keys > 1 {
		return
	}
	gap := refusal(r.base.Check, err)
	gap.Asset, gap.Fact = awssdk.ToString(key.KeyArn), keyrotor.FactDescription
	r.first = failedCheck(r.base, gap)
	r.first.Detail = "key " + awssdk.ToString(key.KeyId) + ": " + r.first.Detail
}

func (r *keyRefusals) asWarning() []DoctorCheck {
	if r.keys == 0 {
		return nil
	}
	warning := r.first
	warning.Status = CheckWarn
	if r.keys > 1 {
		warning.Detail += fmt.Sprintf(" (the first of %d that refuse, of those tried)", r.keys)
	}
	return []DoctorCheck{warning}
}

// keyCall is a reading call on one key.
type keyCall struct {
	name string
	try  func(context.Context, *kms.Client, string) error
}

func applyReads() []keyCall {
	return []keyCall{
		{"kms:DescribeKey", func(ctx context.Context, c *kms.Client, id string) error {
			_, err := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
			return err
		}},
		{"kms:GetKeyRotationStatus", func(ctx context.Context, c *kms.Client, id string) error {
			_, err := c.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &id})
			return err
		}},
		{"kms:ListKeyRotations", func(ctx context.Context, c *kms.Client, id string) error {
			_, err := c.ListKeyRotations(ctx, &kms.ListKeyRotationsInput{KeyId: &id})
			return err
		}},
		{"kms:ListResourceTags", func(ctx context.Context, c *kms.Client, id string) error {
			_, err := c.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: &id})
			return err
		}},
	}
}

// scanReads are those of apply but for DescribeKey, which found the key, and
// the key policy.
func scanReads() []keyCall {
	return append(applyReads()[1:], keyCall{"kms:GetKeyPolicy", func(ctx context.Context, c *kms.Client, id string) error {
		_, err := c.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &id, PolicyName: awssdk.String("default")})
		return err
	}})
}

func tryKeyCalls(ctx context.Context, client *kms.Client, base DoctorCheck, id string, calls []keyCall) []DoctorCheck {
	var checks []DoctorCheck
	for _, call := range calls {
		checks = append(checks, checked(base, call.name, call.try(ctx, client, id)))
	}
	return checks
}
