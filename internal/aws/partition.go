package aws

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// standardPartition is the one whose Regions and ARNs most accounts have.
const standardPartition = "aws"

// partitions are the others, by how the names of their Regions begin, and the
// Region in which their STS is asked when none is named. Each has its own
// Organizations and its own credentials.
func partitions() []struct{ prefix, name, home string } {
	return []struct{ prefix, name, home string }{
		{"cn-", "aws-cn", "cn-north-1"},
		{"us-gov-", "aws-us-gov", "us-gov-west-1"},
		{"us-isob-", "aws-iso-b", "us-isob-east-1"},
		{"us-isof-", "aws-iso-f", "us-isof-south-1"},
		{"us-iso-", "aws-iso", "us-iso-east-1"},
		{"eu-isoe-", "aws-iso-e", "eu-isoe-west-1"},
		{"eusc-", "aws-eusc", "eusc-de-east-1"},
	}
}

// partitionOf is the partition of a Region.
func partitionOf(region string) string {
	for _, p := range partitions() {
		if strings.HasPrefix(region, p.prefix) {
			return p.name
		}
	}
	return standardPartition
}

// firstRegion is where STS is asked when neither the configuration nor the SDK's
// settings name a Region: in the partition of the Regions to read.
func (c *Config) firstRegion() string {
	if len(c.Regions) > 0 {
		for _, p := range partitions() {
			if p.name == partitionOf(c.Regions[0]) {
				return p.home
			}
		}
	}
	return "us-east-1"
}

// Partition is the one that the configuration speaks of, as far as can be told
// without asking AWS: aws, aws-cn, aws-us-gov, ….
func (c Config) Partition() string { return partitionOf(cmp.Or(c.HomeRegion, c.firstRegion())) }

// fits refuses a configuration that speaks of another partition than the
// credentials belong to: every place of it would end as a gap that names a
// missing role or an unknown token, and none of them the reason.
func (c *Config) fits(who Identity) error {
	var what string
	switch {
	case slices.ContainsFunc(c.Regions, func(r string) bool { return partitionOf(r) != who.Partition }):
		what = "regions names " + c.Regions[0]
	case ofAnother(c.ScanRole, who.Partition):
		what = "scan_role is " + c.ScanRole
	case ofAnother(c.ApplyRole, who.Partition):
		what = "apply_role is " + c.ApplyRole
	default:
		return nil
	}
	return &keyrotor.Problem{
		Err:  fmt.Errorf("the credentials (%s) belong to partition %s, and %s", who.ARN, who.Partition, what),
		Now:  nothingDone,
		Next: "give credentials of the partition that the configuration speaks of, or correct it; then the same command",
	}
}

func ofAnother(role, partition string) bool {
	return strings.HasPrefix(role, "arn:") && !strings.HasPrefix(role, "arn:"+partition+":")
}
