package report

import (
	"encoding/json"
	"hash/maphash"
	"io"
	"iter"
	"slices"
)

// rows are those of a table of the report, which may have a hundred thousand:
// column by column, each with its distinct cells and the number of every row's
// cell, so that a name that stands in 50,000 rows is held and written once.
type rows struct {
	columns []columnCells
	order   []int32 // the rows as they are to be read
	hash    maphash.Seed
}

// columnCells is one column. A cell whose hash meets another's is kept twice.
type columnCells struct {
	cells []cell
	index []int32 // of each row's cell, in the order in which the rows came
	known map[uint64]int32
}

// row is one of the rows, to be looked at.
type row struct {
	of *rows
	n  int32
}

// at is the row's cell in a column.
func (r row) at(c int) *cell {
	column := &r.of.columns[c]
	return &column.cells[column.index[r.n]]
}

// last is the row's last cell.
func (r row) last() *cell { return r.at(len(r.of.columns) - 1) }

func (r *rows) add(cells ...cell) {
	if r.columns == nil {
		r.columns, r.hash = make([]columnCells, len(cells)), maphash.MakeSeed()
		for c := range r.columns {
			r.columns[c].known = map[uint64]int32{}
		}
	}
	r.order = append(r.order, int32(len(r.order)))
	for c, value := range cells {
		column := &r.columns[c]
		sum := maphash.Comparable(r.hash, value)
		at, known := column.known[sum]
		if !known || column.cells[at] != value {
			at = int32(len(column.cells))
			column.cells = append(column.cells, value)
			column.known[sum] = at
		}
		column.index = append(column.index, at)
	}
}

func (r *rows) len() int { return len(r.order) }

// all yields the rows in their order.
func (r *rows) all() iter.Seq[row] { return r.first(len(r.order)) }

// first yields up to so many of them.
func (r *rows) first(most int) iter.Seq[row] {
	return func(yield func(row) bool) {
		for _, n := range r.order[:min(most, len(r.order))] {
			if !yield(row{r, n}) {
				return
			}
		}
	}
}

// sort orders the rows; those that compare alike stay as they came.
func (r *rows) sort(compare func(x, y row) int) {
	slices.SortStableFunc(r.order, func(x, y int32) int { return compare(row{r, x}, row{r, y}) })
}

// without is the rows but for some.
func (r *rows) without(drop func(row) bool) rows {
	rest := *r
	rest.order = slices.DeleteFunc(slices.Clone(r.order), func(n int32) bool { return drop(row{r, n}) })
	return rest
}

// write writes the rows as the page's script reads them: an array of columns, each
// with its cells and the index of every row's cell. Its JSON escapes <, > and &, so
// that no cell ends the script element.
func (r *rows) write(w io.Writer) error {
	between := "["
	for c := range r.columns {
		if err := writeAll(w, between); err != nil {
			return err
		}
		if err := r.columns[c].write(w, r.order); err != nil {
			return err
		}
		between = ","
	}
	if len(r.columns) == 0 {
		return writeAll(w, "[]")
	}
	return writeAll(w, "]")
}

func (c *columnCells) write(w io.Writer, order []int32) error {
	between := `{"c":[`
	for i := range c.cells {
		encoded, err := json.Marshal(c.cells[i].packed())
		if err != nil {
			return err
		}
		if err := writeAll(w, between, string(encoded)); err != nil {
			return err
		}
		between = ","
	}
	between = `],"i":[`
	for _, n := range order {
		if err := writeAll(w, between, number(int(c.index[n]))); err != nil {
			return err
		}
		between = ","
	}
	if len(order) == 0 {
		return writeAll(w, between, "]}")
	}
	return writeAll(w, "]}")
}

func writeAll(w io.Writer, texts ...string) error {
	for _, t := range texts {
		if _, err := io.WriteString(w, t); err != nil {
			return err
		}
	}
	return nil
}

// packed drops the empty tail of a cell.
func (c cell) packed() []string {
	all := []string{c.Text, c.Sub, c.Sort, string(c.Mark), c.Class}
	for len(all) > 1 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}
