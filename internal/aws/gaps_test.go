package aws_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// inventoryGroups shows gaps in few lines: each cause, call and code once, with one
// of the messages.
func inventoryGroups(gaps []keyrotor.Gap) []string {
	groups := map[string][]keyrotor.Gap{}
	for _, g := range gaps {
		kind := fmt.Sprintf("%s %s %s", g.Cause, g.Call, g.Code)
		groups[kind] = append(groups[kind], g)
	}
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(groups)) {
		first := groups[kind][0]
		lines = append(lines, fmt.Sprintf("%s: %d, as in %s/%s: %s", kind, len(groups[kind]), first.Account, first.Region, first.Message))
	}
	return lines
}
