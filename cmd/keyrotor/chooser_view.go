package main

import (
	"cmp"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// The screen, from the top:
//
//	┌ title: what a signature would cover ───────────┐
//	│ filter, and how many it shows                  │
//	│ column titles                                  │
//	│ [x] rows …                                     │
//	├ the key under the cursor ──────────────────────┤   when there is room
//	│ its id, usage, state, failing rules …          │
//	├────────────────────────────────────────────────┤
//	│ keys                                           │
//	└────────────────────────────────────────────────┘
const (
	aroundList   = 6 // lines of frame, filter, column titles and keys
	previewLines = 6 // with the line above them
	roomForBoth  = 24
)

// rows is how many rows of the list fit.
func (c *chooser) rows() int {
	n := c.height - aroundList
	if c.previews() {
		n -= previewLines
	}
	return max(1, n)
}

func (c *chooser) previews() bool { return c.height >= roomForBoth }

// View draws the screen.
func (c *chooser) View() tea.View {
	f := frame{width: max(40, c.width), ascii: c.style.ASCII}
	f.border("┌", c.paint(lipgloss.NewStyle().Bold(true), c.title()), "┐")
	switch c.mode {
	case modeDetails:
		c.fill(&f, c.details())
		f.rule("├", "┤")
		f.line("any key goes back")
	case modeConfirm:
		c.fill(&f, c.question())
		f.rule("├", "┤")
		f.line("y signs · any other key goes back")
	default:
		c.drawList(&f)
	}
	f.rule("└", "┘")
	v := tea.NewView(strings.TrimSuffix(f.text.String(), "\n"))
	v.AltScreen = true
	return v
}

// fill puts lines into the frame, as many as fit, and pads to its height.
func (c *chooser) fill(f *frame, lines []string) {
	room := max(1, c.height-4)
	for i := range room {
		if i < len(lines) {
			f.line(lines[i])
		} else {
			f.line("")
		}
	}
}

func (c *chooser) drawList(f *frame) {
	f.line(c.filterLine())
	f.line(c.paint(lipgloss.NewStyle().Faint(true), "      "+c.columns("alias or id", "account", "Region", "env", "owner", "change", "made")))
	for n := range c.rows() {
		i := c.top + n
		switch {
		case i >= len(c.shown) && n == 0:
			f.line("  nothing matches; esc clears the filter")
		case i >= len(c.shown):
			f.line("")
		case i == c.cursor:
			f.line(c.paint(lipgloss.NewStyle().Reverse(true), "> "+c.row(i)))
		default:
			f.line("  " + c.row(i))
		}
	}
	if c.previews() {
		c.drawPreview(f)
	}
	f.rule("├", "┤")
	f.line(c.keys())
}

// keys says what the keys do; who will sign is left out first where the screen
// is narrow, for the question before signing says it too.
func (c *chooser) keys() string {
	if c.mode == modeFilter {
		return c.fit(
			"every word must stand in alias, id, account, Region, description, state, rules, env=… or owner=… · enter keeps · esc clears",
			"words of alias, account, Region, rules …, or env=prod, owner=pay · enter",
			"words, or env=prod, owner=pay")
	}
	moves := "space choose · a all shown · / filter · enter details · "
	all := []string{moves + "s sign · q leave", "space choose · a all · / filter · enter more · s sign · q leave", "space a / enter · s sign · q leave"}
	if len(c.whole) > 0 {
		moves = "/ filter · enter details · "
		all = []string{moves + "s sign · q leave", "/ enter · s sign · q leave"}
	}
	if c.signer != "" {
		_, who, _ := strings.Cut(c.signer, " ")
		all = append([]string{moves + "s sign with " + report.Clean(c.signer) + " · q leave", moves + "s sign as " + report.Clean(who) + " · q leave"}, all...)
	}
	return c.fit(all...)
}

// fit is the first of the texts, given from the fullest to the shortest, that
// fits into the frame.
func (c *chooser) fit(texts ...string) string {
	for _, t := range texts {
		if ansi.StringWidth(t) <= max(40, c.width)-5 {
			return t
		}
	}
	return texts[len(texts)-1]
}

// filterLine shows the filter, and counts before the list.
func (c *chooser) filterLine() string {
	changes, chosen := 0, 0
	for i := range c.shown {
		if ch, ok := c.change(i); ok {
			changes++
			if c.chosen[ch.ID] {
				chosen++
			}
		}
	}
	lead := ""
	switch {
	case c.mode == modeFilter:
		lead = "/" + report.Clean(c.filter) + "_   "
	case c.filter != "":
		lead = "/" + report.Clean(c.filter) + "   "
	}
	counts := fmt.Sprintf("%s%d shown, %d of them chosen", lead, changes, chosen)
	if rotating := len(c.shown) - changes; rotating > 0 {
		return fmt.Sprintf("%s · %s rotate already", counts, thousands(rotating))
	}
	return counts
}

// partWidths are the widths of a row's parts after the name: account, Region,
// env, owner, change, made. The change takes what the plan's changes need.
func (c *chooser) partWidths() []int { return []int{12, 14, 8, 12, c.effects, 4} }

// effectWidth is how wide the changes of a plan are in words.
func effectWidth(changes []keyrotor.Change) int {
	width := len("change")
	for _, ch := range changes {
		width = max(width, ansi.StringWidth(effect(ch)))
	}
	return min(width, 18)
}

// giveWay are the parts that a narrow screen leaves out, the first one first:
// made, owner, env, Region. The first three stand below the list too, all of them
// in the details.
func giveWay() []int { return []int{5, 3, 2, 1} }

const (
	leastName = 28
	mostName  = 48 // the eye loses its line over more blanks
)

// columns sets the parts of a row under each other; the name takes what is left.
func (c *chooser) columns(name string, parts ...string) string {
	width, shown := c.layout()
	row := pad(report.Shorten(report.Clean(name), width, "…"), width)
	widths := c.partWidths()
	for i, part := range parts {
		if shown[i] {
			row += " " + pad(part, widths[i])
		}
	}
	return row
}

// layout is how wide names are, and which parts there is room for.
func (c *chooser) layout() (name int, shown []bool) {
	widths := c.partWidths()
	name = c.width - 4 - 6
	for _, w := range widths {
		shown = append(shown, true)
		name -= 1 + w
	}
	for _, i := range giveWay() {
		if name < leastName {
			shown[i] = false
			name += 1 + widths[i]
		}
	}
	return min(max(leastName, name), mostName), shown
}

func (c *chooser) nameWidth() int {
	width, _ := c.layout()
	return width
}

// row is one line: the box, then what a reviewer asks for first.
func (c *chooser) row(i int) string {
	if ch, ok := c.change(i); ok {
		box := "[ ] "
		if c.chosen[ch.ID] {
			box = "[x] "
		}
		s := ch.Seen
		return box + c.columns(ch.Target.Name, ch.Target.Account, ch.Target.Region, cmp.Or(s.Env, "–"), cmp.Or(s.Owner, "–"), effect(ch), s.Created.Format("2006"))
	}
	return c.rotatingLine(i)
}

// keyIDOf is what stands after "key/" in an ARN.
func keyIDOf(arn string) string {
	_, id, found := strings.Cut(arn, ":key/")
	if !found {
		return "–"
	}
	return id
}

// pad shows text from AWS harmlessly, in exactly n columns.
func pad(s string, n int) string {
	s = ansi.Truncate(report.Clean(s), n, "…")
	return s + strings.Repeat(" ", max(0, n-ansi.StringWidth(s)))
}

func (c *chooser) paint(style lipgloss.Style, text string) string {
	if !c.style.Color {
		return text
	}
	return style.Render(text)
}

// frame is a box that grows line by line.
type frame struct {
	text  strings.Builder
	width int
	ascii bool
}

func (f *frame) put(s string) {
	if f.ascii {
		s = strings.NewReplacer("┌", "+", "┐", "+", "└", "+", "┘", "+", "├", "+", "┤", "+", "─", "-", "│", "|", "·", "-", "✓", "=", "…", "~", "→", ">", "–", "-").Replace(s)
	}
	f.text.WriteString(s + "\n")
}

func (f *frame) border(left, title, right string) {
	title = ansi.Truncate(title, f.width-5, "…")
	f.put(left + " " + title + " " + strings.Repeat("─", max(0, f.width-4-ansi.StringWidth(title))) + right)
}

func (f *frame) rule(left, right string) { f.put(left + strings.Repeat("─", f.width-2) + right) }

func (f *frame) line(s string) {
	s = ansi.Truncate(s, f.width-4, "…")
	f.put("│ " + s + strings.Repeat(" ", max(0, f.width-4-ansi.StringWidth(s))) + " │")
}
