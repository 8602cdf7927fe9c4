package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// count is a number with its noun: "1 fault", "2 faults".
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "entry"):
		noun = strings.TrimSuffix(noun, "y") + "ie"
	}
	return thousands(n) + " " + noun + "s"
}

// outcomeWords counts what became of changes, the best first.
func outcomeWords(n map[keyrotor.OutcomeState]int) string {
	var words []string
	for _, s := range slices.SortedFunc(maps.Keys(n), func(a, b keyrotor.OutcomeState) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	}) {
		if n[s] > 0 {
			words = append(words, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	return strings.Join(words, " · ")
}

// rank is the place of a state among others. It has no default: the linter asks
// where a new state belongs.
func rank(s keyrotor.OutcomeState) int {
	switch s {
	case keyrotor.Succeeded:
		return 1
	case keyrotor.Unchanged:
		return 2
	case keyrotor.Skipped:
		return 3
	case keyrotor.Waiting:
		return 4
	case keyrotor.RolledBack:
		return 5
	case keyrotor.Failed:
		return 6
	case keyrotor.Unproven:
		return 7
	case keyrotor.NotStarted:
		return 8
	}
	return 9 // a state of a later version
}

// failures says in a line what failed, and what that held up.
func failures(outcomes []keyrotor.Outcome) string {
	accounts, held := map[string]bool{}, 0
	var first *keyrotor.Outcome
	for i, o := range outcomes {
		switch {
		case o.State == keyrotor.NotStarted:
			held++
		case o.State == keyrotor.Failed && o.Error != nil:
			accounts[o.Target.Account] = true
			if first == nil {
				first = &outcomes[i]
			}
		}
	}
	if first == nil {
		return ""
	}
	where := "account " + first.Target.Account + " refuses"
	if len(accounts) > 1 {
		where = count(len(accounts), "account") + " refuse"
	}
	words := fmt.Sprintf("%s: %s on %s", where, first.Error.Code, first.Error.Call)
	if held > 0 {
		words += fmt.Sprintf("; its other %d were not begun", held)
	}
	return words
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// untilText is a moment as the commands print it.
func untilText(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04 MST") }
