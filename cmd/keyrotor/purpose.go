package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// purpose is what an approver asks of changes before signing: who wants them, why,
// and what of them no later run can take back. What is not known is left out.
func purpose(pl keyrotor.Plan, changes []keyrotor.Change) [][2]string {
	lines := [][2]string{{"author", authorLine(pl.Author)}, {"ticket", pl.Ticket}, {"reason", pl.Reason}}
	for _, words := range forGood(changes) {
		lines = append(lines, [2]string{"no undo", words})
	}
	return slices.DeleteFunc(lines, func(l [2]string) bool { return l[1] == "" })
}

// authorLine is whose key made a plan, which key, and with which identity at AWS.
func authorLine(a keyrotor.Author) string {
	key := strings.TrimSpace(a.Principal + " " + a.Key)
	if key == "" {
		return a.Identity
	}
	return strings.TrimSuffix(key+", as "+a.Identity, ", as ")
}

// forGood counts changes that cannot be undone, by why; most first.
func forGood(changes []keyrotor.Change) []string {
	byWhy := map[string]int{}
	var order []string
	for _, c := range changes {
		if c.CannotUndo == "" {
			continue
		}
		if byWhy[c.CannotUndo] == 0 {
			order = append(order, c.CannotUndo)
		}
		byWhy[c.CannotUndo]++
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(byWhy[b], byWhy[a]) })
	var words []string
	for _, why := range order {
		words = append(words, fmt.Sprintf("%s: %s", count(byWhy[why], "change"), why))
	}
	return words
}

// showPurpose tells it where no screen has.
func (s *session) showPurpose(pl keyrotor.Plan, f approveFlags) {
	if !s.text() || f.onScreen() || f.chooseOnly {
		return
	}
	for _, line := range purpose(pl, pl.Changes) {
		s.hang(pad(line[0], 8), report.Clean(line[1]))
	}
}

// purposeLines are the same on the page where one says yes. A long reason is cut:
// the page must end with the question.
func (c *chooser) purposeLines(changes []keyrotor.Change) []string {
	const most = 3
	var lines []string
	for _, l := range purpose(c.plan, changes) {
		title := pad(l[0]+":", 9)
		parts := strings.Split(ansi.Wrap(report.Clean(l[1]), max(20, c.width-16), ""), "\n")
		if len(parts) > most {
			parts = append(parts[:most-1], parts[most-1]+" …")
		}
		for _, part := range parts {
			lines = append(lines, "  "+title+part)
			title = pad("", 9)
		}
	}
	return lines
}
