package main

import (
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor/internal/report"
)

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
