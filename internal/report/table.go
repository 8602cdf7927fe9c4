package report

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// table lines up cells. Cells are painted already; widths are measured without
// the paint.
type table struct {
	style  Style
	indent string
	gap    int
	head   []string
	right  map[int]bool // columns of numbers
	shrink []int        // columns that may be cut
	rows   [][]string
}

// text renders the table, cut to the terminal's width where there is one.
func (t *table) text() string {
	widths := t.widths()
	var b strings.Builder
	if len(t.head) > 0 {
		t.line(&b, t.head, widths, true)
	}
	for _, row := range t.rows {
		t.line(&b, row, widths, false)
	}
	return b.String()
}

func (t *table) widths() []int {
	var widths []int
	measure := func(row []string) {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(cell))
		}
	}
	measure(t.head)
	for _, row := range t.rows {
		measure(row)
	}
	t.fit(widths)
	return widths
}

// fit takes what the terminal has not from the columns that may be cut, always
// from the widest of them. A column keeps at least ten characters.
func (t *table) fit(widths []int) {
	const least = 10
	if t.style.Width <= 0 {
		return
	}
	over := len(t.indent) - t.style.Width - t.spacing()
	for _, w := range widths {
		over += w + t.spacing()
	}
	for ; over > 0; over-- {
		widest := -1
		for _, c := range t.shrink {
			if c < len(widths) && widths[c] > least && (widest < 0 || widths[c] > widths[widest]) {
				widest = c
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

func (t *table) spacing() int {
	if t.gap > 0 {
		return t.gap
	}
	return 2
}

func (t *table) line(b *strings.Builder, row []string, widths []int, head bool) {
	var l strings.Builder
	l.WriteString(t.indent)
	for i, cell := range row {
		if i > 0 {
			l.WriteString(strings.Repeat(" ", t.spacing()))
		}
		if ansi.StringWidth(cell) > widths[i] {
			cell = ansi.Truncate(cell, widths[i], t.style.ellipsis())
		}
		pad := strings.Repeat(" ", max(0, widths[i]-ansi.StringWidth(cell)))
		if head {
			cell = t.style.dim(cell)
		}
		if t.right[i] {
			l.WriteString(pad + cell)
		} else {
			l.WriteString(cell + pad)
		}
	}
	b.WriteString(strings.TrimRight(l.String(), " "))
	b.WriteByte('\n')
}

// shownRows is how many rows of a list are shown before "and N more".
const shownRows = 10

// first returns how many of n rows to show, and the line that says what is
// left out, empty when nothing is.
func (s Style) first(n int) (int, string) {
	if s.All || n <= shownRows {
		return n, ""
	}
	return shownRows, "and " + count(n-shownRows) + " more: --all-rows"
}
