package sandbox

import (
	"net/http"
	"slices"
	"strconv"

	api "github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/account/types"
)

// accountOperations are the calls of Account that a walk makes.
func accountOperations() map[string]operation {
	return map[string]operation{"ListRegions": op(listRegions)}
}

func listRegions(c *call, in *api.ListRegionsInput) (*api.ListRegionsOutput, error) {
	size, from, err := regionsPage(in)
	if err != nil {
		return nil, err
	}
	whose, err := c.s.regionsOf(c, deref(in.AccountId))
	if err != nil {
		return nil, err
	}
	var all []types.Region
	for _, r := range c.s.regionStatuses(whose) {
		if len(in.RegionOptStatusContains) == 0 || slices.Contains(in.RegionOptStatusContains, r.RegionOptStatus) {
			all = append(all, r)
		}
	}
	if from > len(all) {
		return nil, errf("ValidationException", "Invalid NextToken")
	}
	to := min(from+size, len(all))
	out := &api.ListRegionsOutput{Regions: append([]types.Region{}, all[from:to]...)}
	if to < len(all) {
		out.NextToken = new(strconv.Itoa(to))
	}
	return out, nil
}

func regionsPage(in *api.ListRegionsInput) (size, from int, _ error) {
	size = 50
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	if size < 1 || size > 50 {
		return 0, 0, errf("ValidationException", "MaxResults must be between 1 and 50")
	}
	if token := deref(in.NextToken); token != "" {
		n, err := strconv.Atoi(token)
		if err != nil || n < 0 {
			return 0, 0, errf("ValidationException", "Invalid NextToken")
		}
		from = n
	}
	return size, from, nil
}

// regionsOf decides whose Regions the caller may see: its own, or those of a
// member when it is the management account and names another than itself.
func (s *Sandbox) regionsOf(c *call, asked string) (string, error) {
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
func (s *Sandbox) regionStatuses(account string) []types.Region {
	m, _ := s.member(account)
	known := slices.Concat(defaultRegions(), optInRegions())
	for _, r := range m.On {
		if !slices.Contains(known, r) {
			known = append(known, r)
		}
	}
	slices.Sort(known)
	out := make([]types.Region, 0, len(known))
	for _, r := range known {
		status := types.RegionOptStatusEnabled
		switch isDefault := slices.Contains(defaultRegions(), r); {
		case len(m.On) > 0 && !slices.Contains(m.On, r), len(m.On) == 0 && !isDefault:
			status = types.RegionOptStatusDisabled
		case isDefault:
			status = types.RegionOptStatusEnabledByDefault
		}
		out = append(out, types.Region{RegionName: new(r), RegionOptStatus: status})
	}
	return out
}
