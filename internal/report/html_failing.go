package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// listed reports whether the keys that fail a rule are listed with it. Those
// that fail by their rotation being off are the target list already.
func listed(rule string) bool { return rule != ruleRotationOn }

// addFailing lists the key under each rule that it fails.
func (b *builder) addFailing(a keyrotor.Assessment, e effect) {
	for _, f := range a.Findings {
		if f.Verdict != keyrotor.Fail || !listed(f.Rule) {
			continue
		}
		state := cell{Text: "fails", Mark: b.ruleStatus(f.Severity), Sort: "1", Class: "tight"}
		if b.curedBy(e, f.Rule) {
			state = cell{Text: "cured by this run", Mark: good, Sort: "2", Class: "tight"}
		}
		who := b.who(a.Asset)
		if a.Asset.Kind == keyrotor.KindWaiver {
			who[0].Sub, state.Text = "a waiver", "ended"
		}
		row := append(who,
			cell{Text: Clean(f.Rule), Class: "name"},
			cell{Text: string(f.Severity), Sort: number(9 - f.Severity.Rank())},
			cell{Text: Clean(cmp.Or(short(f.Message, 300), "–")), Class: "reason"})
		if b.ran() {
			row = append(row, state)
		}
		b.doc.Failing.Rows.add(row...)
	}
}

func (b *builder) ruleStatus(s keyrotor.Severity) status {
	if s.Rank() >= keyrotor.High.Rank() {
		return bad
	}
	return warn
}

// ran reports whether something became of a plan, so that now may differ from
// what was read.
func (b *builder) ran() bool { return len(b.run.Outcomes) > 0 }

func (b *builder) startFailing() {
	b.doc.Failing = tableView{
		ID: "failing", Paper: 250, Caption: "Keys by the rule they fail, the worst first; " + b.asRead(),
		Columns: append(slices.Clone(whoColumns),
			column{Title: "Rule", Kind: words}, column{Title: "Severity", Kind: words}, column{Title: "Why", Kind: words}),
		Empty: "No key fails a rule other than that its rotation be on.",
		Whole: "findings.jsonl",
	}
	if b.ran() {
		b.doc.Failing.Columns = append(b.doc.Failing.Columns, column{Title: "Now", Kind: words})
	}
}

// sortFailing puts the worst first, rule by rule, and each rule's keys by place.
// Of one severity the rule that few keys fail comes first: hundreds of old keys
// would hide it.
func (b *builder) sortFailing() {
	rule := len(whoColumns)
	b.doc.Failing.Rows.sort(func(x, y row) int {
		return cmp.Or(strings.Compare(x.at(rule+1).Sort, y.at(rule+1).Sort), b.fails(x.at(rule).Text)-b.fails(y.at(rule).Text), strings.Compare(x.at(rule).Text, y.at(rule).Text), byPlace(x, y))
	})
}

// fails is how many keys fail a rule.
func (b *builder) fails(rule string) int {
	if r := b.tally.rules[rule]; r != nil {
		return r.verdicts[keyrotor.Fail]
	}
	return 0
}

// asRead says of when the findings are: the rules were held against what was
// read, which a run may have changed since.
func (b *builder) asRead() string {
	words := "as read"
	if at := b.run.Population.Ended; !at.IsZero() {
		words += " on " + at.UTC().Format("2 January 2006")
	}
	if b.ran() {
		words += ", before the changes"
	}
	return words
}

// critical says what no figure about rotation would show, once for each rule.
func (b *builder) critical() []string {
	var out []string
	for _, r := range b.tally.ruleList() {
		n := r.verdicts[keyrotor.Fail] - b.cured[r.ID]
		if r.Severity != keyrotor.Critical || n <= 0 {
			continue
		}
		text := plural(n, "key") + " " + oneOr(n, "fails", "fail") + " the critical rule " + Clean(r.ID) + "."
		if r.ID == "kms-public-policy" {
			text = keysAre(n) + " open to everybody: " + oneOr(n, "its policy allows", "their policies allow") + " anyone, with no condition."
		}
		out = append(out, "Critical: "+text+" "+oneOr(n, "It stands", "They stand")+" under “Keys that fail a rule”.")
	}
	return out
}
