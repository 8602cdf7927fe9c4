package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/account/types"
)

// accountService answers account:ListRegions, a REST call with JSON.
func accountService(s *Sandbox, w http.ResponseWriter, _ *http.Request, c *call, body []byte) {
	if c.Operation != "ListRegions" {
		c.fail(w, &apiError{Code: "UnknownOperationException", Status: http.StatusNotFound})
		return
	}
	out, err := s.listRegions(c, body)
	if err != nil {
		c.fail(w, err)
		return
	}
	answer, _ := json.Marshal(out) // texts only, cannot fail
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

type listRegionsInput struct {
	AccountID  string `json:"AccountId"`
	MaxResults *int
	NextToken  string
	Statuses   []types.RegionOptStatus `json:"RegionOptStatusContains"`
}

type listRegionsOutput struct {
	NextToken string `json:",omitempty"`
	Regions   []regionStatus
}

type regionStatus struct {
	RegionName      string
	RegionOptStatus types.RegionOptStatus
}

func (s *Sandbox) listRegions(c *call, body []byte) (*listRegionsOutput, *apiError) {
	in := listRegionsInput{}
	if err := json.Unmarshal(body, &in); err != nil && len(body) > 0 {
		return nil, errf("ValidationException", "the request is not JSON")
	}
	size, from, err := in.page()
	if err != nil {
		return nil, err
	}
	account, err := s.regionsOf(c, in.AccountID)
	if err != nil {
		return nil, err
	}
	var all []regionStatus
	for _, r := range s.regionStatuses(account) {
		if len(in.Statuses) == 0 || slices.Contains(in.Statuses, r.RegionOptStatus) {
			all = append(all, r)
		}
	}
	if from > len(all) {
		return nil, errf("ValidationException", "Invalid NextToken")
	}
	to := min(from+size, len(all))
	out := &listRegionsOutput{Regions: append([]regionStatus{}, all[from:to]...)}
	if to < len(all) {
		out.NextToken = strconv.Itoa(to)
	}
	return out, nil
}

func (in *listRegionsInput) page() (size, from int, _ *apiError) {
	size = 50
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if size < 1 || size > 50 {
		return 0, 0, errf("ValidationException", "MaxResults must be between 1 and 50")
	}
	if in.NextToken != "" {
		n, err := strconv.Atoi(in.NextToken)
		if err != nil || n < 0 {
			return 0, 0, errf("ValidationException", "Invalid NextToken")
		}
		from = n
	}
	return size, from, nil
}

// regionsOf decides whose Regions the caller may see: its own, or those of a
// member when it is the management account and names another than itself.
func (s *Sandbox) regionsOf(c *call, asked string) (string, *apiError) {
	if asked == "" {
		return c.Account, nil
	}
	w, in := s.organization(c.Account)
	_, member := s.member(asked)
	manages := in && (c.Account == w.Management || slices.Contains(w.Delegated, c.Account))
	if !manages || !member || w.NoTrustedAccess {
		return "", &apiError{
			Code: "AccessDeniedException", Status: http.StatusForbidden,
			Message: "User: " + c.Principal + " is not authorized to perform: account:ListRegions (Your organization must first enable trusted access with AWS Account Management.)",
		}
	}
	if asked == w.Management {
		return "", &apiError{
			Code: "AccessDeniedException", Status: http.StatusForbidden,
			Message: "User: " + c.Principal + " is not authorized to perform: account:ListRegions (The management account can only be managed using the standalone context from the management account.)",
		}
	}
	return asked, nil
}

// regionStatuses lists every Region and how it stands in an account.
func (s *Sandbox) regionStatuses(account string) []regionStatus {
	m, _ := s.member(account)
	known := slices.Concat(defaultRegions(), optInRegions())
	for _, r := range m.On {
		if !slices.Contains(known, r) {
			known = append(known, r)
		}
	}
	slices.Sort(known)
	out := make([]regionStatus, 0, len(known))
	for _, r := range known {
		status := types.RegionOptStatusEnabled
		switch isDefault := slices.Contains(defaultRegions(), r); {
		case len(m.On) > 0 && !slices.Contains(m.On, r), len(m.On) == 0 && !isDefault:
			status = types.RegionOptStatusDisabled
		case isDefault:
			status = types.RegionOptStatusEnabledByDefault
		}
		out = append(out, regionStatus{r, status})
	}
	return out
}
