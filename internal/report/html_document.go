package report

import (
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// document is everything the page shows, worked out before the first byte.
type document struct {
	Banner      string // of a page that does not speak of AWS itself
	Verdict     string
	Standing    status
	Lead        []string
	Meta        []pair
	Figures     []figure
	Shares      []share
	Heat        tableView
	HeatNote    string
	Outcome     outcomeView
	Targets     tableView
	Months      []month
	ByMonth     tableView
	CalNote     string
	Ages        []ageBin
	AgeNote     string
	FindingNote string
	Failing     tableView
	Controls    tableView
	Rules       tableView
	Classes     tableView
	Cannot      tableView
	Rotating    tableView
	Gaps        tableView
	Left        tableView
	Waivers     tableView
	Audit       auditView
	// Undo is set for a run that takes back another one: it looked at a few
	// keys, and what is said of a survey would be wrong of it.
	Undo *undoView
}

type pair struct{ Name, Value string }

// figure is one of the six numbers at the top.
type figure struct {
	Number string
	Name   string
	Note   string
	Status status
}

// share is a part of the bar below the figures, of 1,000.
type share struct {
	Name   string
	Keys   int
	From   int
	Width  int
	Status status
}

// builder gathers a document in one pass over the assessments.
type builder struct {
	run      Run
	tally    *tally
	names    map[string]string       // account id ▶ name
	switched map[string]effect       // ARN ▶ what this run did to the key
	cured    map[string]int          // rule ▶ failures that this run ended
	closed   map[string]bool         // accounts that refused us whole
	looks    []keyrotor.Verification // all of the run, also at what was undone since
	doc      document
	ages     *ages
	calendar *calendar
	seen     map[string]keyrotor.Asset // ARN ▶ asset, of an undo alone
}

func newBuilder(r Run) *builder {
	b := &builder{
		run:      withoutUndone(r),
		looks:    r.Verifications,
		cured:    map[string]int{},
		closed:   map[string]bool{},
		tally:    newTally(r.Rules, r.assessed()),
		names:    accountNames(r),
		switched: effects(r),
		ages:     newAges(r.assessed()),
		calendar: newCalendar(r.assessed()),
	}
	if r.undoes() != "" {
		b.seen = map[string]keyrotor.Asset{}
	}
	for _, account := range reachOf(r).closed {
		b.closed[account] = true
	}
	b.startTables()
	return b
}

func newDocument(r Run) (*document, error) {
	b := newBuilder(r)
	if err := r.each(func(a keyrotor.Assessment) error { b.add(a); return nil }); err != nil {
		return nil, err
	}
	b.finish()
	return &b.doc, nil
}

func accountNames(r Run) map[string]string {
	names := map[string]string{}
	for _, p := range r.Places {
		if p.AccountName != "" {
			names[p.Account] = p.AccountName
		}
	}
	accounts := r.Population.Accounts
	if r.Undone != nil {
		accounts = append(slices.Clone(accounts), r.Undone.Accounts...)
	}
	for _, a := range accounts {
		if a.Name != "" {
			names[a.ID] = a.Name
		}
	}
	return names
}

// add takes one assessment into every count and table.
func (b *builder) add(a keyrotor.Assessment) {
	b.tally.add(a)
	if a.Asset.Kind == keyrotor.KindWaiver {
		b.addFailing(a, effect{})
		return
	}
	if b.seen != nil {
		b.seen[a.Asset.ARN] = a.Asset
	}
	if a.View == keyrotor.ViewAWSManaged || a.View == keyrotor.ViewUnreadable {
		return // the second stand among the gaps
	}
	e, touched := b.switched[a.Asset.ARN]
	on := a.View == keyrotor.ViewRotating && !e.off || touched && e.on
	next := e.next
	if next.IsZero() {
		next = nextAsRead(a)
	}
	if on && !e.rotated {
		b.tally.aged.holds(a, next, b.run.assessed())
	}
	if e.other {
		b.tally.otherPeriod++
	}
	b.addOverdue(a, e, on)
	b.countCures(a, e)
	b.addFailing(a, e)
	b.ages.add(a, on, e.rotated)
	if on {
		b.calendar.add(next)
	}
	switch a.View {
	case keyrotor.ViewRotating:
		if !on {
			b.tally.switchOff(a)
		}
		b.doc.Rotating.Rows.add(b.rotatingRow(a, e)...)
	case keyrotor.ViewTarget, keyrotor.ViewUnknown:
		if on {
			b.tally.switchOn(a)
		}
		b.doc.Targets.Rows.add(b.targetRow(a, e, touched)...)
	default:
		b.doc.Cannot.Rows.add(b.cannotRow(a)...)
	}
}

// finish turns counts into views.
func (b *builder) finish() {
	if words := elsewhere(b.run.Population); words != "" {
		b.doc.Banner = strings.ToUpper(words[:1]) + words[1:] + "."
	}
	if b.run.undoes() != "" {
		b.finishUndo()
		return
	}
	b.header()
	b.figures()
	b.doc.Heat = b.heat()
	b.doc.Outcome = b.outcome()
	b.doc.Months, b.doc.CalNote = b.calendar.months(b.run.assessed())
	b.doc.ByMonth = b.calendar.table()
	b.doc.Ages = b.ages.bins
	b.doc.AgeNote = b.ages.note()
	b.doc.Controls = b.controls()
	b.doc.Rules = b.rules()
	b.doc.Classes = b.classes()
	b.doc.Gaps = b.gapTable()
	b.doc.Left = b.leftOutTable()
	b.doc.Waivers = b.waiverTable()
	b.doc.Audit = b.audit()
	b.sortKeys()
	b.sortFailing()
	b.doc.FindingNote = b.findingNote()
}

// title names the page in a browser's tab and a list of files.
func (d *document) title() string {
	if d.Undo != nil {
		return "KMS key rotation: undo of run " + d.Undo.Run
	}
	return "KMS key rotation report"
}

func (d *document) eyebrow() string {
	if d.Undo != nil {
		return "KMS key rotation · undo of an earlier run"
	}
	return "KMS key rotation"
}
