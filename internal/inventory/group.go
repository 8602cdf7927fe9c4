package inventory

import (
	"cmp"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// GapGroup is gaps that one person can mend in one go: same cause, same call,
// same answer.
type GapGroup struct {
	Cause    keyrotor.GapCause
	Call     string
	Code     string
	Expected bool
	Count    int
	Accounts []string // distinct, sorted
	Regions  []string // likewise
	Assets   int      // how many of the gaps are single keys or facts of keys
	Example  keyrotor.Gap
}

type groupKey struct {
	cause      keyrotor.GapCause
	call, code string
	expected   bool
}

// Group gathers gaps by cause, call and code: unexpected ones first, then the
// larger groups.
func Group(gaps []keyrotor.Gap) []GapGroup {
	at := make(map[groupKey]int)
	accounts := make(map[groupKey]map[string]bool)
	regions := make(map[groupKey]map[string]bool)
	var groups []GapGroup
	for _, g := range gaps {
		k := groupKey{g.Cause, g.Call, g.Code, g.Expected != nil}
		i, ok := at[k]
		if !ok {
			i = len(groups)
			at[k] = i
			accounts[k], regions[k] = make(map[string]bool), make(map[string]bool)
			groups = append(groups, GapGroup{Cause: k.cause, Call: k.call, Code: k.code, Expected: k.expected, Example: g})
		}
		groups[i].Count++
		if g.Asset != "" {
			groups[i].Assets++
		}
		groups[i].Accounts = appendNew(groups[i].Accounts, accounts[k], g.Account)
		groups[i].Regions = appendNew(groups[i].Regions, regions[k], g.Region)
	}
	for i := range groups {
		slices.Sort(groups[i].Accounts)
		slices.Sort(groups[i].Regions)
	}
	slices.SortFunc(groups, compareGroups)
	return groups
}

func compareGroups(a, b GapGroup) int {
	if a.Expected != b.Expected {
		if b.Expected {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.Count, a.Count),
		cmp.Compare(a.Cause, b.Cause),
		cmp.Compare(a.Call, b.Call),
		cmp.Compare(a.Code, b.Code),
	)
}

func appendNew(list []string, seen map[string]bool, s string) []string {
	if s == "" || seen[s] {
		return list
	}
	seen[s] = true
	return append(list, s)
}
