package report

import (
	"cmp"
	"maps"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// heat is coverage by account × Region, the account with most to do first.
func (b *builder) heat() tableView {
	regions := b.heatRegions()
	v := tableView{
		ID: "coverage", Paper: 250, Caption: "Share of the keys that can rotate automatically and do, by account and Region",
		Columns: []column{{Title: "Account", Sub: "Account id", Kind: words}, {Title: "All Regions", Sub: "Keys", Kind: amount}},
		Empty:   "No place was read.",
	}
	for _, r := range regions {
		v.Columns = append(v.Columns, column{Title: r, Sub: r + " keys", Kind: amount})
	}
	status := map[placeKey]keyrotor.PlaceStatus{}
	for _, p := range b.run.Places {
		status[placeKey{p.Account, p.Region}] = p.Status
	}
	for _, account := range b.heatAccounts() {
		total := coverage{}
		var cells []cell
		for _, r := range regions {
			c := b.tally.places[placeKey{account, r}]
			if c == nil {
				c = &coverage{}
			}
			total.rotating += c.rotating
			total.target += c.target
			total.unknown += c.unknown
			total.other += c.other
			total.unread += c.unread
			cells = append(cells, b.heatCell(placeKey{account, r}, *c, status[placeKey{account, r}]))
		}
		row := append([]cell{b.accountCell(account), b.heatCell(placeKey{account: account}, total, b.accountStatus(account, total))}, cells...)
		v.Rows.add(row...)
	}
	return v
}

func (b *builder) heatRegions() []string {
	set := map[string]bool{}
	for _, p := range b.run.Places {
		set[p.Region] = true
	}
	for k := range b.tally.places {
		set[k.region] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// heatAccounts orders accounts by how many keys are open there.
func (b *builder) heatAccounts() []string {
	open := map[string]int{}
	for _, p := range b.run.Places {
		open[p.Account] += 0
	}
	for _, account := range reachOf(b.run).closed {
		open[account] += 0
	}
	for k, c := range b.tally.places {
		open[k.account] += c.target
	}
	return slices.SortedFunc(maps.Keys(open), func(x, y string) int {
		return cmp.Or(open[y]-open[x], cmp.Compare(x, y))
	})
}

// accountStatus is a gap where an account showed nothing and refused something,
// partial where it refused something.
func (b *builder) accountStatus(account string, seen coverage) keyrotor.PlaceStatus {
	st := keyrotor.PlaceRead
	for _, p := range b.run.Places {
		if p.Account == account && (p.Status == keyrotor.PlaceGap || p.Status == keyrotor.PlacePartial) {
			st = keyrotor.PlacePartial
		}
	}
	if (st == keyrotor.PlacePartial || b.closed[account]) && seen == (coverage{}) {
		return keyrotor.PlaceGap
	}
	return st
}

// heatCell shows a share as text, with a shade for the eye.
func (b *builder) heatCell(at placeKey, c coverage, st keyrotor.PlaceStatus) cell {
	if st == keyrotor.PlaceGap || b.closed[at.account] && c == (coverage{}) {
		return b.unreadCell(at)
	}
	switch {
	case c.unread > 0 && c.eligible() == 0 && c.other == 0:
		return cell{Text: "not read", Mark: warn, Sort: "-2", Class: "heat gap"}
	case st == keyrotor.PlaceExcluded:
		return cell{Text: "left out", Sort: "-1", Class: "heat none"}
	case c.eligible() == 0 && c.other == 0:
		return cell{Text: "no keys", Sort: "101", Class: "heat none"}
	case c.eligible() == 0:
		return cell{Text: "–", Sub: "0 of 0", Sort: "101", Class: "heat none"}
	}
	out := cell{
		Text:  percent(c.rotating, c.eligible()),
		Sub:   count(c.rotating) + " of " + count(c.eligible()),
		Sort:  number(100 * c.rotating / c.eligible()),
		Class: "heat " + shade(c),
	}
	switch {
	case st == keyrotor.PlacePartial:
		out.Mark = warn
	case c.rotating == c.eligible():
		out.Mark = good
	}
	return out
}

// unreadCell is a place of which nothing is known, be it that this was foreseen.
func (b *builder) unreadCell(at placeKey) cell {
	if foreseenIn(b.run.Gaps, at.account, at.region) {
		return cell{Text: "not read", Sub: "foreseen", Mark: idle, Sort: "-2", Class: "heat gap"}
	}
	return cell{Text: "not read", Mark: warn, Sort: "-2", Class: "heat gap"}
}

// shade is one of five steps.
func shade(c coverage) string {
	switch p := 100 * c.rotating / c.eligible(); {
	case c.rotating == c.eligible():
		return "s4"
	case p >= 90:
		return "s3"
	case p >= 60:
		return "s2"
	case p >= 1:
		return "s1"
	}
	return "s0"
}
