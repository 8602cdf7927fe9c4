package report

import (
	"strings"

	"github.com/keyrotor/keyrotor"
)

// A plan may hold changes of several kinds. What a run did is said kind by
// kind: "switched rotation on" alone would hide periods, tags and the rest.

// kindText is how a kind of change is said to a person; %s is a number of keys.
type kindText struct {
	verb keyrotor.Verb
	name string // of the row of a table
	did  string // "this run …"
	// holds is what is so now, for one key and for several.
	holds, hold string
}

func kindTexts() []kindText {
	return []kindText{
		{keyrotor.EnableRotation, "switch rotation on", "switched rotation on for %s", "%s rotates that did not", "%s rotate that did not"},
		{keyrotor.SetPeriod, "change the rotation period", "changed the rotation period of %s", "%s has another rotation period", "%s have another rotation period"},
		{keyrotor.DisableRotation, "switch rotation off", "switched rotation off for %s", "%s does not rotate any more", "%s do not rotate any more"},
		{keyrotor.RotateNow, "rotate now, on demand", "rotated %s on demand", "%s has new key material", "%s have new key material"},
		{keyrotor.CreateKey, "create a key", "created %s", "%s exists that did not", "%s exist that did not"},
		{keyrotor.CreateAlias, "give an alias", "gave %s an alias", "%s has another alias", "%s have another alias"},
		{keyrotor.TagKey, "set tags", "set the tags of %s", "%s has other tags", "%s have other tags"},
	}
}

// undoTexts are the same where a run takes back what another one did.
func undoTexts() []kindText {
	return []kindText{
		{keyrotor.DisableRotation, "switch rotation off again", "switched rotation off again for %s", "rotation is off again for %s", "rotation is off again for %s"},
		{keyrotor.SetPeriod, "restore the earlier period", "restored the earlier rotation period of %s", "%s has its earlier rotation period back", "%s have their earlier rotation periods back"},
		{keyrotor.EnableRotation, "switch rotation on again", "switched rotation on again for %s", "%s rotates again", "%s rotate again"},
		{keyrotor.TagKey, "restore the earlier tags", "restored the tags of %s", "%s has its earlier tags back", "%s have their earlier tags back"},
	}
}

// kindsOf are the texts for a plan, undo or not.
func kindsOf(p *keyrotor.Plan) []kindText {
	if p != nil && p.Undoes != "" {
		return undoTexts()
	}
	return kindTexts()
}

// verbOf is the kind of a change: what it is about, whatever else it takes.
func verbOf(c keyrotor.Change) keyrotor.Verb {
	var first keyrotor.Verb
	for _, s := range c.Steps {
		switch {
		case s.Verb == keyrotor.CreateKey:
			return s.Verb
		case first == "":
			first = s.Verb
		}
	}
	if first == keyrotor.UntagKey {
		return keyrotor.TagKey
	}
	return first
}

// recipeVerb stands in where the plan is not at hand.
func recipeVerb(recipe string) keyrotor.Verb {
	switch recipe {
	case "rotate-overdue":
		return keyrotor.RotateNow
	case "tag":
		return keyrotor.TagKey
	}
	return keyrotor.Verb(recipe)
}

// kindCounts is what became of the changes, by kind.
type kindCounts map[keyrotor.Verb]map[keyrotor.OutcomeState]int

// countKinds counts outcomes by the kind of their change; a change without an
// outcome was not started.
func countKinds(p *keyrotor.Plan, outcomes []keyrotor.Outcome) kindCounts {
	kinds := map[keyrotor.ChangeID]keyrotor.Verb{}
	if p != nil {
		for _, c := range p.Changes {
			kinds[c.ID] = verbOf(c)
		}
	}
	counts := kindCounts{}
	count := func(v keyrotor.Verb, st keyrotor.OutcomeState) {
		if counts[v] == nil {
			counts[v] = map[keyrotor.OutcomeState]int{}
		}
		counts[v][st]++
	}
	for _, o := range outcomes {
		verb, known := kinds[o.Change]
		if !known {
			verb = recipeVerb(o.Recipe)
		}
		delete(kinds, o.Change)
		count(verb, o.State)
	}
	for _, verb := range kinds {
		count(verb, keyrotor.NotStarted)
	}
	return counts
}

// others counts succeeded changes of kinds that no text names.
func (k kindCounts) others(texts []kindText) int {
	n := 0
	for verb, states := range k {
		named := false
		for _, t := range texts {
			named = named || t.verb == verb
		}
		if !named {
			n += states[keyrotor.Succeeded]
		}
	}
	return n
}

// did lists what was done, one clause a kind: "switched rotation on for 3 keys".
func (k kindCounts) did(texts []kindText) []string {
	var out []string
	for _, t := range texts {
		if n := k[t.verb][keyrotor.Succeeded]; n > 0 {
			out = append(out, strings.Replace(t.did, "%s", plural(n, "key"), 1))
		}
	}
	if n := k.others(texts); n > 0 {
		out = append(out, "made "+plural(n, "other change"))
	}
	return out
}

// hold lists what is so now because of it: "3 keys rotate that did not".
func (k kindCounts) hold(texts []kindText) []string {
	var out []string
	for _, t := range texts {
		n := k[t.verb][keyrotor.Succeeded]
		switch {
		case n == 1:
			out = append(out, strings.Replace(t.holds, "%s", plural(n, "key"), 1))
		case n > 1:
			out = append(out, strings.Replace(t.hold, "%s", plural(n, "key"), 1))
		}
	}
	if n := k.others(texts); n > 0 {
		out = append(out, plural(n, "other change")+" done")
	}
	return out
}

// sentence joins clauses as a person says them: "a, b and c".
func sentence(clauses []string) string {
	last := len(clauses) - 1
	if last < 1 {
		return strings.Join(clauses, "")
	}
	return strings.Join(clauses[:last], ", ") + " and " + clauses[last]
}
