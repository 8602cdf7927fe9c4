package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// markdownRows is how many rows of a list stand in the Markdown report: it is
// for a ticket or a wiki, and the HTML report and the files have them all.
const markdownRows = 20

// MarkdownReport writes the run as a short report: the verdict, the figures, the
// findings, and the first rows of what is open.
func MarkdownReport(w io.Writer, r Run) error {
	doc, err := newDocument(r)
	if err != nil {
		return fmt.Errorf("write the Markdown report: %w", err)
	}
	m := &markdown{b: bufio.NewWriter(w)}
	m.head(doc)
	if doc.Undo != nil {
		m.undo(doc)
	} else {
		m.survey(doc)
	}
	m.section("What could not be read")
	m.table(doc.Gaps, markdownRows)
	m.section("For the auditor")
	m.pairs(doc.Audit.Facts)
	m.line("")
	m.table(doc.Audit.Approvals, markdownRows)
	m.line("    %s", doc.Audit.Command)
	m.line("")
	m.line("%s", markdownCell(doc.Audit.Limits))
	if err := m.b.Flush(); err != nil {
		return fmt.Errorf("write the Markdown report: %w", err)
	}
	return nil
}

// markdown writes blocks; the writer keeps the first error until it is flushed.
type markdown struct{ b *bufio.Writer }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(m.b, format+"\n", args...) }

func (m *markdown) section(title string) {
	m.line("")
	m.line("## %s", title)
	m.line("")
}

func (m *markdown) head(d *document) {
	m.line("# %s", markdownCell(d.title()))
	m.line("")
	if d.Banner != "" {
		m.line("> ! %s", markdownCell(d.Banner))
		m.line("")
	}
	m.line("**%s**", markdownCell(d.Verdict))
	m.line("")
	for _, text := range d.Lead {
		m.line("- %s", markdownCell(text))
	}
	m.line("")
	m.pairs(d.Meta)
	m.line("")
	m.line("| Keys | | |")
	m.line("| ---: | --- | --- |")
	for _, f := range d.Figures {
		m.line("| %s | %s | %s |", f.Number, markdownCell(f.Name), markdownCell(f.Note))
	}
}

func (m *markdown) undo(d *document) {
	m.section("What was taken back")
	m.line("%s", markdownCell(d.Outcome.Note))
	m.line("")
	m.table(d.Outcome.Kinds, markdownRows)
	m.section("What was left as it is")
	m.table(d.Undo.Left, markdownRows)
}

func (m *markdown) survey(d *document) {
	m.section("This run")
	m.line("%s", markdownCell(d.Outcome.Note))
	m.line("")
	m.table(d.Outcome.Kinds, markdownRows)
	for _, c := range d.Outcome.Causes {
		m.line("- %s", markdownCell(c.What))
	}
	m.section("Coverage by account and Region")
	m.table(d.Heat, markdownRows)
	m.section("Findings by rule")
	m.line("%s", markdownCell(d.FindingNote))
	m.line("")
	m.table(d.Rules, 1000)
	m.section("Keys that fail a rule")
	m.line("The keys that fail kms-rotation-on are the target list, below.")
	m.line("")
	m.table(d.Failing, markdownRows)
	m.section("Target list")
	m.line("Keys that could rotate automatically and did not when this was read, without those that this run has settled.")
	m.line("")
	m.table(stillOpen(d.Targets), markdownRows)
	m.section("Cannot rotate automatically")
	m.table(d.Classes, markdownRows)
}

// stillOpen leaves out the rows whose last cell says that all is well.
func stillOpen(v tableView) tableView {
	v.Rows = v.Rows.without(func(r row) bool { return r.last().Mark == good })
	v.Empty = "None is left."
	return v
}

func (m *markdown) pairs(all []pair) {
	for _, p := range all {
		m.line("- %s: %s", markdownCell(p.Name), markdownCell(p.Value))
	}
}

// table writes the first rows, and says how many it left out.
func (m *markdown) table(v tableView, most int) {
	if v.Rows.len() == 0 {
		if v.Empty != "" {
			m.line("%s", markdownCell(v.Empty))
		}
		return
	}
	for _, c := range v.Columns {
		fmt.Fprintf(m.b, "| %s ", markdownCell(c.Title))
	}
	m.line("|")
	for _, c := range v.Columns {
		fmt.Fprintf(m.b, "| %s ", map[bool]string{true: "---:", false: "---"}[c.Kind == amount])
	}
	m.line("|")
	for row := range v.Rows.first(most) {
		for i := range v.Columns {
			c := row.at(i)
			text := strings.TrimSpace(c.Mark.shape() + " " + c.Text)
			if c.Sub != "" {
				text += " (" + c.Sub + ")"
			}
			fmt.Fprintf(m.b, "| %s ", markdownCell(text))
		}
		m.line("|")
	}
	if rest := v.Rows.len() - most; rest > 0 {
		m.line("")
		m.line("and %s more: %s.", count(rest), v.elsewhere())
	}
	m.line("")
}
