package keyrotor

import (
	"cmp"
	"time"
)

// Kind names what sort of thing an asset is. Kinds that this version does not
// know are carried along and left alone.
type Kind string

// KindKMSKey is a customer or AWS managed KMS key.
const KindKMSKey Kind = "kms-key"

// KindWaiver is no asset: it stands in its place where a finding speaks of a waiver,
// whose place in its file is the ID.
const KindWaiver Kind = "waiver"

// Facts is the sealed set of what can be seen of one kind of asset.
type Facts interface{ facts() }

// Asset is a thing that must rotate, with what one look saw of it. An Asset is
// a value: a fresh look makes a new one.
type Asset struct {
	Kind      Kind   `json:"kind"`
	ID        string `json:"id"`  // AWS's own id; for a KMS key the key id
	ARN       string `json:"arn"` // unique over accounts and Regions
	Partition string `json:"partition"`
	Account   string `json:"account"` // 12 digits
	Region    string `json:"region"`
	// OU is the account's path in the organization ("o-a/r-b/ou-c/"), empty
	// when the organization was not read.
	OU string `json:"ou,omitempty"`
	// Tags is nil when they could not be read, empty when there are none.
	Tags map[string]string `json:"tags"`
	// Owner is the value of the tag that the configuration names.
	Owner string `json:"owner,omitempty"`
	// ManagedBy says which template owns the asset, by its tags.
	ManagedBy *Manager `json:"managed_by,omitempty"`
	// Unread lists the facts that were asked for and refused; a fact that is
	// absent here and absent below was not asked for. Neither means "no".
	Unread []Unread `json:"unread,omitempty"`

	KMS *KMSFacts `json:"kms,omitempty"`
}

// Facts returns the facts of the asset's kind, nil for a kind unknown here.
func (a Asset) Facts() Facts {
	if a.KMS != nil {
		return a.KMS
	}
	return nil
}

// Name is what people call the asset: its first alias, else its id.
func (a Asset) Name() string {
	if a.KMS != nil && len(a.KMS.Aliases) > 0 {
		return a.KMS.Aliases[0]
	}
	return a.ID
}

// Target returns the address of the asset for steps and outcomes.
func (a Asset) Target() Target {
	return Target{Kind: a.Kind, Partition: a.Partition, Account: a.Account, Region: a.Region, ID: a.ID, ARN: a.ARN, Name: a.Name()}
}

// Refused reports whether the named fact was asked for and refused.
func (a Asset) Refused(fact string) bool {
	for _, u := range a.Unread {
		if u.Fact == fact {
			return true
		}
	}
	return false
}

// Manager is the tool whose template owns an asset.
type Manager struct {
	Tool string `json:"tool"`           // "cloudformation" or "terraform"
	Name string `json:"name,omitempty"` // stack, workspace or module, as the tags say
	// Resource is the logical id inside the template, where a tag tells it.
	Resource string `json:"resource,omitempty"`
}

// Unread is one fact that was asked for and could not be had.
type Unread struct {
	Fact string `json:"fact"` // one of the Fact constants
	Call string `json:"call"` // "kms:ListResourceTags"
	Code string `json:"code"` // the service's error code
}

// Names of facts, as used in Unread, in gaps and by --with.
const (
	FactDescription = "description" // DescribeKey itself
	FactRotation    = "rotation"
	FactHistory     = "history"
	FactTags        = "tags"
	FactPolicy      = "policy"
	FactLastUse     = "last-use"
	FactGrants      = "grants"
	FactAliases     = "aliases"
)

// Target addresses an asset: enough for an actor to find it and for a person
// to recognize it.
type Target struct {
	Kind      Kind   `json:"kind"`
	Partition string `json:"partition"`
	Account   string `json:"account"`
	Region    string `json:"region"`
	ID        string `json:"id,omitempty"`  // empty for what is yet to be created
	ARN       string `json:"arn,omitempty"` // likewise
	Name      string `json:"name,omitempty"`
}

// String is the target as messages show it: name, account, Region.
func (t Target) String() string {
	return cmp.Or(t.Name, t.ID, "new "+string(t.Kind)) + " " + t.Account + "/" + t.Region
}

// Place is one account in one Region, and how the reading of it went.
// Listed = Described + Unreadable holds for every place that was read.
type Place struct {
	Account     string      `json:"account"`
	AccountName string      `json:"account_name,omitempty"`
	OU          string      `json:"ou,omitempty"`
	Region      string      `json:"region"`
	Status      PlaceStatus `json:"status"`
	Listed      int         `json:"listed"`
	Described   int         `json:"described"`
	Unreadable  int         `json:"unreadable"`
	Customer    int         `json:"customer_managed"`
	AWSManaged  int         `json:"aws_managed"`
	// Born and Gone are ids seen only in the second, respectively only in the
	// first listing: keys that came or went while the place was read.
	Born []string `json:"born,omitempty"`
	Gone []string `json:"gone,omitempty"`
	// Calls counts the service calls made here, by "service:Operation".
	Calls   map[string]int `json:"calls,omitempty"`
	Started time.Time      `json:"started"`
	Ended   time.Time      `json:"ended"`
}

// PlaceStatus says how far a place could be read.
type PlaceStatus string

// How far a place could be read.
const (
	PlaceRead     PlaceStatus = "read"
	PlacePartial  PlaceStatus = "partial"  // something in it refused us
	PlaceGap      PlaceStatus = "gap"      // nothing of it could be read
	PlaceExcluded PlaceStatus = "excluded" // the configuration leaves it out
)

// Gap is something that refused to be read: a whole account, a place, one key
// or one fact of a key. Gaps are counted and shown, never dropped.
type Gap struct {
	Account string   `json:"account,omitempty"`
	Region  string   `json:"region,omitempty"`
	Asset   string   `json:"asset,omitempty"` // ARN, when the gap is one asset or fact
	Fact    string   `json:"fact,omitempty"`
	Call    string   `json:"call"` // "sts:AssumeRole", "kms:ListKeys", …
	Code    string   `json:"code"`
	Cause   GapCause `json:"cause"`
	Message string   `json:"message"`
	// Expected is set when the configuration foresees this gap.
	Expected *ExpectedGap `json:"expected,omitempty"`
	// Lapsed is what foresaw it until a date that is over; nil beside Expected.
	Lapsed *ExpectedGap `json:"lapsed,omitempty"`
}

// GapCause groups gaps by who has to mend them.
type GapCause string

// Why something could not be read.
const (
	CauseSCP       GapCause = "scp"         // a service control policy denies it
	CauseTrust     GapCause = "trust"       // the role is missing or does not trust us
	CauseKeyPolicy GapCause = "key-policy"  // the key's policy does not let us in
	CauseIAM       GapCause = "iam"         // our role lacks the permission
	CauseRegionOff GapCause = "region-off"  // the Region is not enabled there
	CauseNoRole    GapCause = "no-role"     // the management account and our own have no scan role by default
	CauseThrottled GapCause = "throttled"   // the service kept refusing for rate
	CauseNetwork   GapCause = "unreachable" // no answer
	CauseOther     GapCause = "other"
)

// ExpectedGap is a gap that somebody approved, until a date. It is shown, and
// does not fail the run.
type ExpectedGap struct {
	Match    string    `json:"match" yaml:"match"` // CEL over gap: account, region, call, cause, code
	Reason   string    `json:"reason" yaml:"reason"`
	Approver string    `json:"approver" yaml:"approver"`
	Until    time.Time `json:"until" yaml:"until"`
}

// Account is a member of the organization, or the single account scanned.
type Account struct {
	ID         string `json:"id"`
	Name       string `json:"name,omitempty"`
	OU         string `json:"ou,omitempty"`
	State      string `json:"state,omitempty"` // Organizations' State, else Status
	Management bool   `json:"management,omitempty"`
	Own        bool   `json:"own,omitempty"` // the account whose credentials keyrotor runs with
}

// Population says what a scan covered and how: the auditor's first question.
type Population struct {
	Run      RunID     `json:"run"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Identity string    `json:"identity"` // ARN that GetCallerIdentity gave
	// Endpoints are the addresses that were asked in the place of AWS's own, without
	// user, password and query; none where AWS itself answered.
	Endpoints []string `json:"endpoints,omitempty"`
	// Undoes is the run whose keys alone were looked at, to plan its undo; empty
	// for a scan.
	Undoes  RunID  `json:"undoes,omitempty"`
	Version string `json:"keyrotor_version"`
	// Organization is its id, empty when a single account or a list was read.
	Organization string `json:"organization,omitempty"`
	// AccountsFrom and RegionsFrom name the call or setting that supplied them.
	AccountsFrom string `json:"accounts_from"`
	RegionsFrom  string `json:"regions_from"`
	// Fallbacks are refusals that cost nothing, because something else gave the
	// answer: they are told, and are no gaps.
	Fallbacks []Fallback `json:"fallbacks,omitempty"`
	Accounts  []Account  `json:"accounts"` // ACTIVE and not excluded
	// Inactive and Excluded count accounts left out, by state respectively by id.
	Inactive map[string]int `json:"inactive,omitempty"`
	Excluded []string       `json:"excluded,omitempty"`
	With     []string       `json:"with,omitempty"` // optional facts asked for
	Places   int            `json:"places"`
	Read     int            `json:"places_read"`
	Keys     int            `json:"keys"`
	Customer int            `json:"customer_managed"`
	Gaps     int            `json:"gaps"`
	Expected int            `json:"gaps_expected"`
	Calls    map[string]int `json:"calls"`
}

// Fallback is a call that was refused, and what gave its answer instead.
type Fallback struct {
	Call    string `json:"call"`    // "account:ListRegions"
	Code    string `json:"code"`    // as in a gap
	Instead string `json:"instead"` // "ec2:DescribeRegions", or "config"
	// Accounts are those in which it was so; empty for a call about all of them.
	Accounts []string `json:"accounts,omitempty"`
}

// InventoryLine is one line of inventory.jsonl: exactly one of the pointers is
// set. The population is the last line; without it the scan did not finish.
type InventoryLine struct {
	Schema     string      `json:"schema"` // SchemaInventory
	Version    int         `json:"version"`
	Asset      *Asset      `json:"asset,omitempty"`
	Place      *Place      `json:"place,omitempty"`
	Gap        *Gap        `json:"gap,omitempty"`
	Population *Population `json:"population,omitempty"`
}
