package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes foreign text harmless to look at: control characters, terminal
// escapes, direction overrides, invisible format characters and broken UTF-8
// are shown as escapes ("\x1b"), a newline as "\n". Text without any of these
// is returned as it is. A backslash stays a backslash: Clean is for eyes, not
// for reading back.
func Clean(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case harmless(r):
			b.WriteString(s[:size])
		default:
			b.WriteString(shown(r))
		}
		s = s[size:]
	}
	return b.String()
}

func clean(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return false
			}
		}
		if !harmless(r) {
			return false
		}
	}
	return true
}

// harmless reports whether r neither moves a cursor nor hides or reorders text.
func harmless(r rune) bool {
	switch {
	case r < 0x20 || (r >= 0x7f && r < 0xa0):
		return false
	case r == '\u2028' || r == '\u2029':
		return false
	case unicode.Is(unicode.Cf, r): // bidi controls, zero width, soft hyphen, tags
		return false
	}
	return true
}

func shown(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\t':
		return `\t`
	case '\r':
		return `\r`
	}
	switch {
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// CSVCell makes a cell that no spreadsheet takes for a formula: one that
// starts with =, +, -, @, tab or carriage return (also after leading spaces)
// gets a leading apostrophe. Control characters are shown as Clean does.
func CSVCell(s string) string {
	formula := startsFormula(s)
	s = Clean(s)
	if formula {
		return "'" + s
	}
	return s
}

func startsFormula(s string) bool {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return r == ' ' || r == '\u00a0' || !harmless(r) && r != '\t' && r != '\r' })
	if s == "" {
		return false
	}
	switch r, _ := utf8.DecodeRuneInString(s); r {
	case '=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠':
		return true
	}
	return false
}
