package aws

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Access says how an account that has no keyrotor role by default is entered.
type Access string

// How our own account and the management account are entered.
const (
	AccessOwn  Access = "own-credentials"
	AccessRole Access = "role"
	AccessGap  Access = "gap" // do not enter; record the gap
)

// Defaults of Config.
const (
	DefaultScanRole       = "keyrotor-scan"
	DefaultApplyRole      = "keyrotor-apply"
	DefaultMaxConcurrency = 32
	defaultCallTimeout    = 30 * time.Second
)

// Config is what the rim needs to know; zero values mean the defaults.
type Config struct {
	// ScanRole and ApplyRole are role names (a path is allowed: "ops/scan") or
	// ARNs in which {account} stands for the account.
	ScanRole, ApplyRole string
	// AssumeFrom is the ARN of a role to take on before all others, such as one
	// of a delegated administrator's account; empty: the credentials of the
	// SDK's default chain. The account of that role is then our own.
	AssumeFrom string
	ExternalID string
	// SessionName is the role session name and carries the run id; what AWS
	// does not allow in it is replaced, and it is cut at 64 characters.
	SessionName    string
	SourceIdentity string
	// Duration of role sessions, an hour by default. That is also the most: a
	// role taken on from a role gets no more, and sessions are renewed.
	Duration time.Duration
	// Own says how our own account is entered, AccessOwn by default; it holds for
	// the management account, too, where that is our own.
	Own Access
	// Management says how a management account that is not our own is entered:
	// AccessRole, the default, or AccessGap. Refused there, it is a gap with
	// cause no-role.
	Management Access

	// HomeRegion is where STS, Organizations and the account service are asked;
	// by default the SDK's Region, else the first of the partition of Regions.
	HomeRegion string
	// Regions limits the scan to these Regions; they also stand in when no call
	// tells which Regions an account has.
	Regions []string
	// Accounts limits the scan to these accounts; they also stand in when
	// Organizations cannot be read.
	Accounts        []string
	ExcludeAccounts []string

	// With names optional facts: last-use, grants.
	With []string
	// OwnerTag is the key of the tag that names an owner, "owner" by default.
	OwnerTag string

	// MaxConcurrency is how many keys are read at once over all places, 32 by
	// default. Each may hold a connection.
	MaxConcurrency int
	// CallTimeout bounds one attempt of one call, 30 s by default.
	CallTimeout time.Duration
	// Quota tells the request quota of a call such as "kms:DescribeKey". The
	// default is the documented one; accounts with raised quotas set their own.
	Quota func(call string) (keyrotor.Quota, bool)
	// Now is the clock, time.Now by default. It dates what is read and is not
	// used for signing.
	Now func() time.Time
}

// What AWS takes as the length of a role session, and what a role that was
// taken on from a role gets at most.
const (
	shortestSession = 15 * time.Minute
	longestSession  = time.Hour
)

// longestRolePath is IAM's bound on a path, and with room for the name behind it.
const longestRolePath = 512 + 64

// mostConcurrency is far beyond what the quotas of KMS let through.
const mostConcurrency = 512

var (
	accountID   = regexp.MustCompile(`^[0-9]{12}$`)
	regionName  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
	notInName   = regexp.MustCompile(`[^\w+=,.@-]`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	sourceIdent = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	rolePath    = regexp.MustCompile(`^([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$`)
	roleARN     = regexp.MustCompile(`^arn:[a-z-]+:iam::([0-9]{12}|\{account\}):role/(.*)$`)
)

// Validate refuses what AWS would refuse, and names the field.
func (c Config) Validate() error { return c.validate() } // of a copy: the defaults are for Open

// validate fills in defaults, too.
func (c *Config) validate() error {
	c.ScanRole = cmp.Or(c.ScanRole, DefaultScanRole)
	c.ApplyRole = cmp.Or(c.ApplyRole, DefaultApplyRole)
	c.Duration = cmp.Or(c.Duration, longestSession)
	c.CallTimeout = cmp.Or(c.CallTimeout, defaultCallTimeout)
	c.MaxConcurrency = cmp.Or(c.MaxConcurrency, DefaultMaxConcurrency)
	c.OwnerTag = cmp.Or(c.OwnerTag, "owner")
	c.SessionName = sessionName(c.SessionName)
	if c.Quota == nil {
		c.Quota = keyrotor.RequestQuota
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return cmp.Or(c.validateRoles(), c.validateScope())
}

func (c *Config) validateRoles() error {
	for _, role := range []struct{ field, value string }{{"scan_role", c.ScanRole}, {"apply_role", c.ApplyRole}} {
		if !isRolePath(role.value) && !isRoleARN(role.value) {
			return fmt.Errorf("%s: %q is neither a role name nor a role ARN with {account}", role.field, role.value)
		}
	}
	switch {
	case c.AssumeFrom != "" && (!isRoleARN(c.AssumeFrom) || strings.Contains(c.AssumeFrom, "{account}")):
		return fmt.Errorf("assume_from: %q is not the ARN of a role (arn:aws:iam::111122223333:role/keyrotor)", c.AssumeFrom)
	case c.ExternalID != "" && (len(c.ExternalID) < 2 || len(c.ExternalID) > 1224 || !externalID.MatchString(c.ExternalID)):
		return errors.New("external_id: not 2 to 1224 of letters, digits and _+=,.@:/-")
	case c.SourceIdentity != "" && !sourceIdent.MatchString(c.SourceIdentity):
		return fmt.Errorf("source_identity: %q is not 2 to 64 of letters, digits and _+=,.@-", c.SourceIdentity)
	case c.Duration < shortestSession || c.Duration > longestSession:
		return fmt.Errorf("session_duration: %s is not between 15m and 1h, the most that a role taken on from a role gets; sessions are renewed by themselves", c.Duration)
	case !slices.Contains([]Access{"", AccessOwn, AccessRole, AccessGap}, c.Own):
		return fmt.Errorf("own_account: %q is none of %s, %s, %s", c.Own, AccessOwn, AccessRole, AccessGap)
	case !slices.Contains([]Access{"", AccessRole, AccessGap}, c.Management):
		return fmt.Errorf("management_account: %q is neither %s nor %s (where it is keyrotor's own account, own_account says how it is entered)", c.Management, AccessRole, AccessGap)
	}
	return nil
}

// isRolePath reports whether it is the name of a role, with its path before it. No
// part of it leads elsewhere: "../scan" is a slip, and the name of no role.
func isRolePath(path string) bool {
	parts := strings.Split(path, "/")
	return rolePath.MatchString(path) && len(path) <= longestRolePath && !slices.Contains(parts, ".") && !slices.Contains(parts, "..")
}

func isRoleARN(arn string) bool {
	found := roleARN.FindStringSubmatch(arn)
	return found != nil && isRolePath(found[2])
}

func (c *Config) validateScope() error {
	for _, id := range slices.Concat(c.Accounts, c.ExcludeAccounts) {
		if !accountID.MatchString(id) {
			return fmt.Errorf("account %q is not twelve digits (quote it in YAML: a leading zero gets lost)", id)
		}
	}
	for _, r := range c.Regions {
		if !regionName.MatchString(r) {
			return fmt.Errorf("regions: %q does not look like a Region (eu-west-1)", r)
		}
		if partitionOf(r) != partitionOf(c.Regions[0]) {
			return fmt.Errorf("regions: %s and %s are of different partitions, which no credentials span: a configuration and a state folder for each", c.Regions[0], r)
		}
	}
	switch {
	case c.HomeRegion != "" && !regionName.MatchString(c.HomeRegion):
		return fmt.Errorf("home_region: %q does not look like a Region (eu-west-1)", c.HomeRegion)
	case c.HomeRegion != "" && len(c.Regions) > 0 && partitionOf(c.HomeRegion) != partitionOf(c.Regions[0]):
		return fmt.Errorf("home_region: %s is of another partition than %s in regions", c.HomeRegion, c.Regions[0])
	case c.MaxConcurrency < 1 || c.MaxConcurrency > mostConcurrency:
		return fmt.Errorf("concurrency: %d is not between 1 and %d", c.MaxConcurrency, mostConcurrency)
	}
	for _, w := range c.With {
		if w != keyrotor.FactLastUse && w != keyrotor.FactGrants {
			return fmt.Errorf("with: %q is neither %s nor %s", w, keyrotor.FactLastUse, keyrotor.FactGrants)
		}
	}
	return nil
}

// sessionName makes a role session name of s: CloudTrail shows it beside every
// call, so the run id in it leads from a trail event back to the run.
func sessionName(s string) string {
	s = notInName.ReplaceAllString(cmp.Or(s, "keyrotor"), "-")
	if len(s) < 2 {
		s = "keyrotor-" + s
	}
	return s[:min(len(s), 64)]
}
