package report

import (
	"cmp"
	"maps"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// usedWaiver is a waiver and how many findings it turned into waived.
type usedWaiver struct {
	keyrotor.Exemption
	used int
}

// waivers are those that stood in the file, and behind them what findings were
// waived by and no file that was recorded holds.
func (t *tally) waivers(listed []keyrotor.Exemption) []usedWaiver {
	left := maps.Clone(t.used)
	var all []usedWaiver
	for _, w := range listed {
		w.Until = w.Until.UTC()
		all = append(all, usedWaiver{w, left[w]})
		delete(left, w)
	}
	byRule := func(x, y keyrotor.Exemption) int {
		return cmp.Or(cmp.Compare(x.Rule, y.Rule), x.Until.Compare(y.Until), cmp.Compare(x.Reason, y.Reason), cmp.Compare(x.Match, y.Match))
	}
	for _, w := range slices.SortedFunc(maps.Keys(left), byRule) {
		all = append(all, usedWaiver{w, left[w]})
	}
	return all
}
