package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// outcomeView is what this run changed, and what it could not.
type outcomeView struct {
	Ran    bool
	Note   string
	Counts []figure
	Table  tableView
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
			v.Counts = append(v.Counts, figure{Number: count(n), Name: strings.ReplaceAll(string(st), "-", " "), Status: outcomeStatus(st)})
		}
	}
	for verdict, n := range countVerdicts(b.run.Verifications) {
		if verdict == keyrotor.Discrepant && n > 0 {
			v.Counts = append(v.Counts, figure{Number: count(n), Name: "found otherwise by verify", Status: bad})
		}
	}
	v.Table = b.outcomeTable()
	return v
}

func (b *builder) outcomeNote() string {
	n := len(b.run.Outcomes)
	note := plural(n, "change") + " carried out or decided"
	if len(b.run.Approvals) > 0 {
		var who []string
		for _, a := range b.run.Approvals {
			who = append(who, a.Principal)
		}
		note += ", approved by " + joinClean(who, ", ")
	}
	note += "."
	if len(b.run.Verifications) > 0 {
		counts := countVerdicts(b.run.Verifications)
		note += " A second, independent look confirmed " + count(counts[keyrotor.Confirmed]) + " of " + count(len(b.run.Verifications)) + "."
	}
	return note
}

func (b *builder) outcomeTable() tableView {
	v := tableView{
		ID: "outcome", Paper: 50, Caption: "What became of each change, what needs a person first",
		Columns: []column{
			{Title: "Key", Sub: "Key id", Kind: words},
			{Title: "Account", Sub: "Account id", Kind: words},
			{Title: "Region", Kind: words},
			{Title: "Outcome", Kind: words},
			{Title: "Second look", Kind: words},
			{Title: "Reason or error", Sub: "AWS request ids", Kind: words},
		},
	}
	checks := map[keyrotor.ChangeID]keyrotor.Verification{}
	for _, c := range b.run.Verifications {
		checks[c.Change] = c
	}
	ordered := slices.Clone(b.run.Outcomes)
	slices.SortStableFunc(ordered, func(x, y keyrotor.Outcome) int {
		return cmp.Or(rankCheck(checks[x.Change])-rankCheck(checks[y.Change]), trouble(x.State)-trouble(y.State))
	})
	for _, o := range ordered {
		v.Rows = append(v.Rows, []cell{
			keyCell(nameOf(o.Target), o.Target.ID),
			b.accountCell(o.Target.Account),
			nameCell(o.Target.Region),
			{Text: strings.ReplaceAll(string(o.State), "-", " "), Mark: outcomeStatus(o.State), Class: "tight"},
			checkCell(checks, o.Change),
			{Text: Clean(outcomeReason(o)), Sub: joinClean(requestIDs(o), " "), Class: "reason"},
		})
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

func outcomeReason(o keyrotor.Outcome) string {
	parts := []string{}
	if o.Reason != "" {
		parts = append(parts, o.Reason)
	}
	if o.Error != nil {
		parts = append(parts, o.Error.Code+" on "+o.Error.Call+": "+o.Error.Message)
	}
	if len(parts) == 0 {
		return "–"
	}
	return short(strings.Join(parts, "; "), 400)
}
