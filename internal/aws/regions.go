package aws

import (
	"cmp"
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	accounttypes "github.com/aws/aws-sdk-go-v2/service/account/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

const (
	callListRegions     = "account:ListRegions"
	callDescribeRegions = "ec2:DescribeRegions"
)

// regions are the Regions of an account and who told: the account service, else
// EC2, else the configuration. Both calls are made inside the account with the
// scan role, which needs no trusted access for account management.
func (e *Estate) regions(ctx context.Context, accountID string) ([]string, string, error) {
	cfg := e.session(accountID, e.base.Region, RoleScan)
	names, err := listRegions(ctx, cfg)
	if err == nil && len(names) > 0 {
		return names, callListRegions, nil
	}
	names, ec2Err := describeRegions(ctx, cfg)
	if ec2Err == nil && len(names) > 0 {
		return names, callDescribeRegions, nil
	}
	if ctx.Err() != nil {
		return nil, "", ctx.Err()
	}
	if len(e.cfg.Regions) > 0 {
		return distinct(e.cfg.Regions), fromConfig, nil
	}
	return nil, "", cmp.Or(ec2Err, err, error(&unbelievable{codeIncomplete, "neither " + callListRegions + " nor " + callDescribeRegions + " names a Region"}))
}

func listRegions(ctx context.Context, cfg awssdk.Config) ([]string, error) {
	pages := account.NewListRegionsPaginator(account.NewFromConfig(cfg), &account.ListRegionsInput{
		MaxResults: awssdk.Int32(50),
		RegionOptStatusContains: []accounttypes.RegionOptStatus{
			accounttypes.RegionOptStatusEnabled, accounttypes.RegionOptStatusEnabledByDefault,
		},
	})
	var names []string
	err := eachPage(ctx, pages, mostRegionPages, func(page *account.ListRegionsOutput) (*string, error) {
		for _, r := range page.Regions {
			names = append(names, awssdk.ToString(r.RegionName))
		}
		return page.NextToken, nil
	})
	return distinct(names), err
}

func describeRegions(ctx context.Context, cfg awssdk.Config) ([]string, error) {
	out, err := ec2.NewFromConfig(cfg).DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range out.Regions {
		if awssdk.ToString(r.OptInStatus) != "not-opted-in" {
			names = append(names, awssdk.ToString(r.RegionName))
		}
	}
	return distinct(names), nil
}
