package plan

import (
	"slices"

	"github.com/keyrotor/keyrotor"
)

// budget counts the calls of the changes per account, Region and call, beside
// the documented quota.
func budget(changes []keyrotor.Change) []keyrotor.CallBudget {
	type key [3]string
	counts := map[key]int{}
	for _, c := range changes {
		for _, s := range c.Steps {
			for _, call := range s.Calls {
				counts[key{s.Target.Account, s.Target.Region, call}]++
			}
		}
	}
	lines := make([]keyrotor.CallBudget, 0, len(counts))
	for k, n := range counts {
		quota, _ := keyrotor.RequestQuota(k[2])
		lines = append(lines, keyrotor.CallBudget{Account: k[0], Region: k[1], Call: k[2], Count: n, PerSecond: quota.PerSecond})
	}
	slices.SortFunc(lines, func(a, b keyrotor.CallBudget) int {
		return slices.Compare([]string{a.Account, a.Region, a.Call}, []string{b.Account, b.Region, b.Call})
	})
	return lines
}
