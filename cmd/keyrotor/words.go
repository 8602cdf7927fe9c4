package main

import (
	"fmt"
	"strings"

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

func outcomeWords(n map[keyrotor.OutcomeState]int) string {
	var words []string
	for _, s := range []keyrotor.OutcomeState{
		keyrotor.Succeeded, keyrotor.Unchanged, keyrotor.Skipped, keyrotor.Waiting, keyrotor.Failed, keyrotor.Unproven, keyrotor.NotStarted,
	} {
		if n[s] > 0 {
			words = append(words, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	return strings.Join(words, " · ")
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
