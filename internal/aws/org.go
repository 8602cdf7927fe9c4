package aws

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/keyrotor/keyrotor"
)

// roster is the accounts to enter, and how they are known.
type roster struct {
	accounts     []keyrotor.Account
	inactive     map[string]int
	excluded     []string
	organization string
	management   string
	// members are all accounts of the organization in whatever state; nil when
	// the organization could not be read.
	members map[string]bool
	from    string
	gap     *keyrotor.Gap
	// undescribed is the refusal to say which organization this is and who manages
	// it, where its accounts could be listed all the same.
	undescribed *keyrotor.Gap
	// unmanaged is that refusal, be the accounts listed or not: nil where the
	// management account is known, and where there is none.
	unmanaged *keyrotor.Gap
	// instead are refusals that cost nothing: the configuration had the answer.
	instead []keyrotor.Fallback
	// doubts are about accounts that the organization lists in two ways.
	doubts []keyrotor.Gap
}

const (
	activeState       = "ACTIVE"
	callListAccounts  = "organizations:ListAccounts"
	callOrganization  = "organizations:DescribeOrganization"
	fromConfig        = "config"
	fromOwn           = "sts:GetCallerIdentity"
	codeNoOrg         = "AWSOrganizationsNotInUseException"
	onlyListedSupport = " (only the management account and delegated administrators may list accounts; name the accounts in the configuration to scan without the organization)"
)

// loadRoster reads the organization once; later calls get the same answer. A
// refusal is an answer, too; a cancelled context is none.
func (e *Estate) loadRoster(ctx context.Context) (*roster, error) {
	e.rosterMu.Lock()
	defer e.rosterMu.Unlock()
	if e.roster != nil {
		return e.roster, nil
	}
	r, err := e.readOrganization(ctx)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("list the accounts: %w", ctx.Err())
	}
	if err != nil {
		r = e.rosterWithoutOrganization(err, r)
	}
	e.mu.Lock()
	e.roster = r
	e.mu.Unlock()
	return r, nil
}

// knownManagement is the management account once the organization was read.
func (e *Estate) knownManagement() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.roster == nil {
		return ""
	}
	return e.roster.management
}

// readOrganization lists the accounts. With an error the roster holds no more than
// the management account, or the refusal to name it.
func (e *Estate) readOrganization(ctx context.Context) (*roster, error) {
	client := organizations.NewFromConfig(e.own())
	r := &roster{members: make(map[string]bool), from: callListAccounts}
	described, err := client.DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
	switch {
	case errorCode(err) == codeNoOrg:
		return r, err
	case err == nil && described.Organization != nil:
		r.organization = awssdk.ToString(described.Organization.Id)
		r.management = awssdk.ToString(described.Organization.MasterAccountId)
	default:
		r.unmanaged = e.undescribed(cmp.Or(err, error(&unbelievable{codeIncomplete, "the answer describes no organization"})))
		r.undescribed = r.unmanaged
	}
	// Pages may be empty and still have a successor: only the token ends it.
	pages := organizations.NewListAccountsPaginator(client, &organizations.ListAccountsInput{})
	var listed []keyrotor.Account
	err = eachPage(ctx, pages, mostAccountPages, func(page *organizations.ListAccountsOutput) (*string, error) {
		for _, a := range page.Accounts {
			listed = append(listed, listedAccount(a))
		}
		return page.NextToken, nil
	})
	if err != nil {
		return r, err
	}
	for _, account := range r.once(listed) {
		e.enroll(r, account)
	}
	if !r.members[e.who.Account] {
		// Some endpoints answer a member's question with an empty list instead
		// of a refusal; an organization that lacks us is not ours.
		return r, fmt.Errorf("%s does not list our own account %s", callListAccounts, e.who.Account)
	}
	e.addConfigured(r)
	slices.SortFunc(r.accounts, func(a, b keyrotor.Account) int { return cmp.Compare(a.ID, b.ID) })
	slices.Sort(r.excluded)
	return r, nil
}

// undescribed is the gap where the organization may be listed and not described.
func (e *Estate) undescribed(err error) *keyrotor.Gap {
	gap := refusal(callOrganization, err)
	gap.Account = e.who.Account
	like := "that one is entered and planned for like any other"
	if e.cfg.Management == AccessGap {
		like = "that one is read like any other, and none but our own is changed"
	}
	gap.Message += " (so it is not known which organization this is, nor which account manages it: " + like + ")"
	return &gap
}

func listedAccount(a orgtypes.Account) keyrotor.Account {
	account := keyrotor.Account{
		ID:    awssdk.ToString(a.Id),
		Name:  awssdk.ToString(a.Name),
		State: cmp.Or(string(a.State), string(a.Status)),
	}
	if len(a.Paths) > 0 {
		// A path ends with the account itself; the rest is where it hangs.
		account.OU = strings.TrimSuffix(a.Paths[0], account.ID+"/")
	}
	return account
}

// once leaves each account in the list once: the listing may move under the
// pages. Of two that differ the active one stays, for to read too much is the
// smaller mistake, and that they differ is a gap.
func (r *roster) once(listed []keyrotor.Account) []keyrotor.Account {
	at := make(map[string]int, len(listed))
	var accounts []keyrotor.Account
	for _, account := range listed {
		i, twice := at[account.ID]
		if !twice {
			at[account.ID] = len(accounts)
			accounts = append(accounts, account)
			continue
		}
		if account == accounts[i] {
			continue
		}
		r.doubts = append(r.doubts, keyrotor.Gap{
			Account: account.ID, Call: callListAccounts, Code: codeContradictory, Cause: keyrotor.CauseOther,
			Message: fmt.Sprintf("account %s is listed twice, as %s and as %s; it is counted once", account.ID, described(accounts[i]), described(account)),
		})
		if accounts[i].State != activeState {
			accounts[i] = account
		}
	}
	return accounts
}

func described(a keyrotor.Account) string {
	return fmt.Sprintf("%q (%s, %s)", a.Name, cmp.Or(a.State, "no state"), cmp.Or(a.OU, "no path"))
}

// enroll sorts one account of the organization: to enter, excluded, inactive.
func (e *Estate) enroll(r *roster, account keyrotor.Account) {
	account.Management = account.ID == r.management
	account.Own = account.ID == e.who.Account
	r.members[account.ID] = true
	switch {
	case account.State != activeState:
		if r.inactive == nil {
			r.inactive = make(map[string]int)
		}
		r.inactive[cmp.Or(account.State, "unknown")]++
	case e.excludes(account.ID):
		r.excluded = append(r.excluded, account.ID)
	default:
		r.accounts = append(r.accounts, account)
	}
}

func (e *Estate) excludes(account string) bool {
	if slices.Contains(e.cfg.ExcludeAccounts, account) {
		return true
	}
	return len(e.cfg.Accounts) > 0 && !slices.Contains(e.cfg.Accounts, account)
}

// addConfigured adds accounts that the configuration names and the
// organization does not know.
func (e *Estate) addConfigured(r *roster) {
	if len(e.cfg.Accounts) == 0 {
		return
	}
	r.from = fromConfig + " and " + callListAccounts
	for _, id := range distinct(e.cfg.Accounts) {
		if !r.members[id] && !slices.Contains(e.cfg.ExcludeAccounts, id) {
			r.accounts = append(r.accounts, keyrotor.Account{ID: id, Own: id == e.who.Account})
		}
	}
}

// rosterWithoutOrganization is the configured accounts, else our own. That the
// organization could not be read is a gap, unless there is none or the
// configuration made the question moot, which is noted.
func (e *Estate) rosterWithoutOrganization(err error, told *roster) *roster {
	ids, from := e.cfg.Accounts, fromConfig
	if len(ids) == 0 {
		ids, from = []string{e.who.Account}, fromOwn
	}
	r := &roster{from: from, management: told.management, unmanaged: told.unmanaged}
	for _, id := range distinct(ids) {
		if slices.Contains(e.cfg.ExcludeAccounts, id) {
			r.excluded = append(r.excluded, id)
			continue
		}
		r.accounts = append(r.accounts, keyrotor.Account{ID: id, Own: id == e.who.Account, Management: id == r.management})
	}
	if errorCode(err) == codeNoOrg {
		return r
	}
	gap := refusal(callListAccounts, err)
	if from == fromConfig {
		r.instead = append(r.instead, keyrotor.Fallback{Call: gap.Call, Code: gap.Code, Instead: from})
		if r.unmanaged != nil {
			r.instead = append(r.instead, keyrotor.Fallback{Call: r.unmanaged.Call, Code: r.unmanaged.Code, Instead: from})
		}
		return r
	}
	gap.Account = e.who.Account
	gap.Message += onlyListedSupport
	if r.unmanaged != nil {
		gap.Message += "; " + r.unmanaged.Call + ": " + r.unmanaged.Code
	}
	r.gap = &gap
	return r
}

// distinct is the list sorted, with each entry once.
func distinct(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
