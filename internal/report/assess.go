package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// AssessText shows the three views as counts, then what to do instead where
// automatic rotation is not possible, the findings by rule, and the first keys
// of the target list.
func AssessText(w io.Writer, r Run, next []Next, s Style) error {
	t := newTally(r.Rules, r.Now)
	var targets []keyrotor.Assessment
	err := r.each(func(a keyrotor.Assessment) error {
		t.add(a)
		if a.View == keyrotor.ViewTarget && (s.All || len(targets) < shownRows) {
			targets = append(targets, a)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := &page{Style: s}
	if run := r.undoes(); run != "" {
		p.line("%s This run takes back run %s: it looked at the %s which that run changed, and at no other.", p.sign(markWarn), p.text(string(run)), plural(r.Population.Keys, "key"))
		p.blank()
	}
	p.views(t)
	p.classes(t)
	p.findings(t)
	p.targets(targets, t.views[keyrotor.ViewTarget], r)
	p.assessNotes(t, r)
	p.next(next)
	return p.write(w)
}

// views is the table of counts: view × Region.
func (p *page) views(t *tally) {
	regions := t.regionNames()
	shown := regions
	if room := p.regionRoom(); len(regions) > room {
		shown = regions[:room]
	}
	tab := &table{head: []string{"CUSTOMER MANAGED KEYS"}, right: map[int]bool{}}
	tab.head = append(tab.head, shown...)
	if len(shown) < len(regions) {
		tab.head = append(tab.head, "elsewhere")
	}
	tab.head = append(tab.head, "total", "")
	for i := 1; i < len(tab.head)-1; i++ {
		tab.right[i] = true
	}
	for _, v := range customerViews {
		total := t.views[v.view]
		if total == 0 && v.view == keyrotor.ViewUnknown {
			continue
		}
		tab.rows = append(tab.rows, p.viewRow(t, v, regions, shown, total))
	}
	p.table(tab)
	if t.unread > 0 {
		p.line("%s %s could not be read: who manages %s is not known, so %s in none of the lines above.",
			p.sign(markWarn), plural(t.unread, "more key"), oneOr(t.unread, "it", "them"), oneOr(t.unread, "it is", "they are"))
	}
}

// regionRoom is how many Regions fit beside the name and the total.
func (p *page) regionRoom() int {
	if p.Width <= 0 {
		return 40
	}
	return max(1, (p.Width-50)/14)
}

var customerViews = []struct {
	view  keyrotor.View
	title string
	note  string
}{
	{keyrotor.ViewRotating, "eligible, rotating", ""},
	{keyrotor.ViewTarget, "eligible, NOT rotating", "◀ target list"},
	{keyrotor.ViewUnknown, "eligible, status unknown", "! not readable"},
	{keyrotor.ViewNotEligible, "not eligible (see below)", ""},
}

func (p *page) viewRow(t *tally, v struct {
	view  keyrotor.View
	title string
	note  string
}, regions, shown []string, total int) []string {
	row := []string{v.title}
	for _, name := range shown {
		row = append(row, count(t.regions[name][v.view]))
	}
	if len(shown) < len(regions) {
		rest := 0
		for _, name := range regions[len(shown):] {
			rest += t.regions[name][v.view]
		}
		row = append(row, count(rest))
	}
	note := v.note
	if p.ASCII {
		note = strings.Replace(note, "◀", "<-", 1)
	}
	if total == 0 {
		note = ""
	}
	return append(row, p.bold(count(total)), p.yellow(note))
}

func (p *page) classes(t *tally) {
	classes := t.classList()
	if len(classes) == 0 {
		return
	}
	p.blank()
	tab := &table{
		head:   []string{"NOT ELIGIBLE FOR AUTOMATIC ROTATION", "keys", "what to do instead"},
		right:  map[int]bool{1: true},
		shrink: []int{2, 0},
	}
	for _, c := range classes {
		tab.rows = append(tab.rows, []string{p.text(c.class), count(c.n), p.text(c.instead)})
	}
	p.table(tab)
}

func (p *page) findings(t *tally) {
	rules := t.ruleList()
	if len(rules) == 0 {
		return
	}
	p.blank()
	tab := &table{
		head:   []string{"FINDINGS", "fail", "waived", "unknown", "pass", "rule", "mapped by"},
		right:  map[int]bool{1: true, 2: true, 3: true, 4: true},
		shrink: []int{6, 5},
	}
	for _, r := range rules {
		v := r.verdicts
		tab.rows = append(tab.rows, []string{
			p.sign(ruleMark(r)) + " " + string(r.Severity),
			count(v[keyrotor.Fail]), count(v[keyrotor.Waived]), count(v[keyrotor.Unknown]), count(v[keyrotor.Pass]),
			p.text(r.ID), p.text(briefly(r.References)),
		})
	}
	p.table(tab)
}

// ruleMark is red only where a person is needed: high and critical failures.
func ruleMark(r *ruleCount) mark {
	switch {
	case r.verdicts[keyrotor.Fail] == 0:
		if r.verdicts[keyrotor.Pass] == 0 {
			return markNone // held against nothing
		}
		return markGood
	case r.Severity.Rank() >= keyrotor.High.Rank():
		return markBad
	}
	return markWarn
}

// references lists controls as their frameworks number them.
func references(refs []keyrotor.Reference) string {
	var parts []string
	for _, r := range refs {
		ref := strings.TrimSpace(r.Framework + " " + r.Version + " " + r.Control)
		if r.Note != "" {
			ref += " (" + r.Note + ")"
		}
		parts = append(parts, ref)
	}
	return strings.Join(parts, " · ")
}

// briefly names the first control of the first three frameworks, for a line of
// a terminal: rules show and the report have them all.
func briefly(refs []keyrotor.Reference) string {
	var parts, seen []string
	for _, r := range refs {
		if slices.Contains(seen, r.Framework) {
			continue
		}
		seen = append(seen, r.Framework)
		if len(parts) < 3 {
			parts = append(parts, strings.TrimSpace(r.Framework+" "+r.Version+" "+r.Control))
		}
	}
	if more := len(seen) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("+%d", more))
	}
	return strings.Join(parts, " · ")
}

func (p *page) targets(list []keyrotor.Assessment, total int, r Run) {
	if total == 0 {
		return
	}
	p.blank()
	p.line("%s %s could rotate automatically and do not", p.bold("TARGET LIST"), plural(total, "key"))
	n, rest := p.first(total)
	p.keyTable(list[:min(n, len(list))], r)
	p.more("  ", rest)
}

// keyTable lists keys with what a person needs to recognize and to paste. A
// narrow terminal gets the alias alone, or the id where there is none.
func (p *page) keyTable(list []keyrotor.Assessment, r Run) {
	tab := &table{indent: "  ", head: p.keyHead("account", "region", "owner", "created", "failing"), shrink: []int{0, len(p.keyHead()) + 2, len(p.keyHead()) + 4}}
	for _, a := range list {
		tab.rows = append(tab.rows, p.keyRow(a.Asset,
			a.Asset.Account, a.Asset.Region, p.orDash(a.Asset.Owner), created(a.Asset, r.Now), p.failing(a)))
	}
	p.table(tab)
}

// roomy reports whether key ids fit beside their aliases.
func (p *page) roomy() bool { return p.Width <= 0 || p.Width >= 160 }

func (p *page) keyHead(rest ...string) []string {
	if p.roomy() {
		return append([]string{"key", "id"}, rest...)
	}
	return append([]string{"key"}, rest...)
}

func (p *page) keyRow(a keyrotor.Asset, rest ...string) []string {
	if p.roomy() {
		return append([]string{p.text(a.Name()), p.text(a.ID)}, rest...)
	}
	return append([]string{p.text(a.Name())}, rest...)
}

// failing names the rules a key fails, or the first of them on a narrow terminal.
func (p *page) failing(a keyrotor.Assessment) string {
	failed := a.Failed()
	if p.roomy() || len(failed) < 2 {
		return p.orDash(strings.Join(failed, ", "))
	}
	return p.text(failed[0]) + " +" + count(len(failed)-1)
}

func (p *page) orDash(t string) string {
	if t == "" {
		return p.dash()
	}
	return p.text(t)
}

func (p *page) assessNotes(t *tally, r Run) {
	p.blank()
	if t.old > 0 {
		p.line("Enabled is not rotated: %s rotating, and still with material older than a year.", keysAre(t.old))
	}
	if t.waived > 0 {
		p.line("%s at least one waived finding.", keysHave(t.waived))
	}
	if t.managed > 0 {
		p.line("Not counted: %s, which AWS rotates.", plural(t.managed, "AWS managed key"))
	}
	if n := len(unexpected(r.Gaps)); n > 0 {
		p.line("%s %s in the scan: the totals above are without what refused us.", p.sign(markWarn), plural(n, "gap"))
	}
}

func keysAre(n int) string { return plural(n, "key") + oneOr(n, " is", " are") }

func keysHave(n int) string { return plural(n, "key") + oneOr(n, " has", " have") }
