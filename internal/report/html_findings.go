package report

import (
	"cmp"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// controls is findings by framework, under the framework's own numbers.
func (b *builder) controls() tableView {
	v := tableView{
		ID: "controls", Paper: 250, Caption: "Findings by framework and control, " + b.asRead(),
		Columns: []column{
			{Title: "Framework", Sub: "Version", Kind: words},
			{Title: "Control", Kind: words},
			{Title: "Rule", Sub: "Severity", Kind: words},
		},
		Empty: "No rule names a control of a framework.",
	}
	v.Columns = append(append(v.Columns, b.verdictColumns()...), column{Title: "Mapped by", Sub: "Source read on", Kind: words})
	for _, r := range b.tally.ruleList() {
		for _, ref := range r.References {
			v.Rows.add(append([]cell{
				{Text: Clean(ref.Framework), Sub: Clean(ref.Version), Sort: Clean(ref.Framework + " " + ref.Control)},
				{Text: Clean(ref.Control), Sort: naturalKey(ref.Control)},
				{Text: Clean(r.ID), Sub: string(r.Severity), Class: "name"},
			}, append(b.verdictCells(r), cell{Text: Clean(ref.Source + noteWords(ref.Note)), Sub: Clean(ref.Date), Class: "reason"})...)...)
		}
	}
	v.Rows.sort(func(x, y row) int { return cmp.Compare(x.at(0).Sort, y.at(0).Sort) })
	return v
}

func noteWords(note string) string {
	if note == "" {
		return ""
	}
	return " (" + note + ")"
}

// naturalKey makes 3.10 sort after 3.9: digits are padded.
func naturalKey(s string) string {
	var b strings.Builder
	digits := ""
	flush := func() {
		if digits != "" {
			b.WriteString(strings.Repeat("0", max(0, 4-len(digits))) + digits)
			digits = ""
		}
	}
	for _, r := range Clean(s) {
		if r >= '0' && r <= '9' {
			digits += string(r)
			continue
		}
		flush()
		b.WriteRune(r)
	}
	flush()
	return b.String()
}

// verdictColumns are the counts of a rule. A run cures some failures: what is
// left of them stands beside what was read.
func (b *builder) verdictColumns() []column {
	columns := []column{{Title: "Fail", Kind: amount}}
	if b.ran() {
		columns = append(columns, column{Title: "Fail now", Kind: amount})
	}
	return append(columns, column{Title: "Waived", Kind: amount}, column{Title: "Unknown", Kind: amount}, column{Title: "Pass", Kind: amount})
}

func (b *builder) verdictCells(r *ruleCount) []cell {
	failed, unknown := r.verdicts[keyrotor.Fail], numberCell(r.verdicts[keyrotor.Unknown])
	cells := []cell{failCell(failed, b.ruleStatus(r.Severity))}
	if b.ran() {
		left := failed - b.cured[r.ID]
		cells = []cell{numberCell(failed), failCell(left, b.ruleStatus(r.Severity))}
		if failed > 0 && left == 0 {
			cells[1].Mark = good
		}
	}
	if failed == 0 && r.verdicts[keyrotor.Pass] == 0 && r.verdicts[keyrotor.Unknown] > 0 {
		unknown.Mark = warn // held against keys, and nothing came of it
	}
	return append(cells, numberCell(r.verdicts[keyrotor.Waived]), unknown, numberCell(r.verdicts[keyrotor.Pass]))
}

// findingNote says of when the figures are.
func (b *builder) findingNote() string {
	note := "The rules were held against the keys " + b.asRead() + "."
	if b.ran() {
		note += " “Fail now” is without the failures that this run is known to have ended; the next scan holds every rule against the keys anew."
	}
	if words := ChangedWords(b.run); words != "" {
		note += " " + words + ": what stands here is what was recorded then."
	}
	return note
}

// rules is findings by rule, for those that name no framework too.
func (b *builder) rules() tableView {
	v := tableView{
		ID: "rules", Caption: "Findings by rule, " + b.asRead(),
		Columns: []column{
			{Title: "Severity", Kind: words},
			{Title: "Rule", Sub: "Pack", Kind: words},
			{Title: "Asks for", Kind: words},
		},
		Empty: "No rules were held against the keys.",
	}
	v.Columns = append(v.Columns, b.verdictColumns()...)
	for _, r := range b.tally.ruleList() {
		v.Rows.add(append([]cell{
			{Text: string(r.Severity), Sort: number(9 - r.Severity.Rank())},
			{Text: Clean(r.ID), Sub: Clean(r.Pack), Class: "name"},
			textCell(r.Title),
		}, b.verdictCells(r)...)...)
	}
	return v
}

// classes is why keys cannot rotate automatically, and what to do instead.
func (b *builder) classes() tableView {
	v := tableView{
		ID: "classes", Caption: "Why keys cannot rotate automatically, and what to do instead",
		Columns: []column{{Title: "Class", Kind: words}, {Title: "Keys", Kind: amount}, {Title: "Why", Kind: words}, {Title: "What to do instead", Kind: words}},
		Empty:   "Every key can rotate automatically.",
	}
	for _, c := range b.tally.classList() {
		v.Rows.add(textCell(c.class), numberCell(c.n), textCell(c.reason), textCell(c.instead))
	}
	return v
}

func (b *builder) gapTable() tableView {
	v := tableView{
		ID: "gaps", Paper: 250, Whole: "inventory.jsonl", Caption: "What refused to be read",
		Columns: []column{
			{Title: "Cause", Sub: "Foreseen", Kind: words},
			{Title: "Account", Sub: "Account id", Kind: words},
			{Title: "Region", Kind: words},
			{Title: "What", Kind: words},
			{Title: "Call", Sub: "Error", Kind: words},
			{Title: "Message", Kind: words},
		},
		Empty: "Everything that was asked for could be read.",
	}
	for _, g := range b.run.Gaps {
		cause, foreseen := cell{Text: causeTitle(g.Cause), Mark: warn, Class: "status"}, ""
		if g.Expected != nil {
			cause.Mark = idle
			foreseen = "until " + g.Expected.Until.UTC().Format("2 Jan 2006") + " by " + g.Expected.Approver + ": " + g.Expected.Reason
		} else if g.Lapsed != nil {
			foreseen = lapsedWords(g.Lapsed)
		}
		cause.Sub = Clean(foreseen)
		what := "the whole place"
		switch {
		case g.Fact != "":
			what = g.Fact + " of " + g.Asset
		case g.Asset != "":
			what = g.Asset
		}
		v.Rows.add([]cell{
			cause, b.accountCell(g.Account), nameCell(cmp.Or(g.Region, "all")), {Text: Clean(what), Class: "reason"},
			{Text: Clean(g.Call), Sub: Clean(g.Code)}, {Text: Clean(short(g.Message, 300)), Class: "reason"},
		}...)
	}
	return v
}

// leftOutTable is what was not read on purpose.
func (b *builder) leftOutTable() tableView {
	v := tableView{
		ID: "excluded", Caption: "What was left out on purpose",
		Columns: []column{{Title: "What", Kind: words}, {Title: "Why", Kind: words}},
		Empty:   "Nothing was left out on purpose.",
	}
	add := func(what, why string) { v.Rows.add(textCell(what), textCell(why)) }
	for _, id := range b.run.Population.Excluded {
		add("account "+id, "excluded by the configuration")
	}
	for state, n := range b.run.Population.Inactive {
		add(plural(n, "account"), "in the state "+state)
	}
	for _, p := range b.run.Places {
		if p.Status == keyrotor.PlaceExcluded {
			add(p.Account+"/"+p.Region, "excluded by the configuration")
		}
	}
	if b.tally.managed > 0 {
		add(plural(b.tally.managed, "AWS managed key"), "AWS rotates them; nobody else can")
	}
	v.Rows.sort(func(x, y row) int { return cmp.Compare(x.at(0).Text, y.at(0).Text) })
	return v
}

func (b *builder) waiverTable() tableView {
	v := tableView{
		ID: "waivers", Caption: "Waivers",
		Columns: []column{
			{Title: "Rule", Kind: words}, {Title: "Match", Kind: words}, {Title: "Reason", Kind: words},
			{Title: "Until", Sub: "In", Kind: moment}, {Title: "Approved by", Sub: "Signed by", Kind: words}, {Title: "Findings waived", Kind: amount},
		},
		Empty: "There are no waivers.",
	}
	for _, w := range b.tally.waivers(b.run.Waivers) {
		until := dateCell(w.Until, b.run.Now)
		if !b.run.assessed().Before(w.Until.AddDate(0, 0, 1)) { // it holds through its last day
			until.Mark = bad
		}
		v.Rows.add([]cell{
			{Text: Clean(w.Rule), Class: "name"}, {Text: orDash(Clean(w.Match)), Class: "reason"}, {Text: Clean(w.Reason), Class: "reason"},
			until, {Text: orDash(Clean(w.Approver)), Sub: orDash(Clean(w.Signer))}, numberCell(w.used),
		}...)
	}
	return v
}
