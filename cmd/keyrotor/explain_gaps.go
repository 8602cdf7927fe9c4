package main

import (
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// gapsOf are the gaps of the scan, where one of the keys needs them: the doctor,
// which tries one key of an account, need not meet what refuses another.
func gapsOf(run *store.Run, found []keyrotor.Assessment) ([]keyrotor.Gap, error) {
	if !slices.ContainsFunc(found, func(a keyrotor.Assessment) bool { return len(a.Asset.Unread) > 0 }) {
		return nil, nil
	}
	inv, err := cycle.ReadInventory(run, nil)
	return inv.Gaps, err
}

// refusedBy adds to an explanation who refused to tell what is not known of the key,
// in which words, and what mends it.
func refusedBy(gaps []keyrotor.Gap, e *report.Explanation) {
	a := e.Assessment.Asset
	for _, g := range gaps {
		ofPlace := g.Asset == "" && g.Account == a.Account && g.Region == a.Region
		refused := slices.ContainsFunc(a.Unread, func(u keyrotor.Unread) bool { return u.Call == g.Call && u.Code == g.Code })
		if !refused || g.Asset != a.ARN && !ofPlace {
			continue
		}
		e.Gaps = append(e.Gaps, g)
		if mend := aws.Remedy(g); mend != "" && !slices.Contains(e.Mend, mend) {
			e.Mend = append(e.Mend, mend)
		}
	}
}
