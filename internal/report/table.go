package report

import (
	"slices"
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
	wrap   map[int]int  // of those, the ones that go on in a further line instead, and the width they keep; not painted
	keep   map[int]int  // columns to cut that keep more than least
	middle map[int]bool // columns that are cut in their middle: names, which differ at both ends
	below  []int        // columns whose cells go into a line below, when cutting is not enough
	drop   []int        // columns that are left away when cutting is not enough, in this order
	rows   [][]string
	hidden map[int]bool
}

// least is what a column keeps that is cut.
const least = 10

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

// fit takes what the terminal has not: first whole columns where cutting others
// would not be enough, then from the columns that may be cut, always from the
// widest of them.
func (t *table) fit(widths []int) {
	if t.style.Width <= 0 {
		return
	}
	t.hidden = map[int]bool{}
	for _, c := range append(slices.Clone(t.below), t.drop...) {
		if t.over(widths, t.atLeast) <= 0 {
			break
		}
		t.hidden[c] = true
	}
	for over := t.over(widths, func(_, w int) int { return w }); over > 0; over-- {
		widest := -1
		for _, c := range t.shrink {
			if c < len(widths) && !t.hidden[c] && widths[c] > t.atLeast(c, widths[c]) && (widest < 0 || widths[c] > widths[widest]) {
				widest = c
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// over is how much wider than the terminal the table is.
func (t *table) over(widths []int, width func(column, w int) int) int {
	over := len(t.indent) - t.style.Width - t.spacing()
	for c, w := range widths {
		if !t.hidden[c] {
			over += width(c, w) + t.spacing()
		}
	}
	return over
}

// atLeast is the width that a column can be brought to.
func (t *table) atLeast(column, w int) int {
	for _, c := range t.shrink {
		if c == column {
			return min(w, max(least, t.wrap[column], t.keep[column]))
		}
	}
	return w
}

func (t *table) spacing() int {
	if t.gap > 0 {
		return t.gap
	}
	return 2
}

// line writes one row, and below it what its wrapped cells have left.
func (t *table) line(b *strings.Builder, row []string, widths []int, head bool) {
	more := make([]string, len(row))
	again := false
	for i, cell := range row {
		if !head && t.wrap[i] > 0 && ansi.StringWidth(cell) > widths[i] {
			parts := Fold(cell, widths[i])
			row = append([]string(nil), row...)
			row[i], more[i] = parts[0], strings.Join(parts[1:], " ")
			again = again || more[i] != ""
		}
	}
	t.write(b, row, widths, head)
	if again {
		t.line(b, more, widths, head)
	}
	for _, c := range slices.Backward(t.below) { // what gave way last says most
		if t.hidden[c] && !head && row[c] != "" {
			for _, part := range Fold(row[c], t.style.Width-len(t.indent)-4) {
				b.WriteString(t.indent + "    " + part + "\n")
			}
		}
	}
}

func (t *table) write(b *strings.Builder, row []string, widths []int, head bool) {
	var l strings.Builder
	l.WriteString(t.indent)
	for i, cell := range row {
		if t.hidden[i] {
			continue
		}
		if l.Len() > len(t.indent) {
			l.WriteString(strings.Repeat(" ", t.spacing()))
		}
		switch {
		case ansi.StringWidth(cell) <= widths[i]:
		case t.middle[i]:
			cell = Shorten(cell, widths[i], t.style.ellipsis())
		default:
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

// Shorten cuts a name in its middle: those of one estate begin alike, and often
// end alike.
func Shorten(name string, width int, ellipsis string) string {
	w, room := ansi.StringWidth(name), width-ansi.StringWidth(ellipsis)
	if w <= width || room < 2 {
		return ansi.Truncate(name, width, ellipsis)
	}
	return ansi.Truncate(name, (room+1)/2, "") + ellipsis + ansi.TruncateLeft(name, w-room/2, "")
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
