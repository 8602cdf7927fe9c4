package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// WorldSpec describes an organization: what Load makes real.
type WorldSpec struct {
	Name         string
	Organization string // "o-" and ten characters or more; "" is no organization
	Management   string // account id; it calls Organizations and assumes the roles
	// Delegated are member accounts that may call Organizations too.
	Delegated []string
	// NoTrustedAccess makes account:ListRegions refuse to answer for members:
	// Account Management has no trusted access in this organization.
	NoTrustedAccess bool
	Accounts        []AccountSpec // in the order of ListAccounts
}

// AccountSpec is one account of a world.
type AccountSpec struct {
	ID    string
	Name  string
	OU    string   // names from the root, "Workloads/Production"; "" is the root
	State string   // Organizations' State; "" is ACTIVE
	Since int      // days before the clock's start at which it joined
	On    []string // Regions that are enabled
	Roles []RoleSpec
	Deny  []Denial
	// Keys yields the account's keys by Region, dated back from the start of the
	// clock. Load reads the sequence once, so that a large world is never in
	// memory as a list.
	Keys func(start time.Time) iter.Seq2[string, KeySeed]
}

// RoleSpec is a role that AssumeRole finds.
type RoleSpec struct {
	Name string
	// Trusts are the accounts that may assume it; empty is the management account.
	Trusts     []string
	ExternalID string // required of the caller when set
	// Allow are IAM action patterns ("kms:Describe*"); empty allows everything.
	Allow []string
	// MaxSession in seconds; 0 is an hour, IAM's default.
	MaxSession int
}

// Denial is a Deny statement of a service control policy on one account.
type Denial struct {
	Actions []string // IAM action patterns: "kms:ListKeys", "kms:*"
	Regions []string // empty: everywhere
}

// Regions of the simulated partition that are on without being asked for.
func defaultRegions() []string {
	return []string{
		"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
		"ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
		"us-east-1", "us-east-2", "us-west-1", "us-west-2",
	}
}

// optInRegions are off until an account asks for them.
func optInRegions() []string {
	return []string{"af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "eu-central-2", "eu-south-1", "il-central-1", "me-central-1", "me-south-1"}
}

// worldState is embedded in Sandbox: the organization, which does not change
// after Load, and the roles and sessions that came since.
type worldState struct {
	world   WorldSpec
	members map[string]AccountSpec
	started time.Time // the clock at Load

	sessionMu sync.RWMutex
	sessions  map[string]session
	added     map[string]RoleSpec // "account/name" ▶ role made since Load
}

// Load makes a world real: the organization, its roles and refusals, and the
// keys of its accounts. It is called once, before the first request. Access
// keys that name no account then belong to the management account.
func (s *Sandbox) Load(w WorldSpec) error {
	if err := w.validate(); err != nil {
		return err
	}
	s.world, s.members, s.started = w, make(map[string]AccountSpec, len(w.Accounts)), s.clock.Now()
	for _, a := range w.Accounts {
		s.members[a.ID] = a
	}
	if w.Management != "" {
		s.opts.Home = w.Management
	}
	for _, a := range w.Accounts {
		if a.Keys == nil {
			continue
		}
		for region, seed := range a.Keys(s.started) {
			if _, err := s.SeedKey(a.ID, region, seed); err != nil {
				return fmt.Errorf("world %s: %w", w.Name, err)
			}
		}
	}
	return nil
}

func (w *WorldSpec) validate() error {
	seen := map[string]bool{}
	for _, a := range w.Accounts {
		if !isAccountID(a.ID) {
			return fmt.Errorf("world %s: account id %q is not twelve digits", w.Name, a.ID)
		}
		if seen[a.ID] {
			return fmt.Errorf("world %s: account %s is there twice", w.Name, a.ID)
		}
		seen[a.ID] = true
	}
	if w.Organization != "" && !seen[w.Management] {
		return fmt.Errorf("world %s: management account %q is not one of its accounts", w.Name, w.Management)
	}
	return nil
}

// member returns an account of the world; false for a stand-alone account.
func (s *Sandbox) member(id string) (AccountSpec, bool) {
	a, ok := s.members[id]
	return a, ok
}

// organization returns the world, false when there is no organization or the
// account is not part of it.
func (s *Sandbox) organization(account string) (WorldSpec, bool) {
	_, in := s.members[account]
	return s.world, in && s.world.Organization != ""
}

// regionOn reports whether an account may be used in a Region.
func (s *Sandbox) regionOn(account, region string) bool {
	m, ok := s.member(account)
	return !ok || len(m.On) == 0 || slices.Contains(m.On, region)
}

func (a AccountSpec) state() string {
	if a.State == "" {
		return "ACTIVE"
	}
	return a.State
}

// The ids of roots and organizational units follow from their names, so that a
// world needs no list of them and a fixed world has fixed ids.

func (w WorldSpec) rootID() string { return "r-" + shortID("root", w.Organization, 4) }

func (w WorldSpec) ouID(path string) string {
	root := strings.TrimPrefix(w.rootID(), "r-")
	return "ou-" + root + "-" + shortID(path, w.Organization, 8)
}

// ouPath is "o-a/r-b/ou-c/ou-d/" for the unit called by names from the root.
func (w WorldSpec) ouPath(ou string) string {
	path := w.Organization + "/" + w.rootID() + "/"
	for i := range strings.Split(ou, "/") {
		if name := firstSegments(ou, i+1); name != "" {
			path += w.ouID(name) + "/"
		}
	}
	return path
}

// firstSegments is the first n parts of "a/b/c".
func firstSegments(path string, n int) string {
	parts := strings.Split(path, "/")
	return strings.Join(parts[:min(n, len(parts))], "/")
}

// units lists every organizational unit by its path of names, parents first.
func (w WorldSpec) units() []string {
	var out []string
	for _, a := range w.Accounts {
		for i := range strings.Split(a.OU, "/") {
			if name := firstSegments(a.OU, i+1); name != "" && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func shortID(name, salt string, n int) string {
	sum := sha256.Sum256([]byte(salt + "/" + name))
	return hex.EncodeToString(sum[:])[:n]
}
