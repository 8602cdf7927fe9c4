package report

import "strings"

// Style says what the place of writing can show. The zero Style is for pipes
// and files: no colour, nothing cut to a width.
type Style struct {
	Width int  // columns of the terminal; 0 when it is not one
	Color bool // a terminal, and NO_COLOR is unset
	ASCII bool // the locale is not UTF-8
	All   bool // lists are shown whole, not their first ten rows
}

// Next is a safe command to go on with, and what it does.
type Next struct {
	Command string
	About   string
}

// mark is a sign that means something without its colour.
type mark int

const (
	markGood mark = iota
	markBad
	markWarn
	markSame
	markNone
)

// sign returns the mark as it stands beside a text, painted.
func (s Style) sign(m mark) string {
	switch m {
	case markGood:
		return s.green(s.pick("✓", "ok"))
	case markBad:
		return s.red(s.pick("✗", "x"))
	case markWarn:
		return s.yellow("!")
	case markSame:
		return s.dim("~")
	}
	return s.dim(s.pick("–", "-"))
}

// pick chooses between the proper character and its ASCII fallback.
func (s Style) pick(proper, ascii string) string {
	if s.ASCII {
		return ascii
	}
	return proper
}

// dot, ellipsis and dash are punctuation with ASCII fallbacks.
func (s Style) dot() string      { return s.pick(" · ", " - ") }
func (s Style) ellipsis() string { return s.pick("…", "...") }
func (s Style) dash() string     { return s.pick("–", "-") }

func (s Style) bold(t string) string   { return s.paint("1", t) }
func (s Style) dim(t string) string    { return s.paint("2", t) }
func (s Style) red(t string) string    { return s.paint("31", t) }
func (s Style) green(t string) string  { return s.paint("32", t) }
func (s Style) yellow(t string) string { return s.paint("33", t) }

func (s Style) paint(code, t string) string {
	if !s.Color || t == "" {
		return t
	}
	return "\x1b[" + code + "m" + t + "\x1b[0m"
}

// text cleans what came from outside and, where the terminal is plain ASCII,
// writes the house's own signs with their fallbacks.
func (s Style) text(t string) string {
	return s.Plain(Clean(t))
}

// Plain writes the house's own signs with their fallbacks where the terminal is
// plain ASCII. Foreign text beside them has to be clean already.
func (s Style) Plain(t string) string {
	if !s.ASCII {
		return t
	}
	return asciiSigns.Replace(t)
}

var asciiSigns = strings.NewReplacer("✓", "ok", "✗", "x", "▶", ">", "→", "->", "…", "...", "–", "-", "·", "-", "≠", "!=", "×", "x")
