package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// ownHelp has cobra's help and completion commands refuse what they do not know, as
// every other command does; they would print help and call it done.
func ownHelp(root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Run, c.RunE = nil, helpOn
		case "completion":
			c.Args, c.RunE = noArgs, func(c *cobra.Command, _ []string) error { return c.Help() }
			for _, shell := range c.Commands() {
				shell.Args = noArgs
			}
		}
	}
}

// helpOn shows the help of the command that args name. What follows a command that
// has none below it may be what was typed with it before.
func helpOn(c *cobra.Command, args []string) error {
	on, rest, err := c.Root().Find(args)
	if err != nil {
		return &usageError{err}
	}
	if on.HasSubCommands() {
		switch err := noArgs(on, rest); {
		case errors.As(err, new(*keyrotor.Problem)): // it knows what was meant
			return err
		case err != nil:
			return usageNext(on.CommandPath()+" --help", "%w", err)
		}
	}
	on.InitDefaultHelpFlag() // cobra adds it when a command runs, which this one does not
	return on.Help()
}

// leastHelp is the width below which help is left to the terminal.
const leastHelp = 40

// foldHelp breaks the help of root and of all below it between words, for a terminal
// of so many columns. Lines that are set in, such as commands, are left as they are.
func foldHelp(root *cobra.Command, width int) {
	if width < leastHelp {
		return
	}
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages ", "Flags.FlagUsagesWrapped "+strconv.Itoa(width)+" "))
	foldCommand(root, width)
}

func foldCommand(c *cobra.Command, width int) {
	c.Long = foldParagraphs(c.Long, width)
	for _, sub := range c.Commands() {
		foldCommand(sub, width)
		lead := "  " + strings.Repeat(" ", sub.NamePadding()) + " "
		sub.Short = strings.TrimLeft(strings.Join(report.Hang(report.Style{Width: width}, lead, sub.Short, len(lead)), "\n"), " ")
	}
}

// foldParagraphs sets anew each paragraph that has a line too long.
func foldParagraphs(text string, width int) string {
	var out, paragraph []string
	flush := func() {
		long := false
		for _, l := range paragraph {
			long = long || ansi.StringWidth(l) > width
		}
		if long {
			paragraph = report.Fold(strings.Join(paragraph, " "), width)
		}
		out, paragraph = append(out, paragraph...), nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || line[0] == ' ' {
			flush()
			out = append(out, line)
			continue
		}
		paragraph = append(paragraph, line)
	}
	flush()
	return strings.Join(out, "\n")
}
