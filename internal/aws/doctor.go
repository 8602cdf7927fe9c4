package aws

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/keyrotor/keyrotor"
	"golang.org/x/sync/errgroup"
)

// CheckStatus is how a check of the doctor ended.
type CheckStatus string

// How a check ended. Skipped: there was nothing to try it on.
const (
	CheckOK      CheckStatus = "ok"
	CheckWarn    CheckStatus = "warn"
	CheckFailed  CheckStatus = "failed"
	CheckSkipped CheckStatus = "skipped"
)

// DoctorCheck is one thing tried and how it went.
type DoctorCheck struct {
	Account string      `json:"account,omitempty"`
	Region  string      `json:"region,omitempty"`
	Role    Role        `json:"role"`
	Check   string      `json:"check"` // "credentials", "clock", or a call
	Status  CheckStatus `json:"status"`
	Detail  string      `json:"detail,omitempty"`
	Fix     string      `json:"fix,omitempty"`
}

const (
	skewWorthAWord = time.Minute
	skewRefused    = 5 * time.Minute // AWS refuses signatures that are older
	sampleAccounts = 3
)

// Doctor tries what keyrotor will need and changes nothing: credentials, clock,
// organization, and per account both roles, the Regions, and the reading calls
// on the first customer managed key of the first Region. Without all it enters
// our own account and a few others. Whether the apply role may write cannot be
// tried without writing, and is not.
func (e *Estate) Doctor(ctx context.Context, all bool) ([]DoctorCheck, error) {
	checks := []DoctorCheck{{Role: RoleOwn, Account: e.who.Account, Check: "credentials", Status: CheckOK, Detail: e.who.ARN}}
	checks = append(checks, e.checkClock(ctx))
	r, err := e.loadRoster(ctx)
	if err != nil {
		return checks, err
	}
	checks = append(checks, e.checkOrganization(r))
	var mu sync.Mutex
	perAccount := make(map[string][]DoctorCheck)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	accounts := e.patients(r, all)
	for _, a := range accounts {
		group.Go(func() error {
			found := e.checkAccount(gctx, a)
			mu.Lock()
			defer mu.Unlock()
			perAccount[a.ID] = found
			return gctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return checks, err
	}
	for _, a := range accounts {
		checks = append(checks, perAccount[a.ID]...)
	}
	return checks, nil
}

// patients are the accounts to enter: all, or our own and the first few.
func (e *Estate) patients(r *roster, all bool) []keyrotor.Account {
	if all {
		return r.accounts
	}
	var some []keyrotor.Account
	others := 0
	for _, a := range r.accounts {
		if !a.Own {
			others++
		}
		if a.Own || others <= sampleAccounts {
			some = append(some, a)
		}
	}
	return some
}

func (e *Estate) checkClock(ctx context.Context) DoctorCheck {
	c := DoctorCheck{Role: RoleOwn, Account: e.who.Account, Check: "clock", Status: CheckOK}
	out, err := sts.NewFromConfig(e.own()).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return failedCheck(c, refusal("sts:GetCallerIdentity", err))
	}
	theirs, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	ours, ok2 := awsmiddleware.GetResponseAt(out.ResultMetadata)
	if !ok || !ok2 {
		c.Status, c.Detail = CheckSkipped, "the answer carries no Date"
		return c
	}
	skew := ours.Sub(theirs).Abs().Truncate(time.Second)
	c.Detail = fmt.Sprintf("within %s of AWS", max(skew, time.Second))
	if skew > skewWorthAWord {
		c.Status, c.Detail, c.Fix = CheckWarn, fmt.Sprintf("%s off", skew), "set this machine's clock (NTP); AWS refuses signatures 5 minutes off, and dates in the evidence come from it"
	}
	if skew > skewRefused {
		c.Status = CheckFailed
	}
	return c
}

func (e *Estate) checkOrganization(r *roster) DoctorCheck {
	c := DoctorCheck{Role: RoleOwn, Account: e.who.Account, Check: callListAccounts, Status: CheckOK}
	switch {
	case r.gap != nil:
		return failedCheck(c, *r.gap)
	case r.organization == "" && r.members == nil:
		c.Status, c.Detail = CheckWarn, fmt.Sprintf("no organization; %d account(s) from %s", len(r.accounts), r.from)
	default:
		c.Detail = fmt.Sprintf("%s: %d accounts to enter, %d excluded", r.organization, len(r.accounts), len(r.excluded))
	}
	return c
}

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
	regions, from, err := e.regions(ctx, a.ID)
	if err != nil {
		return []DoctorCheck{failedCheck(c, refusal(callListRegions, err))}, keyrotor.Place{}, ""
	}
	c.Check, c.Detail = from, fmt.Sprintf("%d Regions", len(regions))
	checks := []DoctorCheck{c}
	at := keyrotor.Place{Account: a.ID, Region: e.firstOf(regions)}
	client := e.kms(at.Account, at.Region, RoleScan)
	base := DoctorCheck{Account: a.ID, Region: at.Region, Role: RoleScan}
	_, err = client.ListAliases(ctx, &kms.ListAliasesInput{Limit: awssdk.Int32(1)})
	checks = append(checks, checked(base, "kms:ListAliases", err))
	listed, err := client.ListKeys(ctx, &kms.ListKeysInput{Limit: awssdk.Int32(listAliasesLimit)})
	checks = append(checks, checked(base, "kms:ListKeys", err))
	if err != nil {
		return checks, at, ""
	}
	id, check := sampleKey(ctx, client, base, listed)
	checks = append(checks, check)
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

// sampleKey finds a customer managed key that every reading call fits.
func sampleKey(ctx context.Context, client *kms.Client, base DoctorCheck, listed *kms.ListKeysOutput) (string, DoctorCheck) {
	c := base
	c.Check, c.Status, c.Detail = "kms:DescribeKey", CheckSkipped, "no symmetric customer managed key here to try it on"
	for _, key := range listed.Keys {
		out, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: key.KeyId})
		if err != nil {
			c = checked(base, "kms:DescribeKey", err)
			continue // one key's policy may refuse where the role may read others
		}
		k := reading{asset: keyrotor.Asset{KMS: &keyrotor.KMSFacts{}}}
		k.describe(out.KeyMetadata)
		if !k.asset.KMS.AWSManaged() && tellsRotation(k.asset.KMS) {
			return k.asset.ID, checked(base, "kms:DescribeKey", nil)
		}
	}
	return "", c
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

func checked(c DoctorCheck, call string, err error) DoctorCheck {
	c.Check, c.Status, c.Detail = call, CheckOK, ""
	if err == nil || notForThisKey(err) {
		return c
	}
	return failedCheck(c, refusal(call, err))
}

func failedCheck(c DoctorCheck, g keyrotor.Gap) DoctorCheck {
	c.Status, c.Detail = CheckFailed, g.Code+": "+g.Message
	if g.Cause == keyrotor.CauseNoRole {
		c.Status = CheckWarn
	}
	c.Fix = remedy(g)
	return c
}

// remedy is what to mend, by cause.
func remedy(g keyrotor.Gap) string {
	switch g.Cause {
	case keyrotor.CauseTrust:
		return "deploy the roles (keyrotor iam-policy --format cloudformation), or correct their name, trust or external id"
	case keyrotor.CauseNoRole:
		return "make the roles in this account with a stack of its own, run keyrotor there, or approve the gap (expected_gaps)"
	case keyrotor.CauseSCP:
		return "a service control policy denies " + g.Call + ": exempt keyrotor's roles, or approve the gap (expected_gaps)"
	case keyrotor.CauseKeyPolicy:
		return "the key's policy does not let the role in: its administrators must allow the account's root or the role"
	case keyrotor.CauseIAM:
		return "allow " + g.Call + " (keyrotor iam-policy prints what is needed)"
	case keyrotor.CauseRegionOff:
		return "the Region is not enabled in this account: leave it out of the configured Regions"
	case keyrotor.CauseThrottled:
		return "others use up the request quota of this account; try later or raise the quota"
	case keyrotor.CauseNetwork:
		return "no answer: check network, proxy, VPC endpoint and AWS_ENDPOINT_URL"
	case keyrotor.CauseOther:
	}
	return ""
}
