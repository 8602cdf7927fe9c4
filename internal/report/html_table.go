package report

import (
	"context"
	"io"
	"time"

	"github.com/a-h/templ"
)

// inlineRows is up to how many rows a table stands in the page as HTML. Beyond
// it the rows are embedded as data, and the script draws the page one looks at.
const inlineRows = 2000

// tableView is a table of the report: sortable, filterable, downloadable.
type tableView struct {
	ID      string
	Caption string
	Columns []column
	Rows    rows
	Empty   string // said instead of a table without rows
	Paper   int    // rows to print, where that is more than a page of the screen
	Whole   string // the file of the run that holds all rows, for those on paper
}

// wholeOnPaper prints every row of a table.
const wholeOnPaper = 1 << 20

// elsewhere says where the rows stand that are not printed.
func (t tableView) elsewhere() string {
	if t.Whole == "" {
		return "the rest stands in the HTML report on a screen"
	}
	return "the rest stands in the HTML report on a screen, and in " + t.Whole + " of the run"
}

// column is a column's heading; Sub heads the second line of its cells, which
// is a column of its own in the CSV file.
type column struct {
	Title string
	Sub   string
	Kind  kind
}

// kind says how a column sorts and aligns.
type kind string

const (
	words  kind = "text"
	amount kind = "num"
	moment kind = "date"
)

// cell is one value: the text, a second line, what to sort by where that is
// not the text, a status mark and a class of its own.
type cell struct {
	Text  string
	Sub   string
	Sort  string
	Mark  status
	Class string
}

// status is one of four states; each has a colour and a shape.
type status string

const (
	good status = "good"
	bad  status = "bad"
	warn status = "warn"
	idle status = "idle"
)

// shape stands beside the colour for those who do not see it.
func (s status) shape() string {
	switch s {
	case good:
		return "✓"
	case bad:
		return "✗"
	case warn:
		return "!"
	case idle:
		return "–"
	}
	return ""
}

// word is the status for those who do not see at all.
func (s status) word() string {
	switch s {
	case good:
		return "good: "
	case bad:
		return "needs action: "
	case warn:
		return "attention: "
	}
	return ""
}

func textCell(t string) cell { return cell{Text: Clean(t)} }

// nameCell is a short text that does not break: an account, a Region.
func nameCell(t string) cell { return cell{Text: Clean(t), Class: "tight"} }

func markCell(s status, t string) cell { return cell{Text: Clean(t), Mark: s} }

func numberCell(n int) cell { return cell{Text: count(n), Sort: number(n)} }

// failCell is a number that needs somebody when it is not zero.
func failCell(n int, s status) cell {
	c := numberCell(n)
	if n > 0 {
		c.Mark = s
	}
	return c
}

func dateCell(t, now time.Time) cell {
	if t.IsZero() {
		return cell{Text: "unknown"}
	}
	return cell{Text: t.UTC().Format("2 Jan 2006"), Sub: Distance(t, now), Sort: t.UTC().Format(time.RFC3339), Class: "tight"}
}

// large reports whether the rows are embedded as data.
func (t tableView) large() bool { return t.Rows.len() > inlineRows }

// embedded holds the rows of a large table as data.
func (t tableView) embedded() templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		if err := writeAll(w, `<script type="application/json" class="rows">`); err != nil {
			return err
		}
		if err := t.Rows.write(w); err != nil {
			return err
		}
		return writeAll(w, "</script>")
	})
}

// sortBy is the attribute that tells the script what to sort a cell by.
func sortBy(c cell) templ.Attributes {
	if c.Sort == "" {
		return nil
	}
	return templ.Attributes{"data-sort": c.Sort}
}

// dayLabel is a count that fits a square of the calendar.
func dayLabel(n int) string {
	if n > 999 {
		return number(n/1000) + "k"
	}
	return number(n)
}
