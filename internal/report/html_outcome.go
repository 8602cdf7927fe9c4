package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// outcomeView is what this run changed, and what it could not.
type outcomeView struct {
	Ran    bool
	Note   string
	Counts []figure
	Kinds  tableView
	Causes []causeView
	Table  tableView
}

// causeView is what was not done for one cause: the sentence, and on demand the
// service's own words and the keys.
type causeView struct {
	What    string
	Status  status
	Message string
	Keys    []string
	More    string
}

func outcomeStatus(st keyrotor.OutcomeState) status {
	switch st {
	case keyrotor.Succeeded, keyrotor.Unchanged:
		return good
	case keyrotor.Failed, keyrotor.Unproven:
		return bad
	case keyrotor.Waiting, keyrotor.RolledBack, keyrotor.NotStarted:
		return warn
	}
	return idle
}

func (b *builder) outcome() outcomeView {
	v := outcomeView{Note: "Nothing was changed in this run: it only looked."}
	if b.run.Plan != nil {
		v.Note = "A plan of " + plural(len(b.run.Plan.Changes), "change") + " was made (digest " + b.run.Plan.Digest.Short() + "). Nothing of it has been carried out."
	}
	if len(b.run.Outcomes) == 0 {
		return v
	}
	v.Ran = true
	v.Note = b.outcomeNote()
	counts := countStates(b.run.Outcomes)
	for _, st := range stateOrder {
		if n := counts[st]; n > 0 {
			v.Counts = append(v.Counts, figure{Number: count(n), Name: stateText(st), Status: outcomeStatus(st)})
		}
	}
	if n := counts[stateUndone]; n > 0 {
		v.Counts = append(v.Counts, figure{Number: count(n), Name: "undone by a later run", Status: idle})
	}
	for verdict, n := range countVerdicts(b.run.Verifications) {
		if verdict == keyrotor.Discrepant && n > 0 {
			v.Counts = append(v.Counts, figure{Number: count(n), Name: "found otherwise by verify", Status: bad})
		}
	}
	v.Kinds = b.kindTable()
	v.Causes = b.causes()
	v.Table = b.outcomeTable()
	return v
}

// kindTable is what became of the plan, kind by kind.
func (b *builder) kindTable() tableView {
	v := tableView{
		ID: "kinds", Caption: "What became of the changes, by kind",
		Columns: []column{{Title: "Change", Kind: words}, {Title: "Done", Kind: amount}, {Title: "So already", Kind: amount},
			{Title: "Left alone", Kind: amount}, {Title: "Under way", Kind: amount}, {Title: "Not done", Kind: amount}},
	}
	counts, texts := countKinds(b.run.Plan, b.run.Outcomes), kindsOf(b.run.Plan)
	undone := len(b.run.TakenBack) > 0
	if undone {
		v.Columns = append(v.Columns, column{Title: "Undone since", Kind: amount})
	}
	for _, verb := range slices.Sorted(maps.Keys(counts)) {
		name := Clean(string(verb))
		if i := slices.IndexFunc(texts, func(t kindText) bool { return t.verb == verb }); i >= 0 {
			name = texts[i].name
		}
		states, missing := counts[verb], 0
		for st, n := range states {
			if open(st) {
				missing += n
			}
		}
		cells := []cell{
			{Text: name, Class: "name"}, numberCell(states[keyrotor.Succeeded]), numberCell(states[keyrotor.Unchanged]),
			numberCell(states[keyrotor.Skipped]), numberCell(states[keyrotor.Waiting]), failCell(missing, bad),
		}
		if undone {
			cells = append(cells, numberCell(states[stateUndone]))
		}
		v.Rows.add(cells...)
	}
	return v
}

// causes is what was not done, each cause and account once.
func (b *builder) causes() []causeView {
	const shown = 100
	var out []causeView
	half := halfWords(halfDone(b.run.Plan, b.run.Outcomes))
	for _, g := range groupStuck(b.run.Outcomes) {
		c := causeView{What: Clean(g.count() + " in " + g.where(b.names) + ": " + g.why), Status: outcomeStatus(g.outcomes[0].State)}
		if g.message != "" {
			c.Message = Clean(g.code+": "+g.message) + requestID(g.request)
		}
		for _, o := range g.outcomes[:min(shown, len(g.outcomes))] {
			c.Keys = append(c.Keys, Clean(nameOf(o.Target)+" "+o.Target.Region+" ("+also(stateText(o.State), half[o.Change])+")"))
		}
		if n := len(g.outcomes) - shown; n > 0 {
			c.More = "and " + count(n) + " more, in the table below"
		}
		out = append(out, c)
	}
	return out
}

func (b *builder) outcomeNote() string {
	all := len(b.run.Outcomes)
	if b.run.Plan != nil {
		all = max(all, len(b.run.Plan.Changes))
	}
	begun := len(b.run.Outcomes) - countStates(b.run.Outcomes)[keyrotor.NotStarted]
	note := plural(all, "change") + " taken up"
	if begun < all {
		note = count(begun) + " of " + plural(all, "change") + " taken up, " + count(all-begun) + " never begun"
	}
	if len(b.run.Approvals) > 0 {
		var who []string
		for _, a := range b.run.Approvals {
			who = append(who, a.Principal)
		}
		note += ", approved by " + joinClean(who, ", ")
	}
	note += "."
	for _, words := range b.undoneWords() {
		note += " " + words
	}
	if len(b.run.Verifications) > 0 {
		note += " " + confirmedWords(b.run.Verifications)
	}
	return note
}

func (b *builder) outcomeTable() tableView {
	v := tableView{
		ID: "outcome", Paper: 50, Whole: "outcomes.jsonl", Caption: "What became of each change, what needs a person first",
		Columns: []column{
			{Title: "Key", Sub: "Key id", Kind: words},
			{Title: "Account", Sub: "Account id", Kind: words},
			{Title: "Region", Kind: words},
			{Title: "Change", Kind: words},
			{Title: "Outcome", Kind: words},
			{Title: "Ended", Kind: moment},
			{Title: "Second look", Kind: words},
			{Title: "Reason or error", Sub: "AWS request ids", Kind: words},
		},
	}
	checks := map[keyrotor.ChangeID]keyrotor.Verification{}
	for _, c := range b.run.Verifications {
		checks[c.Change] = c
	}
	changes, half := changeWords(b.run.Plan), halfWords(halfDone(b.run.Plan, b.run.Outcomes))
	ordered := slices.Clone(b.run.Outcomes)
	slices.SortStableFunc(ordered, func(x, y keyrotor.Outcome) int {
		return cmp.Or(rankCheck(checks[x.Change])-rankCheck(checks[y.Change]), trouble(x.State)-trouble(y.State))
	})
	for _, o := range ordered {
		check := checkCell(checks, o.Change)
		if o.State == stateUndone {
			check = b.undoneCheck(o.Change)
		}
		v.Rows.add([]cell{
			keyCell(nameOf(o.Target), o.Target.ID),
			b.accountCell(o.Target.Account),
			nameCell(o.Target.Region),
			{Text: changes[o.Change]},
			{Text: stateText(o.State), Mark: outcomeStatus(o.State), Class: "tight"},
			endedCell(o),
			check,
			{Text: Clean(also(outcomeReason(o), half[o.Change])), Sub: joinClean(requestIDs(o), " "), Class: "reason"},
		}...)
	}
	return v
}

// rankCheck puts what verify found otherwise before all else.
func rankCheck(v keyrotor.Verification) int {
	if v.Verdict == keyrotor.Discrepant {
		return 0
	}
	return 1
}

func checkCell(checks map[keyrotor.ChangeID]keyrotor.Verification, id keyrotor.ChangeID) cell {
	v, looked := checks[id]
	if !looked {
		return cell{Text: "–", Sort: "~"}
	}
	switch v.Verdict {
	case keyrotor.Confirmed:
		return cell{Text: "confirmed", Mark: good, Class: "tight"}
	case keyrotor.Discrepant:
		return cell{Text: Clean("found " + v.Found + ", promised " + v.Promised), Mark: bad, Class: "status"}
	}
	return markCell(warn, string(v.Verdict))
}

// changeWords is what each change of a plan does, in words.
func changeWords(p *keyrotor.Plan) map[keyrotor.ChangeID]string {
	out := map[keyrotor.ChangeID]string{}
	if p == nil {
		return out
	}
	for _, c := range p.Changes {
		var steps []string
		for _, st := range c.Steps {
			steps = append(steps, strings.ReplaceAll(stepWords(st, "→"), "  ", " "))
		}
		out[c.ID] = strings.Join(steps, "; ")
	}
	return out
}

// outcomeReason is the cause in a few words; the service's own stand whole with
// the causes above the table and in outcomes.jsonl.
func outcomeReason(o keyrotor.Outcome) string {
	stopped, _, _ := strings.Cut(o.Reason, ": ")
	switch {
	case o.Error != nil && open(o.State):
		return causeWords(causeOf(*o.Error), *o.Error)
	case o.Error != nil:
		return short(cmp.Or(o.Reason, o.Error.Code+" on "+o.Error.Call), 400)
	case o.State == keyrotor.NotStarted && strings.HasPrefix(o.Reason, "account "):
		return stopped
	case o.Reason == "":
		return "–"
	}
	return short(o.Reason, 400)
}
