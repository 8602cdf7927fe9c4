package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// The three tables of keys. Their first columns are the same: what the key is
// called, where it is and whose it is.

var whoColumns = []column{
	{Title: "Key", Sub: "Key id", Kind: words},
	{Title: "Account", Sub: "Account id", Kind: words},
	{Title: "Region", Kind: words},
	{Title: "Owner", Sub: "Environment", Kind: words},
}

func (b *builder) startTables() {
	b.startFailing()
	b.doc.Targets = tableView{
		ID: "targets", Paper: 100, Whole: "eligibility.jsonl", Caption: "Keys that could rotate automatically and did not when this was read",
		Columns: append(slices.Clone(whoColumns),
			column{Title: "Created", Sub: "Age", Kind: moment},
			column{Title: "Failing rules", Kind: words},
			column{Title: "In this run", Kind: words}),
		Empty: "No key that can rotate automatically is without it.",
	}
	b.doc.Rotating = tableView{
		ID: "rotating", Whole: "eligibility.jsonl", Caption: "Keys that rotate automatically",
		Columns: append(slices.Clone(whoColumns),
			column{Title: "Period (days)", Kind: amount},
			column{Title: "Next rotation", Sub: "In", Kind: moment},
			column{Title: "Material since", Sub: "Material age", Kind: moment}),
		Empty: "No key rotates automatically.",
	}
	b.doc.Cannot = tableView{
		ID: "cannot", Whole: "eligibility.jsonl", Caption: "Keys that cannot rotate automatically, or of which it is not known",
		Columns: append(slices.Clone(whoColumns),
			column{Title: "Spec", Sub: "State", Kind: words},
			column{Title: "Why", Kind: words},
			column{Title: "What to do instead", Kind: words}),
		Empty: "Every key can rotate automatically.",
	}
}

func (b *builder) who(a keyrotor.Asset) []cell {
	return []cell{
		keyCell(a.Name(), a.ID),
		b.accountCell(a.Account),
		nameCell(a.Region),
		{Text: orDash(a.Owner), Sub: Clean(short(b.env(a), 60))},
	}
}

// keyCell names a key by its alias, and by its id below.
func keyCell(name, id string) cell {
	if name == id {
		return cell{Text: Clean(id), Sub: "no alias", Class: "key"}
	}
	return cell{Text: Clean(short(name, 120)), Sub: Clean(id), Class: "key"}
}

func orDash(t string) string {
	if t == "" {
		return "–"
	}
	return Clean(short(t, 80))
}

// env is the environment of a key, by the tag that the run's plan went by, else
// the one of the configuration.
func (b *builder) env(a keyrotor.Asset) string {
	planned := ""
	if b.run.Plan != nil {
		planned = b.run.Plan.Rollout.EnvTag
	}
	return a.Tags[cmp.Or(planned, b.run.EnvTag, "env")]
}

func (b *builder) accountCell(id string) cell {
	if name := b.names[id]; name != "" {
		return cell{Text: Clean(short(name, 40)), Sub: id, Class: "tight"}
	}
	return cell{Text: id}
}

func (b *builder) targetRow(a keyrotor.Assessment, e effect, touched bool) []cell {
	made := time.Time{}
	if a.Asset.KMS != nil {
		made = a.Asset.KMS.Created
	}
	birth := dateCell(made, b.run.Now)
	if !made.IsZero() {
		birth.Sub = span(b.run.Now.Sub(made)) + " old"
	}
	return append(b.who(a.Asset),
		birth,
		cell{Text: Clean(cmp.Or(strings.Join(a.Failed(), ", "), "–")), Class: "rules"},
		b.inThisRun(a, e, touched))
}

// inThisRun says what this run did to a key of the target list.
func (b *builder) inThisRun(a keyrotor.Assessment, e effect, touched bool) cell {
	c := cell{Text: stateText(e.state), Mark: outcomeStatus(e.state), Sort: "3", Class: "status"}
	switch {
	case !touched && a.View == keyrotor.ViewUnknown:
		c.Text, c.Mark, c.Sort = "status could not be read", warn, "5"
	case !touched:
		c.Text, c.Mark, c.Sort = "off", bad, "1"
	case e.state == stateUndone && !e.on:
		c.Text, c.Mark, c.Sort = "off again: undone since", bad, "1"
	case e.state == stateUndone:
		c.Text, c.Mark, c.Sort = Clean("undone, and found "+cmp.Or(e.found, "on")+" since"), warn, "6"
	case e.on && e.check == keyrotor.Confirmed:
		c.Text, c.Mark, c.Sort = "on, confirmed", good, "9"
	case e.on && e.check == keyrotor.Discrepant:
		c.Text, c.Mark, c.Sort = Clean("found "+cmp.Or(e.found, "on")+"; not as promised"), warn, "6"
	case e.on && e.state == keyrotor.Unchanged:
		c.Text, c.Mark, c.Sort = "was on already", good, "8"
	case e.on:
		c.Text, c.Mark, c.Sort = "on, not verified", warn, "7"
	case e.state == keyrotor.Succeeded && e.check == keyrotor.Discrepant:
		c.Text, c.Mark, c.Sort = Clean("done, and found "+cmp.Or(e.found, "otherwise")), bad, "0"
	case c.Mark == bad:
		c.Sort = "1"
	}
	return c
}

// sortKeys puts what is still open first, and else goes by account and Region:
// so each team finds its own together, on paper too.
func (b *builder) sortKeys() {
	b.doc.Targets.Rows.sort(func(x, y row) int {
		return cmp.Or(strings.Compare(x.last().Sort, y.last().Sort), byPlace(x, y))
	})
	b.doc.Rotating.Rows.sort(byPlace)
	b.doc.Cannot.Rows.sort(byPlace)
}

// byPlace orders rows that begin with whoColumns by account, Region and key.
func byPlace(x, y row) int {
	return cmp.Or(strings.Compare(x.at(1).Text, y.at(1).Text), strings.Compare(x.at(1).Sub, y.at(1).Sub), strings.Compare(x.at(2).Text, y.at(2).Text),
		strings.Compare(x.at(0).Text, y.at(0).Text), strings.Compare(x.at(0).Sub, y.at(0).Sub))
}

// rotatingRow shows what the last look saw: that of the scan, or a second one
// where this run has touched the key.
func (b *builder) rotatingRow(a keyrotor.Assessment, e effect) []cell {
	period, next, since := cell{Text: "not told"}, time.Time{}, time.Time{}
	if k := a.Asset.KMS; k != nil {
		r := k.Rotation
		since, _ = k.MaterialSince()
		if e.key != nil && e.key.Rotation != nil {
			r = e.key.Rotation
		}
		if e.key != nil && !e.key.MaterialSince.IsZero() {
			since = e.key.MaterialSince
		}
		if r != nil && r.PeriodDays > 0 {
			period = numberCell(r.PeriodDays)
		}
		if r != nil && r.Next != nil {
			next = *r.Next
		}
	}
	if e.off {
		period = cell{Text: "off now", Mark: bad}
	}
	material := dateCell(since, b.run.Now)
	if !since.IsZero() {
		material.Sub = span(b.run.Now.Sub(since)) + " old"
	}
	if !since.IsZero() && b.run.assessed().Sub(since) > year {
		material.Mark = warn
	}
	return append(b.who(a.Asset), period, dateCell(next, b.run.Now), material)
}

func (b *builder) cannotRow(a keyrotor.Assessment) []cell {
	spec := cell{Text: "unknown"}
	if k := a.Asset.KMS; k != nil {
		spec = cell{Text: Clean(k.Spec), Sub: stateWords(k.State)}
	}
	return append(b.who(a.Asset), spec, textCell(a.Eligibility.Reason), textCell(a.Eligibility.Instead))
}
