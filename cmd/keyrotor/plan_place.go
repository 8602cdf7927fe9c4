package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// placeOf refuses a new key in an account or a Region that the latest scan did
// not read: whether its alias is free is not known there, and whether we are let
// in would be told by apply alone, after people have signed.
func (s *session) placeOf(key plan.NewKey) error {
	run, err := s.currentRun()
	if err != nil {
		return err
	}
	inventory, err := cycle.ReadInventory(run, nil)
	if err != nil {
		return err
	}
	if why := notRead(inventory, key.Account, key.Region); why != "" {
		return usageNext("keyrotor scan   reads accounts and Regions that are new since", "plan create-key: %s (run %s)", why, run.ID())
	}
	return nil
}

// notRead says why a place is not one that was read, "" where it is.
func notRead(inv cycle.Inventory, account, region string) string {
	if slices.Contains(inv.Population.Excluded, account) {
		return "--account " + account + ": the configuration leaves this account out"
	}
	read, here := map[string]bool{}, map[string]bool{}
	for _, at := range inv.Places {
		seen := at.Status == keyrotor.PlaceRead || at.Status == keyrotor.PlacePartial
		switch {
		case at.Account == account && at.Region == region && at.Status == keyrotor.PlaceExcluded:
			return fmt.Sprintf("--region %s: the configuration leaves this Region out", region)
		case at.Account == account && at.Region == region && !seen:
			return fmt.Sprintf("--region %s: the scan could not read this Region of account %s", region, account)
		case !seen:
		case at.Account == account:
			here[at.Region] = true
		}
		if seen {
			read[at.Account] = true
		}
	}
	switch {
	case here[region]:
		return ""
	case len(here) > 0:
		return fmt.Sprintf("--region %s: the scan saw no such Region in account %s, but %s", region, account, some(here))
	case len(read) == 0:
		return "the scan read no account"
	}
	return fmt.Sprintf("--account %s: the scan read no such account, but %s", account, some(read))
}

// some names the first of a set, and how many more there are.
func some(set map[string]bool) string {
	const most = 5
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
