package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/aws"
)

// Config is keyrotor.yaml. Every field may be left out; the defaults suit one
// account and the current credentials.
type Config struct {
	Organization OrganizationConfig `yaml:"organization" json:"organization,omitempty" jsonschema_description:"Whose keys: the organization of the current credentials, unless accounts are listed."`
	HomeRegion   string             `yaml:"home_region" json:"home_region,omitempty" jsonschema_description:"Region in which STS, Organizations and the account service are asked; needed in China (cn-north-1) and GovCloud (us-gov-west-1) where the environment names none. Default: the Region of the AWS settings, else the first of the partition of regions."`
	Regions      []string           `yaml:"regions" json:"regions,omitempty" jsonschema_description:"Regions to read; empty: those that each account has enabled."`
	With         []string           `yaml:"with" json:"with,omitempty" jsonschema:"enum=last-use,enum=grants" jsonschema_description:"Optional facts that the service serves slowly (5 calls a second)."`
	Tags         TagsConfig         `yaml:"tags" json:"tags,omitempty" jsonschema_description:"Which tags carry meaning here."`
	Rules        []string           `yaml:"rules" json:"rules,omitempty" jsonschema:"minItems=1,uniqueItems=true" jsonschema_description:"Rule packs: builtin, and files beside this one."`
	Waivers      string             `yaml:"waivers" json:"waivers,omitempty" jsonschema_description:"File of waivers; FILE.sig beside it holds the signature."`
	Cryptoperiod Duration           `yaml:"cryptoperiod" json:"cryptoperiod,omitempty" whole:"24h" jsonschema_description:"How long key material may serve, in whole days: 365d, 8760h."`
	ExpectedGaps []GapConfig        `yaml:"expected_gaps" json:"expected_gaps,omitempty" jsonschema_description:"What may be unreadable without failing the run."`
	Scan         ScanConfig         `yaml:"scan" json:"scan,omitempty"`
	Approval     ApprovalConfig     `yaml:"approval" json:"approval,omitempty"`
	Apply        ApplyConfig        `yaml:"apply" json:"apply,omitempty"`
	State        string             `yaml:"state" json:"state,omitempty" jsonschema_description:"Folder of runs and the ledger; relative to this file."`
	LedgerKey    string             `yaml:"ledger_key" json:"ledger_key,omitempty" jsonschema_description:"Private key that seals the ledger, relative to this file; made at first use. Never in the state folder. Default: in the user's configuration folder; KEYROTOR_LEDGER_KEY overrides both."`
	LedgerKeys   string             `yaml:"ledger_keys" json:"ledger_keys,omitempty" jsonschema_description:"Verifier keys of the colleagues and machines that share this state, one a line as evidence key prints them; relative to this file, never in the state folder. What another key sealed is not built on."`

	dir    string // where relative paths start
	digest keyrotor.Digest
}

// OrganizationConfig says which accounts are read and through which roles.
type OrganizationConfig struct {
	Accounts        []string `yaml:"accounts" json:"accounts,omitempty" jsonschema_description:"Read these accounts instead of asking Organizations."`
	ExcludeAccounts []string `yaml:"exclude_accounts" json:"exclude_accounts,omitempty" jsonschema_description:"Left out, and counted as excluded."`
	ScanRole        string   `yaml:"scan_role" json:"scan_role,omitempty" jsonschema_description:"Role in each account for scan, assess and verify; never has write permission. Default keyrotor-scan."`
	ApplyRole       string   `yaml:"apply_role" json:"apply_role,omitempty" jsonschema_description:"Role in each account for apply alone. Default keyrotor-apply."`
	ExternalID      string   `yaml:"external_id" json:"external_id,omitempty" jsonschema:"maxLength=1224" jsonschema_description:"Shown to the trust policy of every role."`
	AssumeFrom      string   `yaml:"assume_from" json:"assume_from,omitempty" jsonschema_description:"ARN of a role to take on before all others, such as one in the account of a delegated administrator; that account is then keyrotor's own. Default: the current credentials."`
	SessionName     string   `yaml:"session_name" json:"session_name,omitempty" jsonschema:"maxLength=42" jsonschema_description:"Prefix of the session name; the run id follows. Default keyrotor."`
	SessionDuration Duration `yaml:"session_duration" json:"session_duration,omitempty" jsonschema_description:"Length of a role session, 15m to 1h; sessions are renewed by themselves. Default 1h."`
	SourceIdentity  string   `yaml:"source_identity" json:"source_identity,omitempty" jsonschema_description:"Set on every role session, for CloudTrail; the trust policies must allow sts:SetSourceIdentity."`
	OwnAccount      string   `yaml:"own_account" json:"own_account,omitempty" jsonschema:"enum=own-credentials,enum=role,enum=gap" jsonschema_description:"How the account keyrotor runs in is entered: with the current credentials, through the roles, or not at all (a gap). Default own-credentials."`
	Management      string   `yaml:"management_account" json:"management_account,omitempty" jsonschema:"enum=role,enum=gap" jsonschema_description:"How the management account is entered when keyrotor does not run in it: through the roles, which must be made there by hand, or not at all (a gap). Default role."`
}

// ScanConfig bounds what one scan asks at once.
type ScanConfig struct {
	Concurrency int `yaml:"concurrency" json:"concurrency,omitempty" jsonschema:"minimum=1,maximum=512" jsonschema_description:"Keys read at once over all accounts and Regions; each may hold a connection. The quotas of AWS are kept whatever it is. Default 32."`
}

// TagsConfig names the tags that carry meaning.
type TagsConfig struct {
	Owner      string   `yaml:"owner" json:"owner,omitempty" jsonschema_description:"Tag that names an asset's owner. Default owner."`
	Env        string   `yaml:"env" json:"env,omitempty" jsonschema_description:"Tag that names the environment. Default env."`
	Production []string `yaml:"production" json:"production,omitempty" jsonschema_description:"Values of the environment tag that mean production. Default prod, production, prd, live."`
}

// GapConfig is one expected gap.
type GapConfig struct {
	Match    string `yaml:"match" json:"match" jsonschema:"required,minLength=1" cel:"gap" jsonschema_description:"CEL over gap: gap.account == \"…\" && gap.region == \"…\""`
	Reason   string `yaml:"reason" json:"reason" jsonschema:"required,minLength=1"`
	Approver string `yaml:"approver" json:"approver" jsonschema:"required,minLength=1"`
	Until    string `yaml:"until" json:"until" jsonschema:"required,format=date"`
}

// ApprovalConfig says whose signatures a plan needs.
type ApprovalConfig struct {
	Signers          string   `yaml:"signers" json:"signers,omitempty" jsonschema_description:"File in the format of OpenSSH's allowed_signers."`
	Needed           *int     `yaml:"needed" json:"needed,omitempty" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"Persons who must sign. Default 1."`
	AuthorMayApprove bool     `yaml:"author_may_approve" json:"author_may_approve,omitempty"`
	Valid            Duration `yaml:"valid" json:"valid,omitempty" whole:"1h" jsonschema_description:"Longest validity of an approval, in whole hours. Default 168h."`
}

// ApplyConfig bounds what one apply may do.
type ApplyConfig struct {
	Canary        int            `yaml:"canary" json:"canary,omitempty" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"Changes in the first wave. Default 5."`
	StopAfter     int            `yaml:"stop_after" json:"stop_after,omitempty" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"Failures after which an account is left alone, and no more than so many: changes under way count as if they had failed, so that this is also how many of an account are under way at a time, less those that failed. Default 5."`
	StopRunAfter  int            `yaml:"stop_run_after" json:"stop_run_after,omitempty" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"Failures after which the run stops, counted as in stop_after. Default 20."`
	Concurrency   int            `yaml:"concurrency" json:"concurrency,omitempty" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"Changes under way at once. Default 16."`
	Patience      Duration       `yaml:"patience" json:"patience,omitempty" jsonschema_description:"How long a late effect is awaited. Default 2m."`
	MaxPerAccount int            `yaml:"max_per_account" json:"max_per_account,omitempty" jsonschema:"minimum=0,maximum=1000000" jsonschema_description:"Most changes of one plan in one account; more is refused. 0: no limit."`
	MaxPerRun     int            `yaml:"max_per_run" json:"max_per_run,omitempty" jsonschema:"minimum=0,maximum=1000000" jsonschema_description:"Most changes of one plan; more is refused. 0: no limit."`
	Freeze        []FreezeConfig `yaml:"freeze" json:"freeze,omitempty" jsonschema_description:"Windows in which nothing is started."`
}

// FreezeConfig is one change freeze.
type FreezeConfig struct {
	From   time.Time `yaml:"from" json:"from" jsonschema:"required"`
	To     time.Time `yaml:"to" json:"to" jsonschema:"required"`
	Reason string    `yaml:"reason" json:"reason" jsonschema:"required,minLength=1"`
}

// Duration is a Go duration that also knows days: "365d".
type Duration time.Duration

// UnmarshalYAML reads "365d", "36h", "90s".
func (d *Duration) UnmarshalYAML(b []byte) error {
	v, err := parseDuration(strings.Trim(strings.TrimSpace(string(b)), `"'`))
	*d = Duration(v)
	return err
}

func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return 0, fmt.Errorf("%q is no number of days", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 || v > 36500*24*time.Hour {
		return 0, fmt.Errorf("%q is no duration such as 365d, 36h or 90s", s)
	}
	return v, nil
}

// defaultConfigFile is read when it is there and --config is not given.
const defaultConfigFile = "keyrotor.yaml"

// loadConfig reads the file, or the defaults when path is empty and there is
// no keyrotor.yaml here.
func loadConfig(path string) (*Config, error) {
	asked := path != ""
	if !asked {
		path = defaultConfigFile
	}
	data, err := readInput(path, maxText)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !asked && !isThere(path):
		data = nil
	case errors.Is(err, fs.ErrNotExist) && isThere(path):
		return nil, usage("read the configuration: %s is a link that leads nowhere", path)
	case err != nil:
		return nil, usage("read the configuration: %w", err)
	}
	c := &Config{dir: filepath.Dir(path)}
	if len(strings.TrimSpace(string(data))) > 0 {
		err := assess.UnmarshalYAML(path, data, c)
		if !isShaped(err) {
			err = cmp.Or(checkNumbers(path, data), err) // which knows places that the library does not tell
		}
		if err != nil {
			return nil, badConfig(path, err)
		}
	}
	sum := sha256.Sum256(data)
	c.digest = keyrotor.Digest("sha256:" + hex.EncodeToString(sum[:]))
	c.fill()
	if err := c.validate(); err != nil {
		return nil, usage("%s: %w", path, err)
	}
	return c, nil
}

// isThere reports whether there is anything by that name: a link that leads nowhere
// was meant to be a configuration, and is not as good as none.
func isThere(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// badConfig shows the mistake in the file with its place.
func badConfig(path string, err error) error {
	if isShaped(err) {
		return &usageError{err}
	}
	return usage("%s: %s", path, strings.TrimSpace(yaml.FormatError(err, false, true)))
}

func (c *Config) fill() {
	o := &c.Organization
	o.ScanRole = cmp.Or(o.ScanRole, aws.DefaultScanRole)
	o.ApplyRole = cmp.Or(o.ApplyRole, aws.DefaultApplyRole)
	o.SessionName = cmp.Or(o.SessionName, "keyrotor")
	o.SessionDuration = cmp.Or(o.SessionDuration, Duration(time.Hour))
	o.OwnAccount = cmp.Or(o.OwnAccount, string(aws.AccessOwn))
	o.Management = cmp.Or(o.Management, string(aws.AccessRole))
	c.Tags.Owner = cmp.Or(c.Tags.Owner, "owner")
	c.Tags.Env = cmp.Or(c.Tags.Env, "env")
	if c.Tags.Production == nil {
		c.Tags.Production = []string{"prod", "production", "prd", "live"}
	}
	if c.Rules == nil {
		c.Rules = []string{"builtin"}
	}
	c.Cryptoperiod = cmp.Or(c.Cryptoperiod, Duration(365*24*time.Hour))
	if c.Approval.Needed == nil {
		c.Approval.Needed = new(1)
	}
	c.Approval.Valid = cmp.Or(c.Approval.Valid, Duration(168*time.Hour))
	c.Scan.Concurrency = cmp.Or(c.Scan.Concurrency, aws.DefaultMaxConcurrency)
	c.Apply.Canary = cmp.Or(c.Apply.Canary, 5)
	c.Apply.StopAfter = cmp.Or(c.Apply.StopAfter, 5)
	c.Apply.StopRunAfter = cmp.Or(c.Apply.StopRunAfter, 20)
	c.Apply.Concurrency = cmp.Or(c.Apply.Concurrency, 16)
	c.Apply.Patience = cmp.Or(c.Apply.Patience, Duration(2*time.Minute))
	c.State = cmp.Or(c.State, "state")
}

// sessionPrefix leaves room for "-" and a run id in the 64 characters that AWS
// grants the name of a session.
var sessionPrefix = regexp.MustCompile(`^[\w+=,.@-]{1,42}$`)

// estate is the part of the configuration that reaches AWS, for one run, whose
// id goes into the names of the sessions that CloudTrail will show.
func (c *Config) estate(run keyrotor.RunID) aws.Config {
	o := c.Organization
	return aws.Config{
		ScanRole: o.ScanRole, ApplyRole: o.ApplyRole, ExternalID: o.ExternalID, AssumeFrom: o.AssumeFrom,
		SessionName: o.SessionName + "-" + string(run), SourceIdentity: o.SourceIdentity,
		Duration: time.Duration(o.SessionDuration), Own: aws.Access(o.OwnAccount), Management: aws.Access(o.Management),
		HomeRegion: c.HomeRegion, Regions: c.Regions, Accounts: o.Accounts, ExcludeAccounts: o.ExcludeAccounts,
		With: slices.Clone(c.With), OwnerTag: c.Tags.Owner, MaxConcurrency: c.Scan.Concurrency,
	}
}

func (c *Config) validate() error {
	if !sessionPrefix.MatchString(c.Organization.SessionName) {
		return fmt.Errorf("session_name: %q is not 1 to 42 of letters, digits and _+=,.@-; the run id follows it, and CloudTrail must show it whole", c.Organization.SessionName)
	}
	if err := c.estate("").Validate(); err != nil {
		return err
	}
	if *c.Approval.Needed < 1 {
		return fmt.Errorf("approval.needed: %d; a plan needs at least one approval", *c.Approval.Needed)
	}
	for i, pack := range c.Rules {
		if slices.Contains(c.Rules[:i], pack) {
			return fmt.Errorf("rules: %s stands there twice", pack)
		}
	}
	for i, g := range c.ExpectedGaps {
		if g.Match == "" || g.Reason == "" || g.Approver == "" || g.Until == "" {
			return fmt.Errorf("expected_gaps[%d]: match, reason, approver and until are all needed", i)
		}
		if _, err := time.Parse(time.DateOnly, g.Until); err != nil {
			return fmt.Errorf("expected_gaps[%d].until: %q is no date such as 2027-03-31", i, g.Until)
		}
	}
	for i, f := range c.Apply.Freeze {
		if !f.From.Before(f.To) || f.Reason == "" {
			return fmt.Errorf("apply.freeze[%d]: from before to, and a reason", i)
		}
	}
	for name, n := range map[string]int{"canary": c.Apply.Canary, "stop_after": c.Apply.StopAfter, "stop_run_after": c.Apply.StopRunAfter, "concurrency": c.Apply.Concurrency} {
		if n < 1 {
			return fmt.Errorf("apply.%s: %d is less than 1", name, n)
		}
	}
	return nil
}

// path resolves a path of the configuration against the file's folder.
func (c *Config) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

// expectedGaps are the configured ones with their ends: the last moment of the day
// that is named, for that is the day which is shown.
func (c *Config) expectedGaps() []keyrotor.ExpectedGap {
	var out []keyrotor.ExpectedGap
	for _, g := range c.ExpectedGaps {
		day, err := time.Parse(time.DateOnly, g.Until)
		if err != nil {
			continue // validate refused it
		}
		out = append(out, keyrotor.ExpectedGap{Match: g.Match, Reason: g.Reason, Approver: g.Approver, Until: day.AddDate(0, 0, 1).Add(-time.Nanosecond)})
	}
	return out
}
