package plan

import (
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
)

// limitPrefix begins the warnings about limits, so that a narrower plan can
// drop those of its parent.
const limitPrefix = "more than apply will do: "

func overLimits(p keyrotor.Plan, l guard.Limits) []string {
	var lines []string
	for _, line := range guard.BlastRadius(p, l) {
		lines = append(lines, limitPrefix+line)
	}
	return lines
}

func isLimit(warning string) bool { return strings.HasPrefix(warning, limitPrefix) }
