package assess

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// testAsset is an asset as test files write it: the names are those that
// expressions use, and what is left out was not read. Only what every key has
// is filled in: an enabled symmetric key of a customer, without tags.
type testAsset struct {
	Kind        string            `yaml:"kind"`
	ID          string            `yaml:"id"`
	ARN         string            `yaml:"arn"`
	Partition   string            `yaml:"partition"`
	Account     string            `yaml:"account"`
	Region      string            `yaml:"region"`
	OU          string            `yaml:"ou"`
	Tags        map[string]string `yaml:"tags"`
	Owner       string            `yaml:"owner"`
	Unread      []scalar          `yaml:"unread"`
	Aliases     []string          `yaml:"aliases"`
	Description string            `yaml:"description"`
	State       string            `yaml:"state"`
	Spec        string            `yaml:"spec"`
	Usage       string            `yaml:"usage"`
	Origin      string            `yaml:"origin"`
	Created     scalar            `yaml:"created"`
	ManagedBy   *testManager      `yaml:"managed_by"`
	MultiRegion *testMultiRegion  `yaml:"multi_region"`
	Rotation    *testRotation     `yaml:"rotation"`
	History     *testHistory      `yaml:"history"`
	Material    *testMaterial     `yaml:"material"`
	Import      *testImport       `yaml:"import"`
	Policy      *testPolicy       `yaml:"policy"`
	LastUse     *testLastUse      `yaml:"last_use"`
	Grants      *testGrants       `yaml:"grants"`
}

type testManager struct {
	Tool     string `yaml:"tool"`
	Name     string `yaml:"name"`
	Resource string `yaml:"resource"`
}

type testMultiRegion struct {
	Role     string   `yaml:"role"`
	Primary  string   `yaml:"primary"`
	Replicas []string `yaml:"replicas"`
}

type testRotation struct {
	On              bool   `yaml:"on"`
	Period          scalar `yaml:"period"`
	Next            scalar `yaml:"next"`
	OnDemandStarted scalar `yaml:"on_demand_started"`
}

type testHistory struct {
	Automatic []scalar `yaml:"automatic"`
	OnDemand  []scalar `yaml:"on_demand"`
}

type testMaterial struct {
	ID    string `yaml:"id"`
	Since scalar `yaml:"since"`
}

type testImport struct {
	Expires        bool   `yaml:"expires"`
	ValidTo        scalar `yaml:"valid_to"`
	Pending        string `yaml:"pending"`
	AwaitsReplicas bool   `yaml:"awaits_replicas"`
}

type testPolicy struct {
	Public          bool     `yaml:"public"`
	Outside         []string `yaml:"outside"`
	OtherAccounts   []string `yaml:"other_accounts"`
	AccountPatterns []string `yaml:"account_patterns"`
	Organizations   []string `yaml:"organizations"`
	NetworkOnly     bool     `yaml:"network_only"`
	Administrators  []string `yaml:"administrators"`
	Services        []string `yaml:"services"`
	DelegatesToIAM  bool     `yaml:"delegates_to_iam"`
}

type testLastUse struct {
	At           scalar `yaml:"at"`
	Operation    string `yaml:"operation"`
	TrackedSince scalar `yaml:"tracked_since"`
}

type testGrants struct {
	Count    int      `yaml:"count"`
	Grantees []string `yaml:"grantees"`
}

// clockwork reads dates of a test file; the first mistake stays.
type clockwork struct {
	file *file
	now  time.Time
	err  error
}

func (c *clockwork) at(s scalar) time.Time {
	if !s.set || c.err != nil {
		return time.Time{}
	}
	t, err := instant(c.file, s, c.now)
	c.err = err
	return t
}

func (c *clockwork) maybe(s scalar) *time.Time {
	if t := c.at(s); !t.IsZero() {
		return &t
	}
	return nil
}

func (c *clockwork) days(s scalar) int {
	if !s.set || c.err != nil {
		return 0
	}
	d, ok := span(s.text)
	if !ok {
		c.err = c.file.errorAt(s.line, s.column, fmt.Sprintf("%q: write a time span as 90d or 2160h", s.text))
	}
	return int(d / day)
}

// build makes the asset.
func (t testAsset) build(f *file, now time.Time) (keyrotor.Asset, error) {
	c := &clockwork{file: f, now: now}
	a := keyrotor.Asset{
		Kind: keyrotor.Kind(cmp.Or(t.Kind, string(keyrotor.KindKMSKey))),
		ID:   cmp.Or(t.ID, "00000000-0000-0000-0000-000000000000"), ARN: t.ARN,
		Partition: cmp.Or(t.Partition, "aws"), Account: cmp.Or(t.Account, "111122223333"),
		Region: cmp.Or(t.Region, "us-east-1"), OU: t.OU, Tags: t.Tags, Owner: t.Owner,
	}
	if a.Tags == nil {
		a.Tags = map[string]string{}
	}
	if m := t.ManagedBy; m != nil {
		a.ManagedBy = &keyrotor.Manager{Tool: m.Tool, Name: m.Name, Resource: m.Resource}
	}
	a.KMS = t.kms(c)
	for _, u := range t.Unread {
		if !slices.Contains(knownFacts(), u.text) {
			return a, f.errorAt(u.line, u.column, fmt.Sprintf("fact %q: use one of %s", u.text, strings.Join(knownFacts(), ", ")))
		}
		forget(&a, u.text)
	}
	return a, c.err
}

func (t testAsset) kms(c *clockwork) *keyrotor.KMSFacts {
	k := &keyrotor.KMSFacts{
		Aliases: t.Aliases, Description: t.Description, State: cmp.Or(t.State, "Enabled"),
		Spec: cmp.Or(t.Spec, "SYMMETRIC_DEFAULT"), Usage: cmp.Or(t.Usage, "ENCRYPT_DECRYPT"),
		Origin: cmp.Or(t.Origin, "AWS_KMS"), KeyManager: "CUSTOMER", Created: c.at(t.Created),
	}
	if m := t.MultiRegion; m != nil {
		k.MultiRegion = &keyrotor.MultiRegion{Role: m.Role, Primary: m.Primary, Replicas: m.Replicas}
	}
	if r := t.Rotation; r != nil {
		k.Rotation = &keyrotor.RotationFacts{On: r.On, PeriodDays: c.days(r.Period), Next: c.maybe(r.Next), OnDemandStarted: c.maybe(r.OnDemandStarted)}
	}
	if h := t.History; h != nil {
		k.History = h.build(c)
	}
	if m := t.Material; m != nil {
		k.Material = &keyrotor.MaterialFacts{ID: m.ID, Since: c.at(m.Since)}
	}
	if i := t.Import; i != nil {
		k.Import = &keyrotor.ImportFacts{Expires: i.Expires, ValidTo: c.maybe(i.ValidTo), Pending: i.Pending, AwaitsReplicas: i.AwaitsReplicas}
	}
	if p := t.Policy; p != nil {
		k.Policy = &keyrotor.PolicyFacts{
			Administrators: p.Administrators, OtherAccounts: p.OtherAccounts, Public: p.Public,
			AccountPatterns: p.AccountPatterns, Organizations: p.Organizations, NetworkOnly: p.NetworkOnly,
			DelegatesToIAM: p.DelegatesToIAM, Outside: append([]string{}, p.Outside...), Services: p.Services,
		}
	}
	if u := t.LastUse; u != nil {
		k.LastUse = &keyrotor.LastUse{At: c.at(u.At), Operation: u.Operation, TrackedSince: c.at(u.TrackedSince)}
	}
	if g := t.Grants; g != nil {
		k.Grants = &keyrotor.GrantFacts{Count: g.Count, Grantees: g.Grantees}
	}
	return k
}

func (h *testHistory) build(c *clockwork) *keyrotor.RotationHistory {
	out := &keyrotor.RotationHistory{OnDemand: len(h.OnDemand)}
	for _, s := range h.Automatic {
		out.Rotations = append(out.Rotations, keyrotor.Rotation{At: c.at(s), Type: "AUTOMATIC"})
	}
	for _, s := range h.OnDemand {
		out.Rotations = append(out.Rotations, keyrotor.Rotation{At: c.at(s), Type: "ON_DEMAND"})
	}
	slices.SortStableFunc(out.Rotations, func(x, y keyrotor.Rotation) int { return x.At.Compare(y.At) })
	return out
}

// forget makes a fact one that was asked for and refused.
func forget(a *keyrotor.Asset, fact string) {
	a.Unread = append(a.Unread, keyrotor.Unread{Fact: fact, Code: "AccessDeniedException"})
	switch fact {
	case keyrotor.FactTags:
		a.Tags, a.Owner, a.ManagedBy = nil, "", nil
	case keyrotor.FactRotation:
		a.KMS.Rotation = nil
	case keyrotor.FactHistory:
		a.KMS.History, a.KMS.Material = nil, nil
	case keyrotor.FactPolicy:
		a.KMS.Policy = nil
	case factOrganization:
		if a.KMS.Policy != nil {
			a.KMS.Policy.Outside = nil
		}
	case keyrotor.FactLastUse:
		a.KMS.LastUse = nil
	case keyrotor.FactGrants:
		a.KMS.Grants = nil
	case keyrotor.FactDescription: // then nothing else is asked for
		a.KMS = &keyrotor.KMSFacts{Aliases: a.KMS.Aliases}
		a.Tags, a.Owner, a.ManagedBy = nil, "", nil
	}
}

// instant reads a date, a time, or a distance from now: 2024-02-29,
// 2024-02-29T10:00:00Z, -400d, +12h.
func instant(f *file, s scalar, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s.text); err == nil {
			return t.UTC(), nil
		}
	}
	if d, ok := span(s.text); ok && !now.IsZero() {
		return now.Add(d), nil
	}
	return time.Time{}, f.errorAt(s.line, s.column, fmt.Sprintf("%q: write a date (2024-02-29), a time (2024-02-29T10:00:00Z) or a distance from now (-400d, +12h)", s.text))
}

// span reads a time span: days, or what time.ParseDuration reads.
func span(s string) (time.Duration, bool) {
	if number, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(number)
		return time.Duration(n) * day, err == nil && math.Abs(float64(n)) <= maxDays
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}
