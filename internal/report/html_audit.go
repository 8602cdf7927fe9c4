package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// auditView is the page for the auditor: what was looked at, how, by whom, and
// how to check all of it without trusting us.
type auditView struct {
	Facts     []pair
	Files     tableView
	Places    tableView
	Approvals tableView
	Command   string
	Limits    string
}

func (b *builder) audit() auditView {
	return auditView{
		Facts:     b.auditFacts(),
		Files:     b.files(),
		Places:    b.placeTable(),
		Approvals: b.approvalTable(),
		Command:   "keyrotor evidence verify " + cmp.Or(Clean(b.run.Where), "STATE"),
		Limits:    b.limits(),
	}
}

func (b *builder) auditFacts() []pair {
	p := b.run.Population
	if run := b.run.undoes(); run != "" {
		return append(b.undoFacts(Clean(string(run))), b.planFacts()...)
	}
	facts := []pair{
		{"Population", plural(p.Keys, "key") + " in " + plural(p.Places, "place") + " (account × Region), " + count(p.Read) + " of them read; " + plural(p.Customer, "customer managed key")},
		{"Accounts from", Clean(p.AccountsFrom) + ": " + plural(len(p.Accounts), "active account")},
		{"Regions from", Clean(p.RegionsFrom)},
		{"Optional facts", cmp.Or(joinClean(p.With, ", "), "none asked for; what was not asked for is unknown, not absent")},
		{"Identity", Clean(p.Identity)},
		{"Answered by", cmp.Or(Clean(sentence(p.Endpoints)), "AWS's own endpoints")},
		{"Reading began", stamp(p.Started)},
		{"Reading ended", stamp(p.Ended)},
		{"Calls made", callWords(p.Calls)},
		{"keyrotor", Clean(p.Version)},
		{"Assessed", stamp(b.run.assessed())},
		{"Assessed by", b.assessedBy()},
		{"This page", stamp(b.run.Now)},
	}
	if words := fallbackWords(p); len(words) > 0 {
		facts = append(facts, pair{"Answered elsewhere", Clean(strings.Join(words, " "))})
	}
	return append(facts, b.planFacts()...)
}

// assessedBy is what the keys were held against.
func (b *builder) assessedBy() string {
	from := b.run.From
	if from == nil {
		return "not recorded"
	}
	return Clean("rules " + string(from.Rules) + ", waivers " + string(from.Waivers) + ", configuration " + string(from.Config))
}

// undoFacts is how the keys of an undo were taken: it walked no organization.
func (b *builder) undoFacts(run string) []pair {
	p := b.run.Population
	identity := p.Identity
	facts := []pair{
		{"Population", plural(p.Keys, "key") + ": those that the plan of run " + run + " speaks of and that could be looked at"},
		{"Keys chosen by", "the changes of run " + run + ", as its record has them, each key looked at once more; no account, Region or key was listed"},
	}
	if b.run.Undone != nil {
		facts = append(facts, pair{"Undone plan", string(b.run.Undone.Plan.Digest)})
	}
	if identity == "" && b.run.Plan != nil {
		identity = b.run.Plan.Author.Identity
	}
	return append(facts,
		pair{"Identity", cmp.Or(Clean(identity), "not recorded")},
		pair{"Answered by", cmp.Or(Clean(sentence(p.Endpoints)), "AWS's own endpoints")},
		pair{"Reading began", stamp(p.Started)}, pair{"Reading ended", stamp(p.Ended)},
		pair{"Calls made", callWords(p.Calls)},
		pair{"This page", stamp(b.run.Now)})
}

// planFacts is what the plan was made from, when it was carried out, and where the
// record stands.
func (b *builder) planFacts() []pair {
	var facts []pair
	if plan := b.run.Plan; plan != nil {
		facts = append(facts,
			pair{"Plan", string(plan.Digest)},
			pair{"Author", Clean(authorWords(plan.Author))},
			pair{"Made from", "inventory " + string(plan.Inputs.Inventory) + ", rules " + string(plan.Inputs.Rules) + ", waivers " + string(plan.Inputs.Waivers) + ", configuration " + string(plan.Inputs.Config) + ", signers " + string(plan.Inputs.Signers)},
			pair{"Needs", needsWords(plan.Needs)})
	}
	facts = append(facts, b.appliedFacts()...)
	return append(facts,
		pair{"Ledger head", cmp.Or(Clean(b.run.LedgerHead), "no ledger entry yet")},
		pair{"Checkpoint key", cmp.Or(Clean(b.run.CheckpointKey), "none")})
}

func callWords(calls map[string]int) string {
	var parts []string
	total := 0
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		parts = append(parts, count(calls[name])+" "+name)
		total += calls[name]
	}
	if total == 0 {
		return "not counted"
	}
	return count(total) + ": " + joinClean(parts, ", ")
}

func (b *builder) files() tableView {
	v := tableView{
		ID: "files", Caption: "Files of the run and their digests",
		Columns: []column{{Title: "File", Kind: words}, {Title: "Digest", Kind: words}},
		Empty:   "No file of the run has been recorded yet.",
	}
	for _, name := range slices.Sorted(maps.Keys(b.run.Digests)) {
		v.Rows.add(cell{Text: Clean(name), Class: "name"}, cell{Text: string(b.run.Digests[name]), Class: "digest"})
	}
	return v
}

// placeTable lets the auditor add up: listed = described + unreadable.
func (b *builder) placeTable() tableView {
	v := tableView{
		ID: "places", Paper: wholeOnPaper, Caption: "Places, and what was listed and read in each (listed = described + unreadable)",
		Columns: []column{
			{Title: "Account", Sub: "Account id", Kind: words}, {Title: "Region", Kind: words}, {Title: "Status", Kind: words},
			{Title: "Listed", Kind: amount}, {Title: "Described", Kind: amount}, {Title: "Unreadable", Kind: amount},
			{Title: "Customer managed", Kind: amount}, {Title: "AWS managed", Kind: amount},
			{Title: "Came or went meanwhile", Kind: words},
		},
		Empty: "No place was read.",
	}
	if b.run.undoes() != "" {
		v.Empty = "" // an undo reads keys by name, not places
	}
	places := slices.SortedStableFunc(slices.Values(b.run.Places), func(x, y keyrotor.Place) int {
		return cmp.Or(cmp.Compare(cmp.Or(b.names[x.Account], x.Account), cmp.Or(b.names[y.Account], y.Account)), cmp.Compare(x.Account, y.Account), cmp.Compare(x.Region, y.Region))
	})
	for _, p := range places {
		v.Rows.add([]cell{
			b.accountCell(p.Account), nameCell(p.Region), markCell(placeStatus(p.Status), string(p.Status)),
			numberCell(p.Listed), numberCell(p.Described), failCell(p.Unreadable, warn), numberCell(p.Customer), numberCell(p.AWSManaged),
			{Text: meanwhile(p), Class: "reason"},
		}...)
	}
	return v
}

func placeStatus(s keyrotor.PlaceStatus) status {
	switch s {
	case keyrotor.PlaceRead:
		return good
	case keyrotor.PlacePartial, keyrotor.PlaceGap:
		return warn
	}
	return idle
}

func meanwhile(p keyrotor.Place) string {
	var parts []string
	if len(p.Born) > 0 {
		parts = append(parts, "came: "+joinClean(p.Born, ", "))
	}
	if len(p.Gone) > 0 {
		parts = append(parts, "went: "+joinClean(p.Gone, ", "))
	}
	return cmp.Or(strings.Join(parts, "; "), "–")
}

func (b *builder) approvalTable() tableView {
	v := tableView{
		ID: "approvals", Caption: "Approvals",
		Columns: []column{{Title: "Signed by", Kind: words}, {Title: "Plan", Kind: words}, {Title: "Changes", Kind: amount}, {Title: "Expires", Kind: moment}, {Title: "Ledger head when signed", Kind: words}},
		Empty:   "Nothing has been approved.",
	}
	for _, a := range b.run.Approvals {
		v.Rows.add([]cell{
			textCell(a.Principal), {Text: string(a.Statement.Plan), Class: "digest"}, numberCell(a.Statement.Changes),
			{Text: stamp(a.Statement.Expires), Class: "tight"}, {Text: Clean(a.Statement.LedgerHead), Class: "digest"},
		}...)
	}
	return v
}

// limits says what the check can and cannot exclude.
func (b *builder) limits() string {
	return "STATE is the state folder as it was handed over with this page. The check works offline and finds any changed byte, any line that was removed or moved and any missing file. " +
		"With --key and --checkpoint (a checkpoint that you kept elsewhere) it also finds a cut tail, a rewritten record or a fork; without them these cannot be excluded. " +
		"This page itself is a copy for reading: the record is in the files."
}
