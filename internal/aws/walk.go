package aws

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/keyrotor/keyrotor"
	"golang.org/x/sync/errgroup"
)

// Source reads one account in one Region. It spells internal/inventory's type of
// that name, so that an Estate is one of inventory's without importing it.
type Source = interface {
	Place() keyrotor.Place
	Scan(ctx context.Context, emit func(keyrotor.Asset) error, gap func(keyrotor.Gap)) (keyrotor.Place, error)
}

// kmsSource is the KMS keys of one account in one Region, read with the scan role.
type kmsSource struct {
	estate *Estate
	at     keyrotor.Place
	org    membership
}

// accountsAtOnce is how many accounts are entered at once: each costs two calls
// before its Regions are known, and the first keys should not wait for the last.
const accountsAtOnce = 16

// Walk lists all accounts, enters each with the scan role and calls found for
// each of its Regions, from several goroutines. Regions that the configuration
// leaves out are found with status excluded.
func (e *Estate) Walk(ctx context.Context, found func(Source) error, gap func(keyrotor.Gap)) (keyrotor.Population, error) {
	t := &trace{}
	ctx = withTrace(ctx, t)
	r, err := e.loadRoster(ctx)
	if err != nil {
		return keyrotor.Population{}, err
	}
	for _, refused := range []*keyrotor.Gap{r.gap, r.undescribed} {
		if refused != nil {
			gap(*refused)
		}
	}
	for _, doubt := range r.doubts {
		gap(doubt)
	}
	var told tellers
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	for _, a := range r.accounts {
		group.Go(func() error { return e.walkAccount(gctx, a, r.membership(), &told, found, gap) })
	}
	if err := group.Wait(); err != nil {
		return keyrotor.Population{}, err
	}
	return keyrotor.Population{
		Identity:     e.who.ARN,
		Endpoints:    e.Endpoints(),
		Organization: r.organization,
		AccountsFrom: r.from,
		RegionsFrom:  told.names(),
		Fallbacks:    append(slices.Clone(r.instead), told.fallbacks()...),
		Accounts:     r.accounts,
		Inactive:     r.inactive,
		Excluded:     r.excluded,
		With:         slices.Clone(e.cfg.With),
		Calls:        t.counts(),
	}, nil
}

func (e *Estate) walkAccount(ctx context.Context, a keyrotor.Account, org membership,
	told *tellers, found func(Source) error, gap func(keyrotor.Gap)) error {
	if g := e.enter(ctx, a, RoleScan); g != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		gap(*g)
		return nil
	}
	regions, g := e.regions(ctx, a.ID)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if g != nil {
		gap(*g)
		return nil
	}
	told.add(a.ID, regions)
	for _, region := range e.wanted(regions.names) {
		at := keyrotor.Place{Account: a.ID, AccountName: a.Name, OU: a.OU, Region: region}
		if len(e.cfg.Regions) > 0 && !slices.Contains(e.cfg.Regions, region) {
			at.Status = keyrotor.PlaceExcluded
		}
		if err := found(&kmsSource{estate: e, at: at, org: org}); err != nil {
			return err
		}
	}
	return nil
}

// wanted adds the configured Regions that the account does not have: reading
// them ends in a gap that says so, where silence would look like an empty Region.
func (e *Estate) wanted(regions []string) []string {
	for _, r := range e.cfg.Regions {
		if !slices.Contains(regions, r) {
			regions = append(regions, r)
		}
	}
	return regions
}

// enter takes on the account's role and returns the gap when it is refused, by AWS
// or by the configuration.
func (e *Estate) enter(ctx context.Context, a keyrotor.Account, role Role) *keyrotor.Gap {
	_, err := e.credentials(a.ID, role).Retrieve(ctx)
	if err == nil {
		return nil
	}
	g := refusal(callAssumeRole, err)
	g.Account = a.ID
	if (a.Management || a.Own) && g.Cause == keyrotor.CauseTrust {
		g.Cause = keyrotor.CauseNoRole
		g.Message = special(a) + " has no keyrotor role by default: " + g.Message
	}
	return &g
}

const callAssumeRole = "sts:AssumeRole"

func special(a keyrotor.Account) string {
	switch {
	case a.Own:
		return "keyrotor's own account"
	case a.Management:
		return "the management account"
	}
	return "account"
}

// tellers gathers who told the Regions, and for which accounts another than was
// asked first; accounts may differ.
type tellers struct {
	mu      sync.Mutex
	set     map[string]bool
	instead map[refusedCall][]string // accounts
}

// refusedCall is a refusal that cost nothing, and what gave the answer.
type refusedCall struct{ call, code, instead string }

func (t *tellers) add(account string, r regions) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.set == nil {
		t.set, t.instead = make(map[string]bool), make(map[refusedCall][]string)
	}
	t.set[r.from] = true
	for _, g := range r.refused {
		key := refusedCall{g.Call, g.Code, r.from}
		t.instead[key] = append(t.instead[key], account)
	}
}

func (t *tellers) names() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(t.set)), ", ")
}

func (t *tellers) fallbacks() []keyrotor.Fallback {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []keyrotor.Fallback
	for refused, accounts := range t.instead {
		slices.Sort(accounts)
		all = append(all, keyrotor.Fallback{Call: refused.call, Code: refused.code, Instead: refused.instead, Accounts: accounts})
	}
	slices.SortFunc(all, func(a, b keyrotor.Fallback) int {
		return slices.Compare([]string{a.Call, a.Code, a.Instead}, []string{b.Call, b.Code, b.Instead})
	})
	return all
}

// Place is the place as known before it is read.
func (s *kmsSource) Place() keyrotor.Place { return s.at }
