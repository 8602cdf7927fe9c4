package report

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// DiffText shows a difference, what got worse first, and what cannot be told
// apart from the rest, by what is in the way.
func DiffText(w io.Writer, d Difference, next []Next, s Style) error {
	p := &page{Style: s}
	line := p.bold(count(len(d.Worse))) + " worse"
	for _, part := range []struct {
		name string
		n    int
		rare bool // left out when there are none
	}{
		{"better", len(d.Better), false}, {"changed", len(d.Changed), true}, {"new", len(d.New), false},
		{"gone", len(d.Gone), false}, {"not comparable", len(d.NotComparable), true}, {"as before", d.Same, false},
	} {
		if part.n > 0 || !part.rare {
			line += p.dot() + count(part.n) + " " + part.name
		}
	}
	p.line("%s", line)
	p.deltas("WORSE", markBad, d.Worse)
	p.deltas("BETTER", markGood, d.Better)
	p.deltas("CHANGED, neither better nor worse", markSame, d.Changed)
	p.deltas("NEW", markSame, d.New)
	p.deltas("GONE", markNone, d.Gone)
	p.notComparable(d.NotComparable)
	p.next(next)
	return p.write(w)
}

func (p *page) deltas(title string, m mark, list []Delta) {
	if len(list) == 0 {
		return
	}
	p.blank()
	p.line("%s %s", p.bold(title), count(len(list)))
	p.deltaRows("  ", m, list, func(d Delta) string {
		what := slices.Clone(d.What)
		if len(d.Unread) > 0 {
			what = append(what, holeWords(d.Unread))
		}
		return strings.Join(what, "; ")
	})
}

// notComparable lists what one of the runs could not see, grouped by the reason.
func (p *page) notComparable(list []Delta) {
	if len(list) == 0 {
		return
	}
	groups := map[string][]Delta{}
	var reasons []string
	for _, d := range list {
		why := holeWords(d.Unread)
		if groups[why] == nil {
			reasons = append(reasons, why)
		}
		groups[why] = append(groups[why], d)
	}
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(len(groups[b]), len(groups[a])) })
	p.blank()
	p.line("%s %s: nothing is said of what one of the runs could not see", p.bold("NOT COMPARABLE"), count(len(list)))
	for _, why := range reasons {
		p.reason(p.text(why) + p.dot() + count(len(groups[why])))
		p.deltaRows("    ", markWarn, groups[why], func(d Delta) string { return strings.Join(d.What, "; ") })
	}
}

// reason is the title of a group; a terminal gets it in lines that end between
// words.
func (p *page) reason(text string) {
	parts := []string{text}
	if p.Width > 0 {
		parts = Fold(text, max(20, p.Width-4))
	}
	for i, part := range parts {
		p.line("%s%s", strings.Repeat("  ", 1+min(i, 1)), part)
	}
}

func (p *page) deltaRows(indent string, m mark, list []Delta, words func(Delta) string) {
	tab := &table{indent: indent, shrink: []int{4, 1}}
	n, rest := p.first(len(list))
	for _, d := range list[:n] {
		what := words(d)
		if what == "" {
			what = shortView(cmp.Or(d.After, d.Before))
		}
		tab.rows = append(tab.rows, []string{p.sign(m), p.text(deltaName(d)), d.Target.Account, d.Target.Region, p.text(what)})
	}
	p.table(tab)
	p.more(indent+"  ", rest)
}

// deltaName is the key, or what stands for keys that nobody could list.
func deltaName(d Delta) string {
	switch {
	case d.Target.ID != "" || d.Target.Name != "":
		return nameOf(d.Target)
	case d.Target.Account == "":
		return "every other account"
	}
	return "every key there"
}

// shortView is a view in a word or two.
func shortView(v keyrotor.View) string {
	switch v {
	case keyrotor.ViewTarget:
		return "not rotating"
	case keyrotor.ViewRotating:
		return "rotating"
	case keyrotor.ViewUnknown:
		return "status unknown"
	case keyrotor.ViewNotEligible:
		return "not eligible"
	case keyrotor.ViewUnreadable:
		return "not readable"
	case keyrotor.ViewAWSManaged:
		return "AWS managed"
	}
	return Clean(string(v))
}
