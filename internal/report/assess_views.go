package report

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
)

// viewLine is one line of the table of views.
type viewLine struct {
	title, note string
	always      bool // shown when it counts nothing, too
	total       int
	in          func(c *regionCount) int
}

func viewLines(t *tally) []viewLine {
	of := func(v keyrotor.View) func(*regionCount) int {
		return func(c *regionCount) int { return c.views[v] }
	}
	return []viewLine{
		{"eligible, rotating", "", true, t.views[keyrotor.ViewRotating], of(keyrotor.ViewRotating)},
		{"eligible, NOT rotating", "◀ target list", true, t.views[keyrotor.ViewTarget], of(keyrotor.ViewTarget)},
		{"eligible, status unknown", "! not readable", false, t.views[keyrotor.ViewUnknown], of(keyrotor.ViewUnknown)},
		{keyrotor.ClassUnknown, "! see below", false, t.undecided, func(c *regionCount) int { return c.undecided }},
		{"not eligible (see below)", "", true, t.cannot(), func(c *regionCount) int { return c.views[keyrotor.ViewNotEligible] - c.undecided }},
	}
}

// views is the table of counts: view × Region.
func (p *page) views(t *tally) {
	regions := t.regionNames()
	lines := viewLines(t)
	shown, notes := p.shownRegions(regions, t.keys)
	tab := &table{head: append([]string{"CUSTOMER MANAGED KEYS"}, shown...), right: map[int]bool{}}
	if rest := len(regions) - len(shown); rest > 0 && len(shown) > 0 {
		tab.head = append(tab.head, "elsewhere")
	}
	tab.head = append(tab.head, "total")
	for i := 1; i < len(tab.head); i++ {
		tab.right[i] = true
	}
	for _, l := range lines {
		if l.total == 0 && !l.always {
			continue
		}
		row := append(p.viewRow(t, l, regions, shown), p.bold(count(l.total)))
		if notes && l.total > 0 {
			row = append(row, p.yellow(strings.Replace(l.note, "◀", p.pick("◀", "<-"), 1)))
		}
		tab.rows = append(tab.rows, row)
	}
	p.table(tab)
	if t.unread > 0 {
		p.prose(fmt.Sprintf("%s %s could not be read: who manages %s is not known, so %s in none of the lines above.",
			p.sign(markWarn), plural(t.unread, "more key"), oneOr(t.unread, "it", "them"), oneOr(t.unread, "it is", "they are")))
	}
}

// shownRegions are the Regions that fit beside names and totals, and whether
// the notes do too. All of them, or at least two are put together: a single one
// keeps its name.
func (p *page) shownRegions(regions []string, keys int) (shown []string, notes bool) {
	if p.Width <= 0 {
		return regions, true
	}
	const names, elsewhere, note = len("eligible, status unknown"), 2 + len("elsewhere"), 2 + len("! not readable")
	total := 2 + max(len("total"), len(count(keys)))
	used := names + total
	for _, r := range regions {
		used += 2 + ansi.StringWidth(r)
	}
	switch {
	case used+note <= p.Width:
		return regions, true
	case used <= p.Width:
		return regions, false
	}
	used = names + total + elsewhere
	n := 0
	for n < len(regions)-2 && used+2+ansi.StringWidth(regions[n]) <= p.Width {
		used += 2 + ansi.StringWidth(regions[n])
		n++
	}
	return regions[:n], used+note <= p.Width
}

func (p *page) viewRow(t *tally, l viewLine, regions, shown []string) []string {
	row := []string{l.title}
	for _, name := range shown {
		row = append(row, count(l.in(t.regions[name])))
	}
	if len(shown) == len(regions) || len(shown) == 0 {
		return row
	}
	rest := 0
	for _, name := range regions[len(shown):] {
		rest += l.in(t.regions[name])
	}
	return append(row, count(rest))
}
