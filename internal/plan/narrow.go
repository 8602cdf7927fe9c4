package plan

import (
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
)

// Narrow is the plan of the changes that keep chooses: with its own digest,
// from its parent's, and waves, budget, cost and the limits that it still
// exceeds computed anew. Choosing all returns the plan itself, choosing none is
// refused.
func Narrow(p keyrotor.Plan, keep func(keyrotor.Change) bool, selection string, l guard.Limits) (keyrotor.Plan, error) {
	var chosen []keyrotor.Change
	for _, c := range p.Changes {
		if keep(c) {
			chosen = append(chosen, c)
		}
	}
	switch len(chosen) {
	case 0:
		return keyrotor.Plan{}, refuse("a choice of none of "+count(len(p.Changes), "change"),
			[]string{"nothing in plan " + p.Digest.Short() + " fits " + selection}, "choose at least one change, or discard the plan")
	case len(p.Changes):
		return p, nil
	}
	n := p
	n.From, n.Selection = p.Digest, selection
	n.Changes = chosen
	// What followed from all changes is said anew of the chosen ones.
	n.Warnings = nil
	about := changeWarnings(p)
	for _, w := range p.Warnings {
		if !slices.Contains(about, w) && !isLimit(w) {
			n.Warnings = append(n.Warnings, w)
		}
	}
	n.Warnings = append(n.Warnings, overLimits(n, l)...)
	return complete(n)
}
