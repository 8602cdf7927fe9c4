package report

import (
	"io"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// KeysText lists the keys of one view. The two views of eligible keys show
// their rotation, the third why a key cannot rotate and what to do instead.
func KeysText(w io.Writer, r Run, view keyrotor.View, next []Next, s Style) error {
	var list []keyrotor.Assessment
	total := 0
	err := r.each(func(a keyrotor.Assessment) error {
		if a.View == view {
			total++
			if s.All || len(list) < shownRows {
				list = append(list, a)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := &page{Style: s}
	p.line("%s %s", p.bold(plural(total, "key")), viewWords(view))
	if total > 0 {
		p.table(p.viewTable(list, view, r))
	}
	_, rest := p.first(total)
	p.more("  ", rest)
	p.next(next)
	return p.write(w)
}

func (p *page) viewTable(list []keyrotor.Assessment, view keyrotor.View, r Run) *table {
	eligible := view != keyrotor.ViewNotEligible && view != keyrotor.ViewAWSManaged && view != keyrotor.ViewUnreadable
	head := p.keyHead("account", "region", "why", "instead")
	if eligible {
		head = p.keyHead("account", "region", "owner", "rotation")
	}
	last := len(head) - 1
	tab := &table{indent: "  ", head: head, shrink: []int{last - 1, last}, drop: []int{last, last - 1}}
	if eligible {
		tab.drop = []int{last - 1, last}
	} else {
		tab.wrap = map[int]int{last - 1: least, last: 2 * least}
	}
	if p.roomy() {
		tab.shrink = append(tab.shrink, 0)
	}
	for _, a := range list {
		last := []string{p.text(p.why(a.Eligibility)), p.orDash(a.Eligibility.Instead)}
		if eligible {
			last = []string{p.orDash(a.Asset.Owner), p.rotationWithNext(a, r)}
		}
		tab.rows = append(tab.rows, p.keyRow(a.Asset, append([]string{a.Asset.Account, a.Asset.Region}, last...)...))
	}
	return tab
}

// why is the reason as a sentence, or as the name of its class where that is
// all that fits.
func (p *page) why(e keyrotor.Eligibility) string {
	if p.roomy() || e.Class == "" {
		return e.Reason
	}
	return e.Class
}

func (p *page) rotationWithNext(a keyrotor.Assessment, r Run) string {
	words := []string{rotationWords(a.Asset)}
	if k := a.Asset.KMS; k != nil && k.Rotation != nil && k.Rotation.Next != nil {
		words = append(words, "next "+When(*k.Rotation.Next, r.Now))
	}
	return strings.Join(words, ", ")
}
