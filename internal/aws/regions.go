package aws

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	accounttypes "github.com/aws/aws-sdk-go-v2/service/account/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/keyrotor/keyrotor"
)

const (
	callListRegions     = "account:ListRegions"
	callDescribeRegions = "ec2:DescribeRegions"
)

// regions are the Regions of an account, who told, and who had refused to.
type regions struct {
	names   []string
	from    string
	refused []keyrotor.Gap // in the order in which they were asked
}

// regions asks the account service, else EC2, else the configuration. Both calls
// are made inside the account with the scan role, which needs no trusted access
// for account management. Where nobody tells, there is a gap that names them all.
func (e *Estate) regions(ctx context.Context, accountID string) (regions, *keyrotor.Gap) {
	cfg := e.session(accountID, e.base.Region, RoleScan)
	var r regions
	for _, source := range []struct {
		call string
		list func(context.Context, awssdk.Config) ([]string, error)
	}{{callListRegions, listRegions}, {callDescribeRegions, describeRegions}} {
		names, err := source.list(ctx, cfg)
		if err == nil && len(names) > 0 {
			r.names, r.from = names, source.call
			return r, nil
		}
		if err == nil {
			err = &unbelievable{codeIncomplete, "the answer names no Region"}
		}
		r.refused = append(r.refused, refusal(source.call, err))
	}
	if len(e.cfg.Regions) > 0 {
		r.names, r.from = distinct(e.cfg.Regions), fromConfig
		return r, nil
	}
	gap := r.refused[0]
	gap.Account = accountID
	for _, too := range r.refused[1:] {
		gap.Message += "; " + too.Call + ": " + too.Code + ": " + too.Message
	}
	return r, &gap
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
