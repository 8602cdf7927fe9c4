package main

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// View draws the screen.
func (c *chooser) View() tea.View {
	var b strings.Builder
	b.WriteString(c.paint(lipgloss.NewStyle().Bold(true), c.title()) + "\n")
	switch c.mode {
	case modeDetails:
		c.drawDetails(&b)
	case modeConfirm:
		fmt.Fprintf(&b, "\n  %d changes will be signed as one plan; nothing in AWS changes until enough people signed and apply is run.\n\n  y sign    any other key back\n", c.count())
	default:
		c.drawList(&b)
	}
	v := tea.NewView(b.String())
	v.AltScreen = true
	return v
}

func (c *chooser) drawList(b *strings.Builder) {
	switch {
	case c.mode == modeFilter:
		fmt.Fprintf(b, "/%s_\n", report.Clean(c.filter))
	case c.filter != "":
		fmt.Fprintf(b, "/%s   %d shown\n", report.Clean(c.filter), len(c.shown))
	default:
		b.WriteString("\n")
	}
	for i := c.top; i < min(len(c.shown), c.top+c.rows()); i++ {
		line := ansi.Truncate(c.row(i), max(10, c.width-2), "…")
		if i == c.cursor {
			line = c.paint(lipgloss.NewStyle().Reverse(true), "> "+line)
		} else {
			line = "  " + line
		}
		b.WriteString(line + "\n")
	}
	if len(c.shown) == 0 {
		b.WriteString("  nothing matches; esc clears the filter\n")
	}
	b.WriteString("\nspace choose · a all shown · / filter · enter details · s sign · q leave without signing")
}

// row is one line: the box, then what a reviewer asks for first.
func (c *chooser) row(i int) string {
	if ch, ok := c.change(i); ok {
		box := "[ ]"
		if c.chosen[ch.ID] {
			box = "[x]"
		}
		s := ch.Seen
		return fmt.Sprintf("%s %-28s %s %-14s %-8s %-12s %-22s %s", box, cut(ch.Target.Name, 28), ch.Target.Account, ch.Target.Region,
			cut(orText(s.Env, "–"), 8), cut(orText(s.Owner, "–"), 12), effect(ch), s.Created.Format("2006"))
	}
	s := c.plan.Rotating[c.shown[i]-len(c.plan.Changes)]
	name := "–"
	if len(s.Aliases) > 0 {
		name = s.Aliases[0]
	}
	return fmt.Sprintf(" ✓  %-28s already rotating: %s (not changed)", cut(name, 28), s.Rotation)
}

func cut(s string, n int) string { return ansi.Truncate(report.Clean(s), n, "…") }

// effect says in a few words what a change does.
func effect(ch keyrotor.Change) string {
	last := ch.Steps[len(ch.Steps)-1]
	for _, s := range ch.Steps {
		switch s.Verb {
		case keyrotor.EnableRotation, keyrotor.SetPeriod:
			return fmt.Sprintf("%s → %d d", orText(ch.Seen.Rotation, "off"), s.Params.PeriodDays)
		}
	}
	return string(last.Verb)
}

func (c *chooser) drawDetails(b *strings.Builder) {
	ch, ok := c.change(c.cursor)
	if !ok {
		fmt.Fprintf(b, "\n  %s\n\nany key back", report.Clean(c.row(c.cursor)))
		return
	}
	s := ch.Seen
	for _, f := range [][2]string{
		{"key", ch.Target.ID}, {"alias", strings.Join(s.Aliases, ", ")}, {"account", ch.Target.Account}, {"Region", ch.Target.Region},
		{"description", s.Description}, {"usage", s.Usage}, {"spec", s.Spec}, {"state", s.State}, {"rotation", s.Rotation},
		{"owner", s.Owner}, {"env", s.Env}, {"created", s.Created.Format("2 Jan 2006")}, {"failing rules", strings.Join(ch.Why, ", ")},
		{"change", effect(ch)}, {"template", ch.Template}, {"warning", ch.Warning}, {"cannot undo", ch.CannotUndo},
	} {
		if f[1] != "" {
			fmt.Fprintf(b, "\n  %-14s %s", f[0], cut(f[1], max(20, c.width-20)))
		}
	}
	b.WriteString("\n\nany key back")
}

func (c *chooser) paint(style lipgloss.Style, text string) string {
	if !c.style.Color {
		return text
	}
	return style.Render(text)
}
