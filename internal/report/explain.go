package report

import (
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
)

// Explanation is what is known of one key, and what keyrotor would do.
type Explanation struct {
	Assessment keyrotor.Assessment
	Rules      []keyrotor.RuleInfo
	// Change is what a plan would hold for the key, nil when nothing.
	Change *keyrotor.Change
	Cost   *keyrotor.Cost
	// Since is how a second look confirmed what we did to the key after it was
	// scanned, nil for nothing.
	Since *keyrotor.Verification
	// Past is what earlier runs did to the key, oldest first.
	Past []Past
	// Gaps are what refused to tell what is not known of the key, Mend what would
	// have them told.
	Gaps []keyrotor.Gap
	Mend []string
	Now  time.Time
}

// Past is one earlier event in the life of a key, from our own record.
type Past struct {
	Run  keyrotor.RunID `json:"run"`
	At   time.Time      `json:"at"`
	What string         `json:"what"`
}

// ExplainText tells everything about one key on a page.
func ExplainText(w io.Writer, e Explanation, next []Next, s Style) error {
	p := &page{Style: s}
	a := e.Assessment.Asset
	p.line("%s%s%s", p.bold(p.text(a.Name())), p.dot(), p.text(a.ARN))
	facts := [][2]string{}
	add := func(label, text string) {
		if text != "" {
			facts = append(facts, [2]string{label, text})
		}
	}
	if a.KMS != nil {
		p.kindFacts(add, a, e)
	}
	add("view", viewWords(e.Assessment.View))
	add("can", p.canWords(e.Assessment))
	add("instead", p.text(e.Assessment.Eligibility.Instead))
	p.accessFacts(add, a, e.Now)
	p.unreadFacts(add, e)
	for i, words := range p.findingLines(e) {
		add(firstLabel(i, "rules"), words)
	}
	p.historyFacts(add, e)
	p.wouldDo(add, e)
	p.facts("  ", p.folded(facts))
	p.next(next)
	return p.write(w)
}

// folded breaks long facts between words, so that a terminal does not break them
// within one; what is piped stays on its line.
func (p *page) folded(facts [][2]string) [][2]string {
	label := 0
	for _, f := range facts {
		label = max(label, ansi.StringWidth(f[0]))
	}
	room := p.Width - label - 4 - 2
	if room < 20 {
		return facts
	}
	var all [][2]string
	for _, f := range facts {
		for i, part := range Fold(f[1], room) {
			if i > 0 {
				part = "  " + part
			}
			all = append(all, [2]string{firstLabel(i, f[0]), part})
		}
	}
	return all
}

// firstLabel gives a label to the first of several lines only.
func firstLabel(i int, label string) string {
	if i == 0 {
		return label
	}
	return " "
}

func (p *page) historyFacts(add func(string, string), e Explanation) {
	if k := e.Assessment.Asset.KMS; k != nil && k.History != nil {
		all := k.History.Rotations
		n, rest := p.first(len(all))
		for i := range n {
			r := all[len(all)-1-i]
			add(firstLabel(i, "history"), Day(r.At, e.Now)+" "+strings.ToLower(Clean(strings.ReplaceAll(r.Type, "_", " "))))
		}
		add(" ", p.dim(rest))
	}
	for i, past := range e.Past {
		add(firstLabel(i, "our record"), Day(past.At, e.Now)+" "+p.text(past.What)+" (run "+string(past.Run)+")")
	}
}

func (p *page) wouldDo(add func(string, string), e Explanation) {
	if e.Change == nil {
		add("keyrotor", "would change nothing")
		return
	}
	for i, st := range e.Change.Steps {
		add(firstLabel(i, "would do"), stepWords(st, p.pick("→", "->")))
	}
	if e.Cost != nil {
		add("cost", costWords(*e.Cost))
	}
	add("effect", "ciphertext keeps decrypting; nothing that uses the key changes")
	add("undo", p.text(e.Change.CannotUndo))
	if e.Change.Template != "" {
		add("template", p.text(e.Change.Template))
	}
	add("warning", p.text(e.Change.Warning))
}
