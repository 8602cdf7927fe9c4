package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRowsHoldAndWriteEachCellOnce(t *testing.T) {
	var r rows
	for _, name := range []string{"d", "a", "c", "b", "a"} {
		r.add(cell{Text: name}, cell{Text: "eu-west-1", Class: "tight"}, cell{Text: "</script>", Sort: name})
	}
	r.sort(func(x, y row) int { return strings.Compare(x.at(0).Text, y.at(0).Text) })
	if got := texts(&r); !slices.Equal(got, []string{"a", "a", "b", "c", "d"}) {
		t.Errorf("sorted: got %q", got)
	}
	rest := r.without(func(x row) bool { return x.last().Sort == "a" })
	if got := texts(&rest); !slices.Equal(got, []string{"b", "c", "d"}) || r.len() != 5 {
		t.Errorf("without: got %q, and %d are left of 5", got, r.len())
	}
	var b strings.Builder
	if err := rest.write(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<") {
		t.Errorf("a cell may end the script: %s", b.String())
	}
	var columns []struct {
		Cells [][]string `json:"c"`
		Index []int      `json:"i"`
	}
	if err := json.Unmarshal([]byte(b.String()), &columns); err != nil {
		t.Fatalf("%v: %s", err, b.String())
	}
	var got []string
	for n := range columns[0].Index {
		var line []string
		for _, c := range columns {
			line = append(line, fmt.Sprint(c.Cells[c.Index[n]]))
		}
		got = append(got, strings.Join(line, " "))
	}
	want := []string{
		"[b] [eu-west-1    tight] [</script>  b]",
		"[c] [eu-west-1    tight] [</script>  c]",
		"[d] [eu-west-1    tight] [</script>  d]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if n := len(columns[1].Cells); n != 1 {
		t.Errorf("one Region stands in five rows, and is written %d times", n)
	}
}

func TestNoRowsAreWrittenAsNone(t *testing.T) {
	var b strings.Builder
	if err := new(rows).write(&b); err != nil || !json.Valid([]byte(b.String())) {
		t.Errorf("got %q, %v", b.String(), err)
	}
	full := rows{}
	full.add(cell{Text: "a"})
	none := full.without(func(row) bool { return true })
	b.Reset()
	if err := none.write(&b); err != nil || !json.Valid([]byte(b.String())) {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

func texts(r *rows) []string {
	var out []string
	for row := range r.all() {
		out = append(out, row.at(0).Text)
	}
	return out
}
