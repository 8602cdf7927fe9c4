package assess

import (
	"cmp"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// wentWrong begins the message of a finding that is unknown because the rule's own
// expression went wrong, and not for want of a fact.
const wentWrong = "the rule could not be evaluated: "

// Broken is a rule whose expression went wrong for some assets: a mistake in it that
// no verdict tells.
type Broken struct {
	Rule    string
	Assets  int    // for which it went wrong
	Decided int    // for which it passed or failed
	First   string // the first asset, and what went wrong
}

// Broken lists the rules that went wrong so far, in the order of findings.
func (a *Assessor) Broken() []Broken {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []Broken
	for _, b := range a.tally.broken {
		if b.Assets > 0 {
			list = append(list, b)
		}
	}
	return list
}

// count adds what the rule said of an asset.
func (b *Broken) count(a keyrotor.Asset, f keyrotor.Finding) {
	b.Rule = f.Rule
	switch f.Verdict {
	case keyrotor.Pass, keyrotor.Fail, keyrotor.Waived:
		b.Decided++
	case keyrotor.NotApplicable:
	case keyrotor.Unknown:
		why, broken := strings.CutPrefix(f.Message, wentWrong)
		if !broken {
			return
		}
		b.Assets++
		b.First = cmp.Or(b.First, cmp.Or(a.Name(), a.ARN)+": "+why)
	}
}

// BrokenTests lists the rules that went wrong in tests.
func BrokenTests(results []TestResult) []Broken {
	var list []Broken
	at := map[string]int{}
	for _, r := range results {
		i, known := at[r.Rule]
		if !known {
			i, at[r.Rule] = len(list), len(list)
			list = append(list, Broken{})
		}
		list[i].count(keyrotor.Asset{ARN: r.Test}, keyrotor.Finding{Rule: r.Rule, Verdict: r.Got, Message: r.Message})
	}
	kept := list[:0]
	for _, b := range list {
		if b.Assets > 0 {
			kept = append(kept, b)
		}
	}
	return kept
}
