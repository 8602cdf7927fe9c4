package aws

import (
	"context"
	"fmt"
	"sync"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/keyrotor/keyrotor"
	"golang.org/x/sync/errgroup"
)

// CheckStatus is how a check of the doctor ended.
type CheckStatus string

// How a check ended. Skipped: there was nothing to try it on. Foreseen: it was
// refused, and the configuration approves of that; the doctor itself does not know.
const (
	CheckOK       CheckStatus = "ok"
	CheckWarn     CheckStatus = "warn"
	CheckFailed   CheckStatus = "failed"
	CheckSkipped  CheckStatus = "skipped"
	CheckForeseen CheckStatus = "foreseen"
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
	// Gap is what a scan would record of a refusal; nil where nothing refused us.
	Gap *keyrotor.Gap `json:"-"`
}

// Diagnosis is what the doctor tried.
type Diagnosis struct {
	Checks []DoctorCheck
	// NotEntered is how many accounts were left out.
	NotEntered int
}

const (
	skewWorthAWord = time.Minute
	skewRefused    = 5 * time.Minute // AWS refuses signatures that are older
	sampleAccounts = 3
)

// Visit says which accounts the doctor enters.
type Visit string

// Which accounts are entered: our own and a few others, or every one.
const (
	VisitSome Visit = "some"
	VisitAll  Visit = "all"
)

// Doctor tries what keyrotor will need and changes nothing: credentials, clock,
// organization, and per account both roles, the Regions, and the reading calls
// on the first customer managed key of the first Region that lets itself be
// described. Whether the apply role may write cannot be tried without writing,
// and is not.
func (e *Estate) Doctor(ctx context.Context, visit Visit) (Diagnosis, error) {
	checks := []DoctorCheck{{Role: RoleOwn, Account: e.who.Account, Check: "credentials", Status: CheckOK, Detail: e.who.ARN}}
	checks = append(checks, e.checkEndpoints()...)
	checks = append(checks, e.checkClock(ctx))
	r, err := e.loadRoster(ctx)
	if err != nil {
		return Diagnosis{Checks: checks}, err
	}
	checks = append(checks, e.checkOrganization(r))
	var mu sync.Mutex
	perAccount := make(map[string][]DoctorCheck)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	accounts := e.patients(r, visit)
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
		return Diagnosis{Checks: checks}, err
	}
	for _, a := range accounts {
		checks = append(checks, perAccount[a.ID]...)
	}
	return Diagnosis{Checks: checks, NotEntered: len(r.accounts) - len(accounts)}, nil
}

// patients are the accounts to enter.
func (e *Estate) patients(r *roster, visit Visit) []keyrotor.Account {
	if visit == VisitAll {
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
	case r.undescribed != nil:
		c.Check = callOrganization
		return failedCheck(c, *r.undescribed)
	case len(r.doubts) > 0:
		c.Status, c.Detail = CheckWarn, r.doubts[0].Message
		c.Fix = "ask again; where it stays so, look at what stands between keyrotor and AWS (proxy, AWS_ENDPOINT_URL)"
	case r.organization == "" && r.members == nil:
		c.Status, c.Detail = CheckWarn, fmt.Sprintf("no organization; %d account(s) from %s", len(r.accounts), r.from)
	default:
		c.Detail = fmt.Sprintf("%s: %d accounts to enter, %d excluded", r.organization, len(r.accounts), len(r.excluded))
	}
	return c
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
	c.Fix = Remedy(g)
	g.Account, g.Region = c.Account, c.Region
	c.Gap = &g
	return c
}

// Remedy is what mends a gap, by its cause; empty where that is not known.
func Remedy(g keyrotor.Gap) string {
	if g.Code == codeNotConfigured {
		return "where it is to be entered, change that setting in a reviewed change; where not, approve the gap (expected_gaps)"
	}
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
