package plan

import (
	"fmt"

	"github.com/keyrotor/keyrotor"
)

// tally counts the assets that a plan was made from, so that a plan of nothing
// can say why.
type tally struct {
	chosen, others int
	views          map[keyrotor.View]int // of the chosen
}

func (t *tally) count(a keyrotor.Assessment, chosen bool) {
	if !chosen {
		t.others++
		return
	}
	if t.views == nil {
		t.views = map[keyrotor.View]int{}
	}
	t.chosen++
	t.views[a.View]++
}

// words say why there is nothing to do, a line each.
func (t *tally) words() []string {
	switch {
	case t.chosen+t.others == 0:
		return []string{"there is no key in the inventory"}
	case t.chosen == 0:
		return []string{"none of " + count(t.others, "key") + " was chosen"}
	}
	var lines []string
	if t.others > 0 {
		lines = append(lines, fmt.Sprintf("%s chosen, %d not", count(t.chosen, "key"), t.others))
	}
	rest := t.chosen
	for _, v := range []struct {
		view  keyrotor.View
		words string
	}{
		{keyrotor.ViewRotating, "rotating already"},
		{keyrotor.ViewTarget, "not rotating, and left as it is"},
		{keyrotor.ViewNotEligible, "cannot rotate automatically"},
		{keyrotor.ViewAWSManaged, "managed by AWS"},
	} {
		if n := t.views[v.view]; n > 0 {
			lines = append(lines, count(n, "key")+" "+v.words)
		}
		rest -= t.views[v.view]
	}
	if rest > 0 {
		lines = append(lines, count(rest, "key")+" of which too little could be read")
	}
	return lines
}
