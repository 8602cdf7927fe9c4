package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Difference is what changed from one run's assessment to another's.
type Difference struct {
	New    []Delta `json:"new"`
	Gone   []Delta `json:"gone"`
	Better []Delta `json:"better"`
	Worse  []Delta `json:"worse"`
	Same   int     `json:"same"`
}

// Delta is one asset that changed, and how.
type Delta struct {
	Target keyrotor.Target `json:"target"`
	Owner  string          `json:"owner,omitempty"`
	Before keyrotor.View   `json:"before,omitempty"`
	After  keyrotor.View   `json:"after,omitempty"`
	What   []string        `json:"what,omitempty"`
}

// standing is the part of an assessment that a comparison needs.
type standing struct {
	target keyrotor.Target
	owner  string
	view   keyrotor.View
	fails  []string
}

func standingOf(a keyrotor.Assessment) standing {
	return standing{target: a.Asset.Target(), owner: a.Asset.Owner, view: a.View, fails: a.Failed()}
}

// Diff compares two assessments by ARN. A key that both gained and lost
// failures counts as worse. AWS managed keys are left out.
func Diff(before, after Stream) (Difference, error) {
	was := map[string]standing{}
	err := Run{Assessments: before}.each(func(a keyrotor.Assessment) error {
		if a.View != keyrotor.ViewAWSManaged {
			was[a.Asset.ARN] = standingOf(a)
		}
		return nil
	})
	if err != nil {
		return Difference{}, fmt.Errorf("read the earlier run: %w", err)
	}
	var d Difference
	err = Run{Assessments: after}.each(func(a keyrotor.Assessment) error {
		if a.View != keyrotor.ViewAWSManaged {
			old, known := was[a.Asset.ARN]
			delete(was, a.Asset.ARN)
			d.add(old, standingOf(a), known)
		}
		return nil
	})
	if err != nil {
		return Difference{}, fmt.Errorf("read the later run: %w", err)
	}
	for _, arn := range slices.Sorted(maps.Keys(was)) {
		old := was[arn]
		d.Gone = append(d.Gone, Delta{Target: old.target, Owner: old.owner, Before: old.view})
	}
	for _, list := range [][]Delta{d.New, d.Better, d.Worse} {
		slices.SortFunc(list, func(a, b Delta) int { return cmp.Compare(a.Target.ARN, b.Target.ARN) })
	}
	return d, nil
}

func (d *Difference) add(old, now standing, known bool) {
	delta := Delta{Target: now.target, Owner: now.owner, Before: old.view, After: now.view}
	if !known {
		d.New = append(d.New, delta)
		return
	}
	worse, better := compareViews(old.view, now.view)
	if old.view != now.view {
		delta.What = append(delta.What, shortView(old.view)+" → "+shortView(now.view))
	}
	for _, rule := range now.fails {
		if !slices.Contains(old.fails, rule) {
			worse = true
			delta.What = append(delta.What, "now fails "+rule)
		}
	}
	for _, rule := range old.fails {
		if !slices.Contains(now.fails, rule) {
			better = true
			delta.What = append(delta.What, "no longer fails "+rule)
		}
	}
	switch {
	case worse:
		d.Worse = append(d.Worse, delta)
	case better:
		d.Better = append(d.Better, delta)
	default:
		d.Same++
	}
}

func compareViews(old, now keyrotor.View) (worse, better bool) {
	rank := map[keyrotor.View]int{keyrotor.ViewTarget: 0, keyrotor.ViewUnknown: 1, keyrotor.ViewUnreadable: 1, keyrotor.ViewNotEligible: 2, keyrotor.ViewRotating: 3}
	return rank[now] < rank[old], rank[now] > rank[old]
}

// DiffText shows a difference, what got worse first.
func DiffText(w io.Writer, d Difference, next []Next, s Style) error {
	p := &page{Style: s}
	p.line("%s worse%s%s better%s%s new%s%s gone%s%s as before",
		p.bold(count(len(d.Worse))), p.dot(), count(len(d.Better)), p.dot(), count(len(d.New)), p.dot(), count(len(d.Gone)), p.dot(), count(d.Same))
	p.deltas("WORSE", markBad, d.Worse)
	p.deltas("BETTER", markGood, d.Better)
	p.deltas("NEW", markSame, d.New)
	p.deltas("GONE", markNone, d.Gone)
	p.next(next)
	return p.write(w)
}

func (p *page) deltas(title string, m mark, list []Delta) {
	if len(list) == 0 {
		return
	}
	p.blank()
	p.line("%s %s", p.bold(title), count(len(list)))
	tab := &table{indent: "  ", shrink: []int{4, 1}}
	n, rest := p.first(len(list))
	for _, d := range list[:n] {
		what := strings.Join(d.What, "; ")
		if what == "" {
			what = shortView(cmp.Or(d.After, d.Before))
		}
		tab.rows = append(tab.rows, []string{p.sign(m), p.text(nameOf(d.Target)), d.Target.Account, d.Target.Region, p.text(what)})
	}
	p.table(tab)
	p.more("    ", rest)
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
	}
	return Clean(string(v))
}
