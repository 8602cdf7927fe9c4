package report

import (
	"slices"
	"strings"
)

// inCommon is what two texts of one class share: where they differ stands "…",
// and a place that only one of them names is left away. One key's particulars
// must not stand for a whole class.
func inCommon(a, b string) string {
	if a == b {
		return a
	}
	if main, ended := strings.CutSuffix(a, "."); ended && strings.HasPrefix(b, main+": ") {
		return a // a third of the class, whose particulars are left away like those before
	}
	x, y := strings.Fields(a), strings.Fields(b)
	head := 0
	for head < min(len(x), len(y)) && x[head] == y[head] && x[head] != "…" {
		head++
	}
	tail := 0
	for tail < min(len(x), len(y))-head && x[len(x)-1-tail] == y[len(y)-1-tail] && x[len(x)-1-tail] != "…" {
		tail++
	}
	begin, end := x[:head], x[len(x)-tail:]
	if len(end) > 0 {
		return strings.Join(slices.Concat(begin, []string{"…"}, end), " ")
	}
	for len(begin) > 0 && slices.Contains([]string{"in", "of", "to", "at", "from", "for", "a", "the"}, begin[len(begin)-1]) {
		begin = begin[:len(begin)-1]
	}
	if len(begin) == 0 {
		return "differs from key to key"
	}
	said := strings.Join(begin, " ")
	if main, _, more := strings.Cut(said, ": "); more {
		return main + "." // what differs is what the colon leads to
	}
	return said
}
