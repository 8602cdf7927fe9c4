package aws_test

import (
	"fmt"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/inventory"
)

// inventoryGroups shows gaps as people see them.
func inventoryGroups(gaps []keyrotor.Gap) []string {
	var lines []string
	for _, g := range inventory.Group(gaps) {
		lines = append(lines, fmt.Sprintf("%s %s %s: %d in %v %v: %s", g.Cause, g.Call, g.Code, g.Count, g.Accounts, g.Regions, g.Example.Message))
	}
	return lines
}
