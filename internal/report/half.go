package report

import (
	"cmp"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// half is a change of which some steps took effect and the rest did not: what a
// person paged at night must not be told is "nothing".
type half struct {
	outcome keyrotor.Outcome
	key     string // id of the key, also of one that the change made
	done    []keyrotor.Verb
	// stopped is the step that did not come about, "" where all were called and
	// the effect of the last is not to be seen.
	stopped keyrotor.Verb
}

// HalfDone counts the changes of which some steps took effect and the rest did not.
func HalfDone(plan keyrotor.Plan, outcomes []keyrotor.Outcome) int {
	return len(halfDone(&plan, outcomes))
}

// halfDone finds what was left half done, in the order of the outcomes.
func halfDone(plan *keyrotor.Plan, outcomes []keyrotor.Outcome) []half {
	steps := map[keyrotor.ChangeID][]keyrotor.Step{}
	if plan != nil {
		for _, c := range plan.Changes {
			steps[c.ID] = c.Steps
		}
	}
	var all []half
	for _, o := range outcomes {
		if h, is := halfOf(o, steps[o.Change]); is {
			all = append(all, h)
		}
	}
	return all
}

// halfOf reports whether a change came to rest with an effect of ours and
// without its end. One whose every call was accepted is under way or in doubt,
// which is another thing, unless it failed.
func halfOf(o keyrotor.Outcome, steps []keyrotor.Step) (half, bool) {
	h := half{outcome: o, key: o.Target.ID}
	ours := false
	for _, r := range o.Receipts {
		ours = ours || !r.Found
		h.done = append(h.done, r.Verb)
		h.key = cmp.Or(h.key, r.Result["key_id"])
	}
	for _, s := range steps {
		if !slices.ContainsFunc(o.Receipts, func(r keyrotor.Receipt) bool { return r.Step == s.Number }) {
			h.stopped = s.Verb
			break
		}
	}
	switch o.State {
	case keyrotor.Succeeded, keyrotor.Unchanged, keyrotor.RolledBack, stateUndone:
		return half{}, false
	case keyrotor.Failed, keyrotor.NotStarted:
		return h, ours
	}
	return h, ours && h.stopped != ""
}

// words are the steps that are done and the one that is not: "create-key and
// create-alias done, enable-rotation failed".
func (h half) words() string {
	var done []string
	for _, v := range h.done {
		done = append(done, string(v))
	}
	words := sentence(done) + " done"
	if h.stopped == "" {
		return words + ", the effect not seen"
	}
	if h.outcome.InDoubt {
		return words + ", " + string(h.stopped) + " in doubt"
	}
	return words + ", " + string(h.stopped) + " " + stateText(h.outcome.State)
}

// String names the key too, by its id: a key that was made may have no alias.
func (h half) String() string {
	key := ""
	if h.key != "" && h.key != h.outcome.Target.Name {
		key = ", key " + h.key
	}
	return h.outcome.Target.String() + key + ": " + h.words()
}

// halves are the rows that name what was left half done.
func (p *page) halves(all []half) [][2]string {
	var facts [][2]string
	n, rest := p.first(len(all))
	for _, h := range all[:n] {
		facts = append(facts, [2]string{firstLabel(len(facts), "Half done"), p.text(h.String())})
	}
	if rest != "" {
		facts = append(facts, [2]string{" ", p.dim(rest)})
	}
	return facts
}

// halfWords says of each change that was left half done what of it is done.
func halfWords(all []half) map[keyrotor.ChangeID]string {
	words := map[keyrotor.ChangeID]string{}
	for _, h := range all {
		words[h.outcome.Change] = "half done: " + h.words()
		if h.outcome.Target.ID == "" && h.key != "" {
			words[h.outcome.Change] += ", key " + h.key
		}
	}
	return words
}

// also puts a second sentence, if there is one, behind the first.
func also(text, second string) string {
	if second == "" {
		return text
	}
	return text + "; " + second
}

// doubtful reports whether a change may have taken effect though nobody saw it.
func doubtful(o keyrotor.Outcome) bool {
	return o.State == keyrotor.Unproven || o.InDoubt && (o.State == keyrotor.Failed || o.State == keyrotor.NotStarted)
}
