package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Schemas of output that is not a file of a run.
const (
	SchemaAssessment     = "keyrotor.assessment"
	SchemaDiff           = "keyrotor.diff"
	SchemaDoctorCheck    = "keyrotor.doctor-check"
	SchemaPlace          = "keyrotor.place"
	SchemaRule           = "keyrotor.rule"
	SchemaRuleTests      = "keyrotor.rule-tests"
	SchemaRun            = "keyrotor.run"
	SchemaSignedApproval = "keyrotor.signed-approval"
)

// AssessmentRows is a line per key: facts, eligibility, view and findings.
func AssessmentRows(s Stream) Rows {
	return Rows{
		Title: "Keys",
		Columns: []string{
			"view", "key", "id", "arn", "account", "region", "owner", "spec", "usage", "origin", "state",
			"rotation", "period_days", "next", "created", "material_since", "ability", "reason", "instead", "failing",
		},
		Each: func(yield func(Row) error) error {
			return Run{Assessments: s}.each(func(a keyrotor.Assessment) error {
				return yield(Row{
					Value: bodied(SchemaAssessment, a),
					Cells: assessmentCells(a),
				})
			})
		},
	}
}

// RuleFindingRows is a line per key of which a rule has something to say: a failure, a
// waiver, or that it could not be told. Of its findings only the rule's is left, and
// the columns end with it.
func RuleFindingRows(s Stream, rule string) Rows {
	rows := AssessmentRows(s)
	rows.Columns = append(rows.Columns, "rule", "verdict", "message", "waived_until")
	rows.Each = func(yield func(Row) error) error {
		return Run{Assessments: s}.each(func(a keyrotor.Assessment) error {
			i := slices.IndexFunc(a.Findings, func(f keyrotor.Finding) bool { return f.Rule == rule })
			if i < 0 || a.Findings[i].Verdict == keyrotor.Pass || a.Findings[i].Verdict == keyrotor.NotApplicable {
				return nil
			}
			f, until := a.Findings[i], ""
			if f.Waiver != nil {
				until = date(f.Waiver.Until)
			}
			a.Findings = []keyrotor.Finding{f}
			return yield(Row{
				Value: bodied(SchemaAssessment, a),
				Cells: append(assessmentCells(a), f.Rule, string(f.Verdict), f.Message, until),
			})
		})
	}
	return rows
}

func assessmentCells(a keyrotor.Assessment) []string {
	k := a.Asset.KMS
	if k == nil {
		k = &keyrotor.KMSFacts{}
	}
	on, period, next := "unknown", "", ""
	if r := k.Rotation; r != nil {
		on = map[bool]string{true: "on", false: "off"}[r.On]
		if r.PeriodDays > 0 {
			period = number(r.PeriodDays)
		}
		next = datePtr(r.Next)
	}
	if a.Asset.Kind == keyrotor.KindWaiver {
		on = ""
	}
	since, _ := k.MaterialSince()
	return []string{
		string(a.View), a.Asset.Name(), a.Asset.ID, a.Asset.ARN, a.Asset.Account, a.Asset.Region, a.Asset.Owner,
		k.Spec, k.Usage, k.Origin, k.State, on, period, next, date(k.Created), date(since),
		string(a.Eligibility.Ability), a.Eligibility.Reason, a.Eligibility.Instead, strings.Join(a.Failed(), " "),
	}
}

// PlanRows is a line per change of a plan, for CSV and Markdown; JSON and YAML
// are better served by the plan itself.
func PlanRows(p keyrotor.Plan) Rows {
	waves := map[keyrotor.ChangeID]int{}
	for _, w := range p.Waves {
		for _, id := range w.Changes {
			waves[id] = w.Number
		}
	}
	return slice("Plan "+p.Digest.Short(), []string{"wave", "change", "recipe", "key", "id", "account", "region", "owner", "what", "why", "template", "warning"},
		p.Changes, func(c keyrotor.Change) (any, []string) {
			var steps []string
			for _, st := range c.Steps {
				steps = append(steps, stepWords(st, "→"))
			}
			return c, []string{
				number(waves[c.ID]), string(c.ID), c.Recipe, c.Target.Name, c.Target.ID, c.Target.Account, c.Target.Region,
				c.Seen.Owner, strings.Join(steps, "; "), strings.Join(c.Why, " "), c.Template, c.Warning,
			}
		})
}

// OutcomeRows is a line per change that was carried out or not.
func OutcomeRows(all []keyrotor.Outcome) Rows {
	return slice("Outcome", []string{"wave", "change", "state", "key", "id", "account", "region", "reason", "error", "call", "request_ids", "started", "ended"},
		all, func(o keyrotor.Outcome) (any, []string) {
			code, call := "", ""
			if o.Error != nil {
				code, call = o.Error.Code, o.Error.Call
			}
			return o, []string{
				number(o.Wave), string(o.Change), string(o.State), o.Target.Name, o.Target.ID, o.Target.Account, o.Target.Region,
				o.Reason, code, call, strings.Join(requestIDs(o), " "), date(o.Started), date(o.Ended),
			}
		})
}

func requestIDs(o keyrotor.Outcome) []string {
	var ids []string
	for _, r := range o.Receipts {
		ids = append(ids, r.RequestIDs...)
	}
	if o.Error != nil && o.Error.RequestID != "" {
		ids = append(ids, o.Error.RequestID)
	}
	return ids
}

// VerificationRows is a line per change that was looked at again.
func VerificationRows(all []keyrotor.Verification) Rows {
	return slice("Verification", []string{"change", "verdict", "key", "id", "account", "region", "promised", "found", "details", "next", "at", "looks"},
		all, func(v keyrotor.Verification) (any, []string) {
			return v, []string{
				string(v.Change), string(v.Verdict), v.Target.Name, v.Target.ID, v.Target.Account, v.Target.Region,
				v.Promised, v.Found, strings.Join(v.Details, "; "), datePtr(v.Next), date(v.At), number(v.Looks),
			}
		})
}

// bodied is a result that is no file of a run: its schema, and the value as its body.
func bodied(schema string, body any) Document {
	return Document{Schema: schema, Version: keyrotor.SchemaVersion, Body: body}
}

// PlaceRows is a line per account and Region, in their order.
func PlaceRows(all []keyrotor.Place) Rows {
	all = slices.SortedStableFunc(slices.Values(all), func(x, y keyrotor.Place) int {
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.Region, y.Region))
	})
	return slice("Places", []string{"account", "name", "ou", "region", "status", "listed", "described", "unreadable", "customer_managed", "aws_managed"},
		all, func(p keyrotor.Place) (any, []string) {
			return bodied(SchemaPlace, p), []string{
				p.Account, p.AccountName, p.OU, p.Region, string(p.Status), number(p.Listed), number(p.Described),
				number(p.Unreadable), number(p.Customer), number(p.AWSManaged),
			}
		})
}

// RuleRows is a line per rule, of which info is what the columns show.
func RuleRows[T any](all []T, info func(T) keyrotor.RuleInfo) Rows {
	return slice("Rules", []string{"id", "pack", "severity", "title", "mapped_by"},
		all, func(one T) (any, []string) {
			r := info(one)
			return bodied(SchemaRule, one),
				[]string{r.ID, r.Pack, string(r.Severity), r.Title, references(r.References)}
		})
}

// DiffRows is a line per key that changed or cannot be compared.
func DiffRows(d Difference) Rows {
	type line struct {
		Change string `json:"change"`
		Delta
	}
	var all []line
	for _, part := range []struct {
		name string
		list []Delta
	}{{"worse", d.Worse}, {"better", d.Better}, {"changed", d.Changed}, {"new", d.New}, {"gone", d.Gone}, {"not-comparable", d.NotComparable}} {
		for _, delta := range part.list {
			all = append(all, line{part.name, delta})
		}
	}
	return slice("Difference", []string{"change", "key", "id", "account", "region", "owner", "before", "after", "what", "not_read"},
		all, func(l line) (any, []string) {
			return bodied(SchemaDiff, l), []string{
				l.Change, l.Target.Name, l.Target.ID, l.Target.Account, l.Target.Region, l.Owner, string(l.Before), string(l.After), strings.Join(l.What, "; "),
				holeWords(l.Unread),
			}
		})
}

func slice[T any](title string, columns []string, all []T, row func(T) (any, []string)) Rows {
	return Rows{Title: title, Columns: columns, Each: func(yield func(Row) error) error {
		for _, one := range all {
			value, cells := row(one)
			if err := yield(Row{Value: value, Cells: cells}); err != nil {
				return err
			}
		}
		return nil
	}}
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func datePtr(t *time.Time) string {
	if t == nil {
		return ""
	}
	return date(*t)
}
