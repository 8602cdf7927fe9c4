package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor/internal/report"
)

// textOnly are the commands whose result is made for people or has a form of its
// own; the words say how another one is had. All others have every form.
func textOnly() map[string]string {
	return map[string]string{
		"keyrotor version":       "",
		"keyrotor demo":          "",
		"keyrotor sandbox":       "",
		"keyrotor evidence key":  "",
		"keyrotor config check":  "",
		"keyrotor config schema": ", which is JSON already",
		"keyrotor waivers sign":  "",
		"keyrotor iam-policy":    "; --format says which kind of policy it prints",
	}
}

// hasForm refuses a value of --output that is none, or that the command has not: a
// script that asked for JSON must not read text.
func (p *program) hasForm(cmd *cobra.Command) error {
	path, form := cmd.CommandPath(), p.flags.output
	if !slices.Contains(report.Formats(), form) {
		return usage("--output %s: one of %s", form, strings.Join(report.Formats(), ", "))
	}
	how, only := textOnly()[path]
	if only || helps(cmd) {
		return p.onlyText(path, how)
	}
	return nil
}

// onlyText refuses every form but text.
func (p *program) onlyText(what, how string) error {
	if p.text() {
		return nil
	}
	return usage("--output %s: %s has text only%s", p.flags.output, what, how)
}

// helps reports whether a command prints help or what completes command lines: the
// groups of commands, and cobra's own.
func helps(cmd *cobra.Command) bool {
	if cmd.CommandPath() != "keyrotor plan" && cmd.HasSubCommands() {
		return true
	}
	root := cmd.Root()
	for c := cmd; c.HasParent(); c = c.Parent() {
		if c.Parent() == root {
			return c.Name() == "help" || c.Name() == "completion"
		}
	}
	return false
}
