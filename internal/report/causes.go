package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// stuck is changes that were not done for one cause in one account: what one
// person mends at once.
type stuck struct {
	accounts []string
	call     string
	code     string
	cause    keyrotor.GapCause // CauseOther where no refusal says more
	why      string            // in a few words
	message  string            // the service's own, of the first of them, whole
	request  string
	outcomes []keyrotor.Outcome
}

// open reports whether a change is not done and nothing but somebody's help or
// another turn will do it.
func open(st keyrotor.OutcomeState) bool {
	switch st {
	case keyrotor.Failed, keyrotor.RolledBack, keyrotor.Unproven, keyrotor.NotStarted:
		return true
	}
	return false
}

// groupStuck groups what was not done by account and cause, failures and large
// groups first. What a breaker kept from starting belongs to the failures that
// tripped it.
func groupStuck(outcomes []keyrotor.Outcome) []*stuck {
	groups := map[string]*stuck{}
	var held []keyrotor.Outcome
	for _, o := range outcomes {
		switch {
		case !open(o.State):
		case o.Error == nil && strings.HasPrefix(o.Reason, "account "+o.Target.Account+" stopped after"):
			held = append(held, o)
		case o.Error == nil && o.State == keyrotor.NotStarted: // a freeze, the run's breaker: one cause everywhere
			addStuck(groups, o.Reason, o, "")
		default:
			key := o.Target.Account + "\n" + nameless(o)
			if o.Error != nil {
				key += "\n" + o.Error.Call + "\n" + o.Error.Code
			}
			addStuck(groups, key, o, nameless(o))
		}
	}
	for _, o := range held {
		g := mostOf(groups, o.Target.Account)
		if g == nil { // its failures are not in this turn's outcomes
			reason, _, _ := strings.Cut(o.Reason, ": ")
			o.Reason = reason
			addStuck(groups, o.Target.Account+"\n"+reason, o, "")
			continue
		}
		g.outcomes = append(g.outcomes, o)
	}
	return slices.SortedFunc(maps.Values(groups), func(a, b *stuck) int {
		return cmp.Or(trouble(a.outcomes[0].State)-trouble(b.outcomes[0].State), len(b.outcomes)-len(a.outcomes), slices.Compare(a.accounts, b.accounts), cmp.Compare(a.why, b.why))
	})
}

func addStuck(groups map[string]*stuck, key string, o keyrotor.Outcome, what string) {
	g := groups[key]
	if g == nil {
		g = &stuck{why: cmp.Or(what, o.Reason, string(o.State))}
		if o.Error != nil {
			g.call, g.code, g.message, g.request = o.Error.Call, o.Error.Code, o.Error.Message, o.Error.RequestID
			g.cause = causeOf(*o.Error)
			g.why = causeWords(g.cause, *o.Error)
		}
		groups[key] = g
	}
	if !slices.Contains(g.accounts, o.Target.Account) {
		g.accounts = append(g.accounts, o.Target.Account)
		slices.Sort(g.accounts)
	}
	g.outcomes = append(g.outcomes, o)
}

// mostOf is the largest group of failures of an account.
func mostOf(groups map[string]*stuck, account string) *stuck {
	var most *stuck
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		g := groups[key]
		if slices.Equal(g.accounts, []string{account}) && (most == nil || len(g.outcomes) > len(most.outcomes)) {
			most = g
		}
	}
	return most
}

// nameless is the reason or message of an outcome without the names of its key:
// what differs between two keys that failed alike.
func nameless(o keyrotor.Outcome) string {
	text := o.Reason
	if o.Error != nil {
		text = o.Error.Message
	}
	for _, name := range []string{o.Target.ARN, o.Target.ID, o.Target.Name, o.Target.Region} {
		if name != "" {
			text = strings.ReplaceAll(text, name, "…")
		}
	}
	return text
}

// causeOf says who has to mend a refusal, by the words that IAM ends its
// messages with.
func causeOf(e keyrotor.CallError) keyrotor.GapCause {
	m := strings.ToLower(e.Message)
	switch {
	case strings.Contains(e.Code, "Throttl"):
		return keyrotor.CauseThrottled
	case !strings.HasPrefix(e.Code, "AccessDenied"):
		return keyrotor.CauseOther
	case strings.Contains(m, "service control policy"), strings.Contains(m, "resource control policy"):
		return keyrotor.CauseSCP
	case strings.HasPrefix(e.Call, "sts:"):
		return keyrotor.CauseTrust
	case strings.Contains(m, "resource-based policy"):
		return keyrotor.CauseKeyPolicy
	case strings.Contains(m, "identity-based policy"), strings.Contains(m, "permissions boundary"), strings.Contains(m, "session policy"):
		return keyrotor.CauseIAM
	}
	return keyrotor.CauseOther
}

// causeWords is a cause in a few words.
func causeWords(c keyrotor.GapCause, e keyrotor.CallError) string {
	switch c {
	case keyrotor.CauseSCP:
		if strings.Contains(strings.ToLower(e.Message), "resource control policy") {
			return "denied by a resource control policy on " + e.Call
		}
		return "denied by a service control policy on " + e.Call
	case keyrotor.CauseTrust:
		return "the apply role is missing or does not trust us (" + e.Call + ")"
	case keyrotor.CauseKeyPolicy:
		return "the key policy does not let the apply role call " + e.Call
	case keyrotor.CauseIAM:
		return "the apply role lacks the permission " + e.Call
	case keyrotor.CauseThrottled:
		return "throttled to the end on " + e.Call
	}
	return e.Code + " on " + e.Call
}

// mergeCauses joins the groups of several accounts that have the same cause.
func mergeCauses(groups []*stuck) []*stuck {
	var merged []*stuck
	said := map[string]*stuck{}
	for _, g := range groups {
		o := g.outcomes[0]
		key := g.why + "\n" + strings.ReplaceAll(nameless(o), o.Target.Account, "…")
		if first := said[key]; first != nil {
			first.accounts = append(first.accounts, g.accounts...)
			first.outcomes = append(first.outcomes, g.outcomes...)
			continue
		}
		one := *g
		one.accounts, one.outcomes = slices.Clone(g.accounts), slices.Clone(g.outcomes)
		said[key] = &one
		merged = append(merged, &one)
	}
	return merged
}

// count is the group in numbers: "11 changes", "11 changes (6 failed, 5 not started)".
func (g *stuck) count() string {
	counts := countStates(g.outcomes)
	if len(counts) == 1 {
		for st := range counts {
			return plural(len(g.outcomes), "change") + " " + stateText(st)
		}
	}
	return plural(len(g.outcomes), "change") + " not done (" + stateParts(counts) + ")"
}

// stateParts counts states in words: "6 failed, 5 not started".
func stateParts(counts map[keyrotor.OutcomeState]int) string {
	var parts []string
	for _, st := range stateOrder {
		if n := counts[st]; n > 0 {
			parts = append(parts, count(n)+" "+stateText(st))
		}
	}
	return strings.Join(parts, ", ")
}

// stateText is a state as a person writes it.
func stateText(st keyrotor.OutcomeState) string { return strings.ReplaceAll(string(st), "-", " ") }

// where is the account of a group, with its name where one is known.
func (g *stuck) where(names map[string]string) string {
	if len(g.accounts) > 1 {
		return plural(len(g.accounts), "account")
	}
	account := strings.Join(g.accounts, "")
	if name := names[account]; name != "" {
		return "account " + account + " (" + name + ")"
	}
	return "account " + account
}

// role is the name of the role that was refused, as AWS's message tells it.
func (g *stuck) role() string {
	_, rest, found := strings.Cut(g.message, ":assumed-role/")
	name, _, whole := strings.Cut(rest, "/")
	if !found || !whole {
		return ""
	}
	return name
}

// Remedies are the commands that help with what an apply could not do, the
// cause of most changes first, each once.
func Remedies(outcomes []keyrotor.Outcome) []Next {
	var next []Next
	for _, g := range groupStuck(outcomes) {
		n, helps := g.remedy()
		if helps && !slices.ContainsFunc(next, func(x Next) bool { return x.Command == n.Command }) {
			next = append(next, n)
		}
	}
	return next
}

// remedy is the command that helps the person who mends the cause. Doctor
// cannot try a write, so it is named only where a read would fail as well.
func (g *stuck) remedy() (Next, bool) {
	switch g.cause {
	case keyrotor.CauseSCP:
		return Next{Command: "keyrotor iam-policy --role apply apply", About: "the calls that the policy must let the apply role make"}, true
	case keyrotor.CauseIAM:
		return Next{Command: "keyrotor iam-policy --role apply apply", About: "what the apply role must be allowed"}, true
	case keyrotor.CauseTrust:
		return Next{Command: "keyrotor doctor --all", About: "tries to enter every account and says what to mend"}, true
	case keyrotor.CauseKeyPolicy:
		return Next{Command: "keyrotor explain " + g.outcomes[0].Target.ARN, About: "who administers the key, and could let the role in"}, true
	}
	if strings.HasPrefix(g.code, "AccessDenied") {
		return Next{Command: "keyrotor iam-policy --role apply apply", About: "what the apply role must be allowed"}, true
	}
	return Next{}, false
}
