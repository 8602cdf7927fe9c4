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
		p.line("%s%s  %s", indent, p.dim(label), f[1])
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
	for i, n := range steps {
		lead := "Next: "
		if i > 0 {
			lead = "      "
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
