package sandbox

import (
	"strings"
	"testing"

	accountapi "github.com/aws/aws-sdk-go-v2/service/account"
	accounttypes "github.com/aws/aws-sdk-go-v2/service/account/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	tag "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
)

func TestListAccountsPagesWithAnEmptyPageBetween(t *testing.T) {
	_, url := loadSpec(t, manyAccounts(t), Options{})
	client := organizations.NewFromConfig(as(url, Management, "us-east-1"))
	var sizes []int
	seen := map[string]bool{}
	for in := new(organizations.ListAccountsInput); ; {
		out, err := client.ListAccounts(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(out.Accounts))
		for _, a := range out.Accounts {
			seen[*a.Id] = true
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	if len(seen) != 50 || len(sizes) != 4 || sizes[1] != 0 {
		t.Errorf("got %d accounts in pages of %v, want 50 with an empty page", len(seen), sizes)
	}
}

func TestAnAccountHasAPathAndAState(t *testing.T) {
	_, url := load(t, "demo", Options{})
	client := organizations.NewFromConfig(as(url, Management, "us-east-1"))
	out, err := client.DescribeAccount(t.Context(), &organizations.DescribeAccountInput{AccountId: new("641250388507")})
	if err != nil {
		t.Fatal(err)
	}
	a := out.Account
	if len(a.Paths) != 1 || strings.Count(a.Paths[0], "/ou-") != 2 || !strings.HasPrefix(a.Paths[0], "o-acme4demo7/r-") {
		t.Errorf("got paths %v", a.Paths)
	}
	if a.State != types.AccountStateActive || a.Status != types.AccountStatusActive || *a.Name != "payments-prod" {
		t.Errorf("got %s %s %s", a.State, a.Status, *a.Name)
	}
	out, err = client.DescribeAccount(t.Context(), &organizations.DescribeAccountInput{AccountId: new("488923055274")})
	if err != nil || out.Account.State != types.AccountStateSuspended {
		t.Errorf("got %v, %v, want a suspended account", out, err)
	}
}

func TestOrganizationsIsForTheManagementAccount(t *testing.T) {
	_, url := load(t, "small", Options{})
	for caller, want := range map[string]string{
		Management: "", "222222222222": "AccessDeniedException", "999999999999": "AWSOrganizationsNotInUseException",
	} {
		_, err := organizations.NewFromConfig(as(url, caller, "us-east-1")).ListAccounts(t.Context(), &organizations.ListAccountsInput{})
		if got := codeOf(err); got != want {
			t.Errorf("%s: got %q, want %q", caller, got, want)
		}
	}
	out, err := organizations.NewFromConfig(as(url, "222222222222", "us-east-1")).DescribeOrganization(t.Context(), &organizations.DescribeOrganizationInput{})
	if err != nil || *out.Organization.MasterAccountId != Management {
		t.Errorf("a member may describe its organization: got %v, %v", out, err)
	}
}

func TestTheTreeOfUnitsCanBeWalked(t *testing.T) {
	_, url := load(t, "demo", Options{})
	client := organizations.NewFromConfig(as(url, Management, "us-east-1"))
	roots, err := client.ListRoots(t.Context(), &organizations.ListRootsInput{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	var walk func(parent string)
	walk = func(parent string) {
		accounts, err := client.ListAccountsForParent(t.Context(), &organizations.ListAccountsForParentInput{ParentId: &parent})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range accounts.Accounts {
			found[*a.Id] = true
		}
		units, err := client.ListOrganizationalUnitsForParent(t.Context(), &organizations.ListOrganizationalUnitsForParentInput{ParentId: &parent})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range units.OrganizationalUnits {
			walk(*u.Id)
		}
	}
	walk(*roots.Roots[0].Id)
	if len(found) != 13 {
		t.Errorf("got %d accounts by the tree, want 13", len(found))
	}
}

func TestRegionsOfAMember(t *testing.T) {
	s, url := load(t, "small", Options{})
	enabled := []accounttypes.RegionOptStatus{accounttypes.RegionOptStatusEnabled, accounttypes.RegionOptStatusEnabledByDefault}
	client := accountapi.NewFromConfig(as(url, Management, "us-east-1"))
	out, err := client.ListRegions(t.Context(), &accountapi.ListRegionsInput{AccountId: new("222222222222"), RegionOptStatusContains: enabled})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Regions) != 2 {
		t.Errorf("got %d Regions, want 2", len(out.Regions))
	}
	all := 0
	for p := accountapi.NewListRegionsPaginator(client, &accountapi.ListRegionsInput{MaxResults: new(int32(7))}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all += len(page.Regions)
	}
	if want := len(defaultRegions()) + len(optInRegions()); all != want {
		t.Errorf("got %d Regions over all pages, want %d", all, want)
	}
	for caller, asked := range map[string]string{"222222222222": "333333333333", Management: Management} {
		_, err := accountapi.NewFromConfig(as(url, caller, "us-east-1")).ListRegions(t.Context(), &accountapi.ListRegionsInput{AccountId: &asked})
		if got := codeOf(err); got != "AccessDeniedException" {
			t.Errorf("%s asks for %s: got %q", caller, asked, got)
		}
	}
	s.world.NoTrustedAccess = true
	_, err = client.ListRegions(t.Context(), &accountapi.ListRegionsInput{AccountId: new("222222222222")})
	if got := codeOf(err); got != "AccessDeniedException" {
		t.Errorf("without trusted access: got %q", got)
	}
}

func TestDescribeRegions(t *testing.T) {
	_, url := load(t, "small", Options{})
	out, err := ec2.NewFromConfig(as(url, "222222222222", "us-east-1")).DescribeRegions(t.Context(), &ec2.DescribeRegionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Regions) != 2 || *out.Regions[0].OptInStatus != "opt-in-not-required" {
		t.Errorf("got %d Regions", len(out.Regions))
	}
}

func TestTaggingFindsKeysByTagOverPages(t *testing.T) {
	_, url := load(t, "demo", Options{})
	client := tag.NewFromConfig(as(url, "641250388507", "us-east-1"))
	count := func(filters ...tagtypes.TagFilter) int {
		t.Helper()
		n := 0
		in := &tag.GetResourcesInput{ResourceTypeFilters: []string{"kms:key"}, TagFilters: filters, ResourcesPerPage: new(int32(7))}
		for p := tag.NewGetResourcesPaginator(client, in); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			n += len(out.ResourceTagMappingList)
		}
		return n
	}
	all := count()
	prod := count(tagtypes.TagFilter{Key: new("env"), Values: []string{"prod"}})
	teams := count(tagtypes.TagFilter{Key: new("owner")}, tagtypes.TagFilter{Key: new("env")})
	if all < 50 || prod == 0 || prod >= all || teams == 0 || teams >= prod {
		t.Errorf("got %d keys with tags, %d of prod, %d with owner and env", all, prod, teams)
	}
	if n := count(tagtypes.TagFilter{Key: new("env"), Values: []string{"nowhere"}}); n != 0 {
		t.Errorf("got %d keys of an environment that is not there", n)
	}
}
