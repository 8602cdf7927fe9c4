package aws

import (
	"cmp"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Access says how an account that has no keyrotor role by default is entered.
type Access string

// How the management account and our own account are entered. The zero value
// is AccessOwn for our own account; for a management account that is not our
// own it is AccessRole, and a refusal there is a gap with cause no-role.
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
	defaultDuration       = time.Hour
	defaultCallTimeout    = 30 * time.Second
)

// Config is what the rim needs to know; zero values mean the defaults.
type Config struct {
	// ScanRole and ApplyRole are role names (a path is allowed: "ops/scan") or
	// ARNs in which {account} stands for the account.
	ScanRole, ApplyRole string
	// AssumeFrom is the ARN of a role to take on before all others, empty for
	// the credentials of the SDK's default chain.
	AssumeFrom string
	ExternalID string
	// SessionName is the role session name and carries the run id; what AWS
	// does not allow in it is replaced, and it is cut at 64 characters.
	SessionName    string
	SourceIdentity string
	// Duration of role sessions, an hour by default, which is also the most
	// that a chained role gets.
	Duration time.Duration
	// Own and Management say how our own and the management account are entered.
	Own, Management Access

	// Partition is "aws", "aws-cn" or "aws-us-gov"; by default that of the
	// caller's ARN.
	Partition string
	// HomeRegion is where STS and global services are asked; by default the
	// SDK's Region, else the first of the partition.
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
	// OwnerTag and EnvTag are tag keys, "owner" and "env" by default.
	OwnerTag, EnvTag string

	// MaxConcurrency is how many keys are read at once over all places.
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

var (
	accountID   = regexp.MustCompile(`^[0-9]{12}$`)
	regionName  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
	notInName   = regexp.MustCompile(`[^\w+=,.@-]`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	sourceIdent = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	rolePath    = regexp.MustCompile(`^[\w+=,.@/-]{1,512}$`)
	roleARN     = regexp.MustCompile(`^arn:[a-z-]+:iam::([0-9]{12}|\{account\}):role/[\w+=,.@/-]{1,512}$`)
)

// validate fills in defaults and refuses what AWS would refuse, naming the field.
func (c *Config) validate() error {
	c.ScanRole = cmp.Or(c.ScanRole, DefaultScanRole)
	c.ApplyRole = cmp.Or(c.ApplyRole, DefaultApplyRole)
	c.Duration = cmp.Or(c.Duration, defaultDuration)
	c.CallTimeout = cmp.Or(c.CallTimeout, defaultCallTimeout)
	c.MaxConcurrency = cmp.Or(max(c.MaxConcurrency, 0), DefaultMaxConcurrency)
	c.OwnerTag = cmp.Or(c.OwnerTag, "owner")
	c.EnvTag = cmp.Or(c.EnvTag, "env")
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
	for field, role := range map[string]string{"scan_role": c.ScanRole, "apply_role": c.ApplyRole} {
		if !rolePath.MatchString(role) && !roleARN.MatchString(role) {
			return fmt.Errorf("aws: %s %q is neither a role name nor a role ARN with {account}", field, role)
		}
	}
	switch {
	case c.AssumeFrom != "" && (!roleARN.MatchString(c.AssumeFrom) || strings.Contains(c.AssumeFrom, "{account}")):
		return fmt.Errorf("aws: assume_from %q is not a role ARN", c.AssumeFrom)
	case c.ExternalID != "" && (len(c.ExternalID) < 2 || len(c.ExternalID) > 1224 || !externalID.MatchString(c.ExternalID)):
		return fmt.Errorf("aws: external_id must be 2 to 1224 of letters, digits and _+=,.@:/-")
	case c.SourceIdentity != "" && !sourceIdent.MatchString(c.SourceIdentity):
		return fmt.Errorf("aws: source_identity %q must be 2 to 64 of letters, digits and _+=,.@-", c.SourceIdentity)
	case c.Duration < 15*time.Minute || c.Duration > 12*time.Hour:
		return fmt.Errorf("aws: session duration %s is not between 15m and 12h", c.Duration)
	}
	for field, a := range map[string]Access{"own": c.Own, "management": c.Management} {
		if !slices.Contains([]Access{"", AccessOwn, AccessRole, AccessGap}, a) {
			return fmt.Errorf("aws: %s %q is none of %s, %s, %s", field, a, AccessOwn, AccessRole, AccessGap)
		}
	}
	return nil
}

func (c *Config) validateScope() error {
	for _, id := range slices.Concat(c.Accounts, c.ExcludeAccounts) {
		if !accountID.MatchString(id) {
			return fmt.Errorf("aws: account %q is not 12 digits (quote it in YAML: a leading zero gets lost)", id)
		}
	}
	for _, r := range c.Regions {
		if !regionName.MatchString(r) {
			return fmt.Errorf("aws: Region %q does not look like one (eu-west-1)", r)
		}
	}
	for _, w := range c.With {
		if w != keyrotor.FactLastUse && w != keyrotor.FactGrants {
			return fmt.Errorf("aws: optional fact %q is neither %s nor %s", w, keyrotor.FactLastUse, keyrotor.FactGrants)
		}
	}
	return nil
}

// LogValue shows what matters of a Config and nothing that grants access.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("scan_role", c.ScanRole), slog.String("apply_role", c.ApplyRole),
		slog.String("session", c.SessionName), slog.Bool("external_id", c.ExternalID != ""),
		slog.Any("regions", c.Regions), slog.Any("accounts", c.Accounts), slog.Any("with", c.With),
	)
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
