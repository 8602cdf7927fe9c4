package sandbox

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
)

// orgOperations are the calls of Organizations that a walk makes.
func orgOperations() map[string]operation {
	return map[string]operation{
		"DescribeOrganization":             op(describeOrganization),
		"DescribeAccount":                  op(describeAccount),
		"ListAccounts":                     op(listAccounts),
		"ListAccountsForParent":            op(listAccountsForParent),
		"ListRoots":                        op(listRoots),
		"ListOrganizationalUnitsForParent": op(listUnits),
	}
}

// orgOf returns the caller's organization, and refuses members: all calls but
// DescribeOrganization are for the management account and delegated ones.
func orgOf(c *call, membersToo bool) (WorldSpec, error) {
	w, in := c.s.organization(c.Account)
	switch {
	case !in:
		return w, errf("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
	case membersToo || c.Account == w.Management || slices.Contains(w.Delegated, c.Account):
		return w, nil
	}
	return w, errf("AccessDeniedException", "You don't have permissions to access this resource.")
}

func describeOrganization(c *call, _ *organizations.DescribeOrganizationInput) (*organizations.DescribeOrganizationOutput, error) {
	w, err := orgOf(c, true)
	if err != nil {
		return nil, err
	}
	arn := "arn:" + c.Partition + ":organizations::" + w.Management + ":"
	return &organizations.DescribeOrganizationOutput{Organization: &types.Organization{
		Id:                 new(w.Organization),
		Arn:                new(arn + "organization/" + w.Organization),
		FeatureSet:         types.OrganizationFeatureSetAll,
		MasterAccountArn:   new(arn + "account/" + w.Organization + "/" + w.Management),
		MasterAccountId:    new(w.Management),
		MasterAccountEmail: new(emailOf(c.s.members[w.Management])),
		AvailablePolicyTypes: []types.PolicyTypeSummary{
			{Type: types.PolicyTypeServiceControlPolicy, Status: types.PolicyTypeStatusEnabled},
		},
	}}, nil
}

func describeAccount(c *call, in *organizations.DescribeAccountInput) (*organizations.DescribeAccountOutput, error) {
	w, err := orgOf(c, false)
	if err != nil {
		return nil, err
	}
	switch {
	case in.AccountId == nil:
		return nil, invalidInput(types.InvalidInputExceptionReasonInputRequired)
	case !isAccountID(*in.AccountId):
		return nil, invalidInput(types.InvalidInputExceptionReasonInvalidPattern)
	}
	a, ok := c.s.member(*in.AccountId)
	if !ok {
		return nil, errf("AccountNotFoundException", "You specified an account that doesn't exist.")
	}
	entry := accountEntry(c, w, a)
	return &organizations.DescribeAccountOutput{Account: &entry}, nil
}

func listAccounts(c *call, in *organizations.ListAccountsInput) (*organizations.ListAccountsOutput, error) {
	w, err := orgOf(c, false)
	if err != nil {
		return nil, err
	}
	accounts, next, err := orgPage(w.Accounts, in.MaxResults, in.NextToken, 20)
	if err != nil {
		return nil, err
	}
	return &organizations.ListAccountsOutput{Accounts: entries(c, w, accounts), NextToken: next}, nil
}

func listAccountsForParent(c *call, in *organizations.ListAccountsForParentInput) (*organizations.ListAccountsForParentOutput, error) {
	w, err := orgOf(c, false)
	if err != nil {
		return nil, err
	}
	parent, err := w.unit(in.ParentId)
	if err != nil {
		return nil, err
	}
	children := slices.DeleteFunc(slices.Clone(w.Accounts), func(a AccountSpec) bool { return a.OU != parent })
	accounts, next, err := orgPage(children, in.MaxResults, in.NextToken, 20)
	if err != nil {
		return nil, err
	}
	return &organizations.ListAccountsForParentOutput{Accounts: entries(c, w, accounts), NextToken: next}, nil
}

func listRoots(c *call, in *organizations.ListRootsInput) (*organizations.ListRootsOutput, error) {
	w, err := orgOf(c, false)
	if err != nil {
		return nil, err
	}
	id := w.rootID()
	roots, next, err := orgPage([]types.Root{{
		Id: &id, Name: new("Root"),
		Arn: new("arn:" + c.Partition + ":organizations::" + w.Management + ":root/" + w.Organization + "/" + id),
		PolicyTypes: []types.PolicyTypeSummary{
			{Type: types.PolicyTypeServiceControlPolicy, Status: types.PolicyTypeStatusEnabled},
		},
	}}, in.MaxResults, in.NextToken, 20)
	if err != nil {
		return nil, err
	}
	return &organizations.ListRootsOutput{Roots: roots, NextToken: next}, nil
}

func listUnits(c *call, in *organizations.ListOrganizationalUnitsForParentInput) (*organizations.ListOrganizationalUnitsForParentOutput, error) {
	w, err := orgOf(c, false)
	if err != nil {
		return nil, err
	}
	parent, err := w.unit(in.ParentId)
	if err != nil {
		return nil, err
	}
	var units []types.OrganizationalUnit
	for _, path := range w.units() {
		above, name := "", path
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			above, name = path[:i], path[i+1:]
		}
		if above == parent {
			units = append(units, types.OrganizationalUnit{
				Id: new(w.ouID(path)), Name: new(name),
				Arn: new("arn:" + c.Partition + ":organizations::" + w.Management + ":ou/" + w.Organization + "/" + w.ouID(path)),
			})
		}
	}
	units, next, err := orgPage(units, in.MaxResults, in.NextToken, 20)
	if err != nil {
		return nil, err
	}
	return &organizations.ListOrganizationalUnitsForParentOutput{OrganizationalUnits: units, NextToken: next}, nil
}

// parentPattern is the one of ParentId in the service's model.
var parentPattern = regexp.MustCompile(`^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$`)

// invalidInput tells by its reason what is wrong.
func invalidInput(reason types.InvalidInputExceptionReason) error {
	e := errf("InvalidInputException", "You specified an invalid value.")
	e.Reason = string(reason)
	return e
}

// unit turns a root or unit id into the unit's path of names, "" for the root.
func (w WorldSpec) unit(id *string) (string, error) {
	switch {
	case id == nil:
		return "", invalidInput(types.InvalidInputExceptionReasonInputRequired)
	case !parentPattern.MatchString(*id):
		return "", invalidInput(types.InvalidInputExceptionReasonInvalidPattern)
	case *id == w.rootID():
		return "", nil
	}
	for _, path := range w.units() {
		if w.ouID(path) == *id {
			return path, nil
		}
	}
	return "", errf("ParentNotFoundException", "You specified parent that doesn't exist.")
}

func entries(c *call, w WorldSpec, accounts []AccountSpec) []types.Account {
	out := make([]types.Account, 0, len(accounts))
	for _, a := range accounts {
		out = append(out, accountEntry(c, w, a))
	}
	return out
}

func accountEntry(c *call, w WorldSpec, a AccountSpec) types.Account {
	method := types.AccountJoinedMethodCreated
	if a.ID == w.Management {
		method = types.AccountJoinedMethodInvited
	}
	return types.Account{
		Id:              new(a.ID),
		Arn:             new("arn:" + c.Partition + ":organizations::" + w.Management + ":account/" + w.Organization + "/" + a.ID),
		Email:           new(emailOf(a)),
		Name:            new(a.Name),
		JoinedMethod:    method,
		JoinedTimestamp: new(c.s.started.Add(-time.Duration(a.Since) * day)),
		// A path ends with the account, as the pattern in the service's model has it.
		Paths:  []string{w.ouPath(a.OU) + a.ID + "/"},
		State:  types.AccountState(a.state()),
		Status: statusOf(a.state()),
	}
}

// statusOf is the older word for a state; two of the newer ones have none.
func statusOf(state string) types.AccountStatus {
	switch state {
	case "ACTIVE", "SUSPENDED", "PENDING_CLOSURE":
		return types.AccountStatus(state)
	case "CLOSED":
		return types.AccountStatusSuspended
	}
	return ""
}

func emailOf(a AccountSpec) string { return "aws+" + a.ID + "@example.com" }

// orgPage cuts one page out of a list. After the first page comes an empty one
// with a token, as Organizations may send at any time: a client that stops at an
// empty page sees part of the organization only.
func orgPage[T any](all []T, size *int32, token *string, largest int32) ([]T, *string, error) {
	n := largest
	if size != nil {
		switch n = *size; {
		case n < 1:
			return nil, nil, invalidInput(types.InvalidInputExceptionReasonMinValueExceeded)
		case n > largest:
			return nil, nil, invalidInput(types.InvalidInputExceptionReasonMaxValueExceeded)
		}
	}
	from, empty := 0, false
	if token != nil && *token != "" {
		text, isEmpty := strings.CutSuffix(*token, "-empty")
		at, err := strconv.Atoi(strings.TrimPrefix(text, "page-"))
		if err != nil || at < 0 || at > len(all) {
			return nil, nil, invalidInput(types.InvalidInputExceptionReasonInvalidPaginationToken)
		}
		from, empty = at, isEmpty
	}
	if empty {
		return []T{}, new(fmt.Sprintf("page-%d", from)), nil
	}
	to := min(from+int(n), len(all))
	if to == len(all) {
		return all[from:to], nil, nil
	}
	next := fmt.Sprintf("page-%d", to)
	if from == 0 {
		next += "-empty"
	}
	return all[from:to], &next, nil
}

// worldServices are the services beside KMS.
func worldServices() map[string]service {
	return map[string]service{
		"sts":           stsService,
		"iam":           iamService,
		"organizations": jsonService(orgOperations()),
		"account":       jsonService(accountOperations()),
		"ec2":           ec2Service,
		"tag":           jsonService(map[string]operation{"GetResources": op(getResources)}),
	}
}
