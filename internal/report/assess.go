package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
)

// AssessText shows the three views as counts, then what to do instead where
// automatic rotation is not possible, the findings by rule, and the first keys
// of the target list.
func AssessText(w io.Writer, r Run, next []Next, s Style) error {
	t := newTally(r.Rules, r.Now)
	targets := newFirsts(s.All, shownRows, byWhere)
	failed := &failures{all: s.All, keys: map[string]*firsts{}}
	err := r.each(func(a keyrotor.Assessment) error {
		t.add(a)
		failed.add(a)
		if a.View == keyrotor.ViewRotating {
			t.aged.holds(a, nextAsRead(a), r.Now)
		}
		if a.View == keyrotor.ViewTarget {
			targets.add(a)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := &page{Style: s}
	if run := r.undoes(); run != "" {
		p.prose(fmt.Sprintf("%s This run takes back run %s: it looked at the %s which that run changed, and at no other.", p.sign(markWarn), p.text(string(run)), plural(r.Population.Keys, "key")))
		p.blank()
	}
	p.views(t)
	p.classes(t)
	p.findings(t)
	p.failingKeys(t, failed)
	p.targets(targets.sorted(), t.views[keyrotor.ViewTarget], r)
	p.assessNotes(t, r)
	p.next(next)
	return p.write(w)
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
		shrink: []int{2, 0}, wrap: map[int]int{0: 2 * least, 2: 2 * least},
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
		head:  []string{"FINDINGS", "fail", "waived", "unknown", "pass", "rule"},
		right: map[int]bool{1: true, 2: true, 3: true, 4: true},
	}
	for _, r := range rules {
		v := r.verdicts
		tab.rows = append(tab.rows, []string{
			p.sign(ruleMark(r)) + " " + string(r.Severity),
			count(v[keyrotor.Fail]), count(v[keyrotor.Waived]), count(v[keyrotor.Unknown]), count(v[keyrotor.Pass]),
			p.text(r.ID),
		})
	}
	p.mapped(tab, rules)
	p.table(tab)
}

// mapped adds the column of controls where there is room for it: whole
// controls or none, for half a control's name is no name.
func (p *page) mapped(tab *table, rules []*ruleCount) {
	room := 0
	if p.Width > 0 {
		tab.style = p.Style
		widths := tab.widths()
		if room = -tab.over(widths, func(_, w int) int { return w }) - tab.spacing(); room < len("PCI DSS 4.0.1 3.7.4 · +5") {
			return
		}
	}
	tab.head = append(tab.head, "mapped by")
	for i, r := range rules {
		tab.rows[i] = append(tab.rows[i], p.text(brieflyIn(r.References, room)))
	}
}

// ruleMark is red only where a person is needed: high and critical failures.
func ruleMark(r *ruleCount) mark {
	switch {
	case r.verdicts[keyrotor.Fail] == 0:
		switch {
		case r.verdicts[keyrotor.Unknown] > 0:
			return markWarn // nobody can say that all pass
		case r.verdicts[keyrotor.Pass] == 0:
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
func briefly(refs []keyrotor.Reference) string { return brieflyIn(refs, 0) }

// brieflyIn is briefly within a number of columns, 0 for as many as it takes.
func brieflyIn(refs []keyrotor.Reference, room int) string {
	var all, seen []string
	for _, r := range refs {
		if !slices.Contains(seen, r.Framework) {
			seen = append(seen, r.Framework)
			all = append(all, strings.TrimSpace(r.Framework+" "+r.Version+" "+r.Control))
		}
	}
	for n := min(3, len(all)); n > 0; n-- {
		parts := slices.Clone(all[:n])
		if more := len(all) - n; more > 0 {
			parts = append(parts, "+"+count(more))
		}
		if text := strings.Join(parts, " · "); room <= 0 || ansi.StringWidth(text) <= room {
			return text
		}
	}
	if len(all) == 0 {
		return ""
	}
	return plural(len(all), "framework")
}

func (p *page) targets(list []keyrotor.Assessment, total int, r Run) {
	if total == 0 {
		return
	}
	p.blank()
	p.line("%s %s could rotate automatically and %s not", p.bold("TARGET LIST"), plural(total, "key"), oneOr(total, "does", "do"))
	n, rest := p.first(total)
	p.keyTable(list[:min(n, len(list))], r)
	p.more("  ", rest)
}

// keyTable lists keys with what a person needs to recognize and to paste: that
// is never cut. A narrow terminal gets fewer columns instead.
func (p *page) keyTable(list []keyrotor.Assessment, r Run) {
	owner := len(p.keyHead()) + 2
	tab := &table{
		indent: "  ", head: p.keyHead("account", "region", "owner", "created", "failing"),
		shrink: []int{owner}, drop: []int{owner + 1, owner + 2, owner},
	}
	if p.roomy() {
		tab.shrink = append(tab.shrink, 0, owner+2)
	}
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
	return append([]string{p.pasteable(a)}, rest...)
}

// pasteable is the alias, or the id where the alias would have to be cut or
// holds what a terminal must not be given: either finds the key.
func (p *page) pasteable(a keyrotor.Asset) string {
	const account, region, id = 12, 14, 36
	room := min(48, max(id, p.Width-account-region-6))
	if name := a.Name(); a.ID == "" || Clean(name) == name && ansi.StringWidth(name) <= room {
		return p.text(name)
	}
	return p.text(a.ID)
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
	p.prose(t.aged.Words(r.Now))
	if t.waived > 0 {
		p.prose(keysHave(t.waived) + " at least one waived finding.")
	}
	if t.managed > 0 {
		p.prose("Not counted: " + plural(t.managed, "AWS managed key") + ", which AWS rotates.")
	}
	var without []string
	if n := excludedPlaces(r.Places); n > 0 {
		without = append(without, plural(n, "place"))
	}
	if n := len(r.Population.Excluded); n > 0 {
		without = append(without, plural(n, "account"))
	}
	if len(without) > 0 {
		p.prose("Not read: " + sentence(without) + " excluded by the configuration. " + plural(r.Population.Read, "place") + " " + oneOr(r.Population.Read, "was", "were") + " read.")
	}
	if gaps := gapsText(r.Gaps, " in the scan"); gaps != "" {
		p.prose(p.sign(reachMark(r.Gaps)) + " " + gaps + ": the totals above are without what refused us.")
	}
	if n := countStates(r.Outcomes)[keyrotor.Succeeded]; n > 0 {
		p.prose(p.sign(markWarn) + " All of this is as the scan read it: " + plural(n, "change") + " " + oneOr(n, "was", "were") + " made since, which a new scan will see.")
	}
}

func keysAre(n int) string { return plural(n, "key") + oneOr(n, " is", " are") }

func keysHave(n int) string { return plural(n, "key") + oneOr(n, " has", " have") }
