package report

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Fold breaks text at its blanks into lines of at most width columns; a longer
// word keeps its line. Hyphens are left alone: ids and dates hold them.
func Fold(text string, width int) []string {
	var lines []string
	line := ""
	for i, word := range strings.Split(text, " ") {
		switch {
		case i == 0:
			line = word
		case ansi.StringWidth(line)+1+ansi.StringWidth(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
