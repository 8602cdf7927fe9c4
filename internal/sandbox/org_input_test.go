package sandbox

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
	tag "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
)

func TestOrganizationsTellWhatIsWrongWithTheInput(t *testing.T) {
	_, url := load(t, "small", Options{})
	c := organizations.NewFromConfig(as(url, Management, "us-east-1"))
	for name, tt := range map[string]struct {
		call func() error
		want orgtypes.InvalidInputExceptionReason
	}{
		"a parent that is no id": {func() error {
			_, err := c.ListAccountsForParent(t.Context(), &organizations.ListAccountsForParentInput{ParentId: new("Root")})
			return err
		}, "INVALID_PATTERN"},
		"an account that is no id": {func() error {
			_, err := c.DescribeAccount(t.Context(), &organizations.DescribeAccountInput{AccountId: new("production")})
			return err
		}, "INVALID_PATTERN"},
		"a page of 21": {func() error {
			_, err := c.ListAccounts(t.Context(), &organizations.ListAccountsInput{MaxResults: new(int32(21))})
			return err
		}, "MAX_VALUE_EXCEEDED"},
		"a page of none": {func() error {
			_, err := c.ListRoots(t.Context(), &organizations.ListRootsInput{MaxResults: new(int32(0))})
			return err
		}, "MIN_VALUE_EXCEEDED"},
		"a token that nobody gave": {func() error {
			_, err := c.ListRoots(t.Context(), &organizations.ListRootsInput{NextToken: new("x")})
			return err
		}, "INVALID_NEXT_TOKEN"},
	} {
		var e *orgtypes.InvalidInputException
		if err := tt.call(); !errors.As(err, &e) || e.Reason != tt.want {
			t.Errorf("%s: got %v, want InvalidInputException for %s", name, err, tt.want)
		}
	}
	_, err := c.ListAccountsForParent(t.Context(), &organizations.ListAccountsForParentInput{ParentId: new("ou-abcd-12345678")})
	if got := codeOf(err); got != "ParentNotFoundException" {
		t.Errorf("a parent that is not there: got %q, want ParentNotFoundException", got)
	}
}

func TestPaginationTokensOfTaggingAreGoodForAQuarterOfAnHour(t *testing.T) {
	s, url := load(t, "demo", Options{})
	c := tag.NewFromConfig(as(url, "641250388507", "us-east-1"))
	page := func(token *string) (*tag.GetResourcesOutput, string) {
		t.Helper()
		out, err := c.GetResources(t.Context(), &tag.GetResourcesInput{ResourcesPerPage: new(int32(5)), PaginationToken: token})
		return out, codeOf(err)
	}
	first, failed := page(nil)
	if failed != "" || *first.PaginationToken == "" {
		t.Fatalf("first page: %q", failed)
	}
	second, failed := page(first.PaginationToken)
	if failed != "" || *second.ResourceTagMappingList[0].ResourceARN <= *first.ResourceTagMappingList[4].ResourceARN {
		t.Errorf("second page: %q, or it does not go on", failed)
	}
	for _, bad := range []string{"x", base64.StdEncoding.EncodeToString([]byte("sandbox 1 x")), arnID(*first.ResourceTagMappingList[0].ResourceARN)} {
		if _, got := page(&bad); got != "InvalidParameterException" {
			t.Errorf("token %q: got %q, want InvalidParameterException", bad, got)
		}
	}
	s.clock.Advance(16 * time.Minute)
	if _, got := page(first.PaginationToken); got != "PaginationTokenExpiredException" {
		t.Errorf("a token of 16 minutes: got %q, want PaginationTokenExpiredException", got)
	}
}
