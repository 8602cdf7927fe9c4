package report

import (
	"io"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// shownFailing is how many keys stand under a failing rule.
const shownFailing = 5

// failures gathers the keys that fail rules of high severity or worse, the
// worst few of each. Those of the target list are shown as such.
type failures struct {
	all  bool
	keys map[string]*firsts
}

func (f *failures) add(a keyrotor.Assessment) {
	for _, finding := range a.Findings {
		if finding.Verdict != keyrotor.Fail || finding.Severity.Rank() < keyrotor.High.Rank() || !listed(finding.Rule) {
			continue
		}
		if f.keys[finding.Rule] == nil {
			f.keys[finding.Rule] = newFirsts(f.all, shownFailing, orderUnder(finding.Rule))
		}
		f.keys[finding.Rule].add(a)
	}
}

// failing names the keys under each rule that needs a person.
func (p *page) failingKeys(t *tally, f *failures) {
	for _, r := range t.ruleList() {
		keys := f.keys[r.ID].sorted()
		if len(keys) == 0 {
			continue
		}
		p.blank()
		n := r.verdicts[keyrotor.Fail]
		p.line("%s %s %s %s", p.sign(markBad), p.bold(p.text(r.ID)), string(r.Severity), keysFail(n))
		p.table(p.ruleTable(keys, r.ID))
		if more := n - len(keys); more > 0 {
			p.more("  ", "and "+count(more)+" more: --rule "+p.text(r.ID))
		}
	}
}

// ruleTable lists keys with what a rule says of each: on a narrow terminal in a
// line below, for it is worth more than the Region.
func (p *page) ruleTable(list []keyrotor.Assessment, rule string) *table {
	last := len(p.keyHead()) + 2
	tab := &table{indent: "  ", shrink: []int{last}, wrap: map[int]int{last: 2 * least}, below: []int{last}, drop: []int{last - 1}}
	for _, a := range list {
		message := ""
		for _, f := range a.Findings {
			if f.Rule == rule {
				message = f.Message
			}
		}
		tab.rows = append(tab.rows, p.keyRow(a.Asset, a.Asset.Account, a.Asset.Region, p.text(short(message, 200))))
	}
	return tab
}

// RuleText shows the findings of one rule: its counts, the keys that fail it,
// and those of which it cannot be said.
func RuleText(w io.Writer, r Run, rule string, next []Next, s Style) error {
	t := newTally(r.Rules, r.Now)
	lists := map[keyrotor.Verdict]*firsts{}
	err := r.each(func(a keyrotor.Assessment) error {
		t.add(a)
		for _, f := range a.Findings {
			if f.Rule != rule {
				continue
			}
			if lists[f.Verdict] == nil {
				lists[f.Verdict] = newFirsts(s.All, shownRows, orderUnder(rule))
			}
			lists[f.Verdict].add(a)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := &page{Style: s}
	i := slices.IndexFunc(t.ruleList(), func(c *ruleCount) bool { return c.ID == rule })
	if i < 0 {
		p.line("%s no key was held against %s", p.sign(markNone), p.text(rule))
		p.next(next)
		return p.write(w)
	}
	c := t.ruleList()[i]
	p.line("%s %s %s%s%s", p.sign(ruleMark(c)), p.bold(p.text(c.ID)), string(c.Severity), p.dot(), p.text(c.Title))
	p.prose(references(c.References))
	for _, part := range []struct {
		verdict keyrotor.Verdict
		says    func(n int) string
	}{
		{keyrotor.Fail, func(n int) string {
			if list := lists[keyrotor.Fail].sorted(); len(list) > 0 && list[0].Asset.Kind == keyrotor.KindWaiver {
				return plural(n, "waiver") + oneOr(n, " has", " have") + " ended"
			}
			return keysFail(n)
		}},
		{keyrotor.Unknown, func(n int) string { return plural(n, "key") + ": unknown, a fact was not read" }},
		{keyrotor.Waived, func(n int) string { return plural(n, "key") + " waived" }},
	} {
		n := c.verdicts[part.verdict]
		if n == 0 {
			continue
		}
		p.blank()
		p.line("%s", part.says(n))
		p.table(p.ruleTable(lists[part.verdict].sorted(), rule))
		_, rest := p.first(n)
		p.more("  ", rest)
	}
	p.blank()
	p.line("%s", plural(c.verdicts[keyrotor.Pass], "key")+" "+oneOr(c.verdicts[keyrotor.Pass], "passes", "pass"))
	p.next(next)
	return p.write(w)
}

func keysFail(n int) string { return plural(n, "key") + oneOr(n, " fails", " fail") }
