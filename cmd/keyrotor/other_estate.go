package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// sayOtherEstate warns that a scan is of another organization than the one before
// it in this state. Nothing else ties the two together: with the credentials of the
// wrong profile the next plan would be for a stranger's keys, and all of ours gone.
func (s *session) sayOtherEstate(run *store.Run) {
	now, err := cycle.Summary(run)
	if err != nil || now.Population == nil {
		return // the scan itself has said more
	}
	before, found, err := s.newest(func(r *store.Run) (bool, error) {
		if r.ID() >= run.ID() {
			return false, nil
		}
		survey, err := isSurvey(r)
		return survey && err == nil, nil // what cannot be read is passed over
	})
	if err != nil || !found {
		return
	}
	was, err := cycle.Summary(before)
	if err != nil || was.Population == nil || sameEstate(*was.Population, *now.Population) {
		return
	}
	fmt.Fprintf(s.err, "! this scan is of %s; the one before it in this state, run %s, is of %s\n",
		report.Clean(estateWords(*now.Population)), before.ID(), report.Clean(estateWords(*was.Population)))
	fmt.Fprintf(s.err, "! run %s is the latest now, and assess and plan go by it; if that was not meant, mind the credentials, and give each organization a --state of its own\n", run.ID())
}

// sayOtherEstates says the same of two runs that are compared.
func (s *session) sayOtherEstates(from, to keyrotor.Population) {
	if !sameEstate(from, to) {
		fmt.Fprintf(s.err, "! run %s is of %s, run %s of %s: keys are new or gone because the one did not look where the other did\n",
			from.Run, report.Clean(estateWords(from)), to.Run, report.Clean(estateWords(to)))
	}
}

// sameEstate reports whether two scans may have been of the same accounts: those of
// one organization, or where one was read without, any in common.
func sameEstate(a, b keyrotor.Population) bool {
	switch {
	case partitionOf(a) != "" && partitionOf(b) != "" && partitionOf(a) != partitionOf(b):
		return false
	case a.Organization != "" && b.Organization != "":
		return a.Organization == b.Organization
	case len(a.Accounts) == 0 || len(b.Accounts) == 0:
		return true // of one of them nobody can tell
	}
	return slices.ContainsFunc(a.Accounts, func(x keyrotor.Account) bool {
		return slices.ContainsFunc(b.Accounts, func(y keyrotor.Account) bool { return x.ID == y.ID })
	})
}

// partitionOf is that of the identity that a scan ran with: arn:PARTITION:…
func partitionOf(p keyrotor.Population) string {
	_, rest, _ := strings.Cut(p.Identity, ":")
	partition, _, _ := strings.Cut(rest, ":")
	return partition
}

func estateWords(p keyrotor.Population) string {
	words := "organization " + p.Organization
	if p.Organization == "" {
		words = count(len(p.Accounts), "account")
		if len(p.Accounts) > 0 {
			words += ", the first " + p.Accounts[0].ID
		}
	}
	return words + " in partition " + cmp.Or(partitionOf(p), "unknown")
}
