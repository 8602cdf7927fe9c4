package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/report"
)

// drawPreview says of the key under the cursor what its row has no room for.
func (c *chooser) drawPreview(f *frame) {
	lines := make([]string, previewLines-1)
	name := ""
	if ch, ok := c.change(c.cursor); ok {
		s := ch.Seen
		name = report.Clean(ch.Target.Name)
		lines[0] = report.Clean(fmt.Sprintf("%s · %s · %s", ch.Target.ID, s.Spec, s.Usage))
		lines[1] = report.Clean(fmt.Sprintf("%s · rotation %s · env %s · owner %s · made %s",
			s.State, cmp.Or(s.Rotation, "off"), cmp.Or(s.Env, "–"), cmp.Or(s.Owner, "–"), s.Created.Format("2 Jan 2006")))
		lines[2] = report.Clean(cmp.Or(s.Description, "no description"))
		lines[3] = "fails " + report.Clean(cmp.Or(strings.Join(c.failed(ch), ", "), "no rule"))
		// The warning first: where a line has no room for both, the details have it.
		if both := slices.DeleteFunc([]string{report.WarningBeside(ch), ch.Template}, func(s string) bool { return s == "" }); len(both) > 0 {
			lines[4] = "! " + report.Clean(strings.Join(both, "; "))
		}
	} else if len(c.shown) > 0 {
		k := c.rotatingAt(c.cursor)
		name = "rotates already, and cannot be chosen"
		lines[0] = report.Clean(k.arn)
		lines[1] = report.Clean(cmp.Or(k.description, "no description"))
	}
	f.border("├", name, "┤")
	for _, l := range lines {
		f.line(l)
	}
}

// failed are all rules that the key of a change fails; those that the plan names,
// where no others are known.
func (c *chooser) failed(ch keyrotor.Change) []string {
	if all := c.fails[ch.Target.ARN]; ch.Target.ARN != "" && len(all) > 0 {
		return all
	}
	return ch.Why
}

// effect says in a few words what a change does.
func effect(ch keyrotor.Change) string {
	last := ch.Steps[len(ch.Steps)-1]
	for _, s := range ch.Steps {
		switch s.Verb {
		case keyrotor.EnableRotation, keyrotor.SetPeriod:
			return fmt.Sprintf("%s → %d d", cmp.Or(ch.Seen.Rotation, "off"), s.Params.PeriodDays)
		}
	}
	return string(last.Verb)
}

// details are all that the plan knows of the key under the cursor; long text is
// wrapped, not cut.
func (c *chooser) details() []string {
	ch, ok := c.change(c.cursor)
	if !ok {
		return []string{"", c.row(c.cursor)}
	}
	s := ch.Seen
	lines := []string{""}
	for _, f := range [][2]string{
		{"key", ch.Target.ID}, {"alias", strings.Join(s.Aliases, ", ")}, {"account", ch.Target.Account}, {"Region", ch.Target.Region},
		{"description", s.Description}, {"usage", s.Usage}, {"spec", s.Spec}, {"origin", s.Origin}, {"state", s.State}, {"multi-Region", s.MultiRegion},
		{"rotation", s.Rotation}, {"owner", s.Owner}, {"env", s.Env}, {"created", s.Created.Format("2 Jan 2006")},
		{"failing rules", strings.Join(c.failed(ch), ", ")}, {"change", effect(ch)}, {"template", ch.Template}, {"warning", ch.Warning}, {"cannot undo", ch.CannotUndo},
	} {
		if f[1] == "" {
			continue
		}
		title := pad(f[0], 14)
		for part := range strings.SplitSeq(ansi.Wrap(report.Clean(f[1]), max(20, c.width-22), ""), "\n") {
			lines = append(lines, "  "+title+" "+part)
			title = pad("", 14)
		}
	}
	return lines
}

// question is what a person reads before signing: how much, and where.
func (c *chooser) question() []string {
	accounts, envs := map[string]bool{}, map[string]int{}
	var chosen []keyrotor.Change
	for _, ch := range c.plan.Changes {
		if c.chosen[ch.ID] {
			chosen = append(chosen, ch)
			accounts[ch.Target.Account] = true
			envs[cmp.Or(ch.Seen.Env, "no env tag")]++
		}
	}
	parts := []string{}
	for _, env := range slices.Sorted(maps.Keys(envs)) {
		parts = append(parts, fmt.Sprintf("%d %s", envs[env], report.Clean(env)))
	}
	lines := []string{
		"",
		fmt.Sprintf("  %d of %s will be signed as one plan, in %s.", c.count(), count(len(c.plan.Changes), "change"), count(len(accounts), "account")),
		"  env: " + strings.Join(parts, ", "),
	}
	lines = append(lines, c.purposeLines(chosen)...)
	lines = append(lines, "  Nothing in AWS changes until enough people signed and apply is run.")
	for _, why := range slices.Concat(guard.BlastRadius(keyrotor.Plan{Changes: chosen}, c.limits), c.held) {
		lines = append(lines, "  ! "+report.Clean(why))
	}
	if c.count() < len(c.plan.Changes) {
		lines = append(lines, "  The others are left out: this is a new plan with a digest of its own.")
	}
	if len(c.whole) > 0 {
		lines = append(lines, "  "+report.Clean(strings.Join(c.whole, ", "))+" signed it already, and nobody can narrow it now.")
	}
	if c.signer != "" {
		lines = append(lines, "  It is signed with "+report.Clean(c.signer)+".")
	}
	return append(lines, "", "  Sign?  y / N")
}
