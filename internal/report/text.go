package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// page collects the lines of one command's output; it is written at once.
type page struct {
	Style
	b strings.Builder
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(&p.b, format, args...)
	p.b.WriteByte('\n')
}

// prose writes a sentence; a terminal gets it in lines that end between words.
func (p *page) prose(text string) {
	if text == "" {
		return
	}
	if p.Width <= 0 {
		p.line("%s", text)
		return
	}
	for i, part := range Fold(text, max(20, p.Width-2)) {
		if i > 0 {
			part = "  " + part
		}
		p.line("%s", part)
	}
}

// hang writes text behind a lead, and what a terminal has no room for below it, so
// far from the edge.
func (p *page) hang(lead, text string, indent int) {
	for _, line := range Hang(p.Style, lead, text, indent) {
		p.line("%s", line)
	}
}

// Hang puts text behind a lead; what a terminal has no room for stands in lines of
// their own, so far from the edge.
func Hang(s Style, lead, text string, indent int) []string {
	if s.Width <= 0 {
		return []string{lead + text}
	}
	lines := Fold(text, max(20, s.Width-max(indent, ansi.StringWidth(lead))))
	for i := range lines {
		lines[i] = strings.TrimRight(lead+lines[i], " ")
		lead = strings.Repeat(" ", indent)
	}
	return lines
}

func (p *page) blank() { p.b.WriteByte('\n') }

func (p *page) table(t *table) {
	t.style = p.Style
	p.b.WriteString(t.text())
}

// more says what a list left out.
func (p *page) more(indent, rest string) {
	if rest != "" {
		p.line("%s%s", indent, p.dim(rest))
	}
}

// facts writes "label  text" pairs with the labels lined up.
func (p *page) facts(indent string, pairs [][2]string) {
	width := 0
	for _, f := range pairs {
		width = max(width, ansi.StringWidth(f[0]))
	}
	for _, f := range pairs {
		label := f[0] + strings.Repeat(" ", width-ansi.StringWidth(f[0]))
		at := ansi.StringWidth(indent) + width + 2
		p.hang(indent+p.dim(label)+"  ", f[1], at)
	}
}

// next closes every command: what is safe to run now.
func (p *page) next(steps []Next) {
	if len(steps) == 0 {
		return
	}
	p.blank()
	width := 0
	for _, n := range steps {
		width = max(width, ansi.StringWidth(n.Command))
	}
	// A command is never broken: where both do not fit, what it does goes below.
	const indent = 6
	beside := true
	for _, n := range steps {
		beside = beside && (p.Width <= 0 || n.About == "" || indent+width+3+ansi.StringWidth(n.About) <= p.Width)
	}
	for i, n := range steps {
		lead := "Next: "
		if i > 0 {
			lead = "      "
		}
		if !beside {
			p.line("%s%s", p.bold(lead), n.Command)
			if n.About != "" {
				for _, part := range Fold(n.About, max(20, p.Width-indent-2)) {
					p.line("        %s", p.dim(part))
				}
			}
			continue
		}
		pad := ""
		if n.About != "" {
			pad = strings.Repeat(" ", width-ansi.StringWidth(n.Command)+3) + p.dim(n.About)
		}
		p.line("%s%s%s", p.bold(lead), n.Command, pad)
	}
}

func (p *page) write(w io.Writer) error {
	text := p.b.String()
	if p.ASCII {
		text = asciiSigns.Replace(text)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
