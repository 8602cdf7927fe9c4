package report

import (
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// sight is what one of the compared runs saw, and what kept it from seeing more.
type sight struct {
	run        string // "earlier" or "later"
	population keyrotor.Population
	places     map[[2]string]keyrotor.PlaceStatus
	gaps       map[[2]string]keyrotor.Gap // of places and accounts, that hid keys
	facts      map[[2]string]keyrotor.Gap // by ARN and fact
	listing    *keyrotor.Gap              // the accounts could not be listed
}

const (
	listAccounts = "organizations:ListAccounts"
	listAliases  = "kms:ListAliases"
	fromConfig   = "config" // Population.AccountsFrom, where the configuration lists them
)

func sightOf(name string, r Run) *sight {
	s := &sight{
		run: name, population: r.Population,
		places: map[[2]string]keyrotor.PlaceStatus{}, gaps: map[[2]string]keyrotor.Gap{}, facts: map[[2]string]keyrotor.Gap{},
	}
	for _, p := range r.Places {
		s.places[[2]string{p.Account, p.Region}] = p.Status
	}
	for _, g := range r.Gaps {
		switch {
		case g.Asset != "":
			s.facts[[2]string{g.Asset, g.Fact}] = g
		case g.Call == listAccounts:
			s.listing = &g
		case g.Account == "" || g.Call == listAliases || g.Region == "" && strings.HasPrefix(g.Call, "organizations:"):
			// No key is hidden by these: names are missing, or what an account is.
		default:
			s.gaps[[2]string{g.Account, g.Region}] = g
		}
	}
	return s
}

// reach says why the run could not have seen a key of the place: a hole, or that
// the estate did not have the account or Region then, which hides nothing. Both
// are empty for a place that was listed to its end.
func (s *sight) reach(account, region string) (hole *Hole, absent string) {
	status, walked := s.places[[2]string{account, region}]
	gap, refused := s.gaps[[2]string{account, region}]
	if !walked && !refused {
		gap, refused = s.gaps[[2]string{account, ""}]
	}
	known := slices.ContainsFunc(s.population.Accounts, func(a keyrotor.Account) bool { return a.ID == account })
	switch {
	case status == keyrotor.PlaceExcluded, slices.Contains(s.population.Excluded, account):
		return s.hole("excluded by the configuration", nil), ""
	case refused:
		return s.hole("not listed", &gap), ""
	case walked:
		return nil, ""
	case !known && s.listing != nil:
		return s.hole("its account was not entered", s.listing), ""
	case !known && s.population.AccountsFrom == fromConfig:
		return s.hole("its account is not one of the configured", nil), ""
	case !known && len(s.population.Accounts) > 0:
		return nil, "account " + account + " is not an active one of the " + s.run + " run"
	case known:
		return nil, region + " is not a Region of the account in the " + s.run + " run"
	}
	return nil, "" // a run without a survey: its keys are compared alone
}

func (s *sight) hole(what string, g *keyrotor.Gap) *Hole {
	h := &Hole{Run: s.run, What: what}
	if g != nil {
		h.Call, h.Code, h.Cause, h.Foreseen = g.Call, g.Code, g.Cause, g.Expected != nil
	}
	return h
}

// hiddenPlace is where keys may be that a run could not list.
type hiddenPlace struct {
	account, region string
	Hole
}

// hidden are the places and accounts of which the run could not list the keys.
func (s *sight) hidden() []hiddenPlace {
	var all []hiddenPlace
	for at, g := range s.gaps {
		all = append(all, hiddenPlace{at[0], at[1], *s.hole("not listed", &g)})
	}
	slices.SortFunc(all, func(a, b hiddenPlace) int {
		return slices.Compare([]string{a.account, a.region}, []string{b.account, b.region})
	})
	if s.listing != nil {
		all = append(all, hiddenPlace{"", "", *s.hole("its account was not entered", s.listing)})
	}
	return all
}

// unread is the hole that a fact left which the run did not read of a key.
func (s *sight) unread(a keyrotor.Asset, fact string) Hole {
	if g, ok := s.facts[[2]string{a.ARN, fact}]; ok {
		return *s.hole(fact+" not read", &g)
	}
	for _, u := range a.Unread {
		if u.Fact == fact {
			return Hole{Run: s.run, What: fact + " not read", Call: u.Call, Code: u.Code}
		}
	}
	if fact == "organization" && s.listing != nil {
		return *s.hole(fact+" not read", s.listing)
	}
	return Hole{Run: s.run, What: fact + " not asked for"}
}
