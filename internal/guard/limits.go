package guard

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Window is a time in which nothing may be started, From inclusive to To
// exclusive.
type Window struct {
	From   time.Time
	To     time.Time
	Reason string
}

// Freeze reports whether now lies in one of the windows, and the reason of the
// one that ends last.
func Freeze(windows []Window, now time.Time) (reason string, frozen bool) {
	var last Window
	for _, w := range windows {
		if now.Before(w.From) || !now.Before(w.To) {
			continue
		}
		if !frozen || w.To.After(last.To) {
			last, frozen = w, true
		}
	}
	if !frozen {
		return "", false
	}
	reason = last.Reason
	if reason == "" {
		reason = "change freeze"
	}
	return fmt.Sprintf("%s, until %s", reason, last.To.UTC().Format(time.RFC3339)), true
}

// Limits bound what one plan may change. Zero means no bound.
type Limits struct {
	MaxPerAccount int // changes in one account
	MaxPerRun     int // changes in all
}

// BlastRadius returns one line for each limit that a plan exceeds.
func BlastRadius(p keyrotor.Plan, l Limits) []string {
	var over []string
	if n := len(p.Changes); l.MaxPerRun > 0 && n > l.MaxPerRun {
		over = append(over, fmt.Sprintf("%d changes, and a run may make %d", n, l.MaxPerRun))
	}
	if l.MaxPerAccount <= 0 {
		return over
	}
	perAccount := map[string]int{}
	for _, c := range p.Changes {
		perAccount[c.Target.Account]++
	}
	for _, account := range slices.Sorted(maps.Keys(perAccount)) {
		if n := perAccount[account]; n > l.MaxPerAccount {
			over = append(over, fmt.Sprintf("%d changes in account %s, and a run may make %d in one account", n, account, l.MaxPerAccount))
		}
	}
	return over
}
