package assess

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// SourceError is a mistake in a file that a person wrote, with its place.
type SourceError struct {
	File    string
	Line    int // from 1
	Column  int // from 1, in characters
	Message string
	Snippet string // the offending line with a caret below
}

// Error is "file:line:column: message", and the offending line below it.
func (e *SourceError) Error() string {
	at := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Snippet == "" {
		return at
	}
	return at + "\n" + e.Snippet
}

// maxFile bounds what is parsed at all. The largest pack known has 60 kB.
const maxFile = 1 << 20

// file is the text of a rule, waiver or test file, kept to point into it.
type file struct {
	name  string
	lines []string
}

// decode reads YAML strictly into target.
func decode(name string, data []byte, target any) (*file, error) {
	f, err := unmarshal(name, data, target)
	if err == nil {
		return f, nil
	}
	if known, ok := errors.AsType[*SourceError](err); ok {
		known.File = name
		return f, f.errorAt(known.Line, known.Column, known.Message)
	}
	if known, ok := errors.AsType[yaml.Error](err); ok && known.GetToken() != nil && known.GetToken().Position != nil {
		pos := known.GetToken().Position
		return f, f.errorAt(pos.Line, pos.Column, strings.TrimSpace(known.GetMessage()))
	}
	return f, f.errorAt(1, 1, err.Error())
}

// errorAt makes an error that shows the place.
func (f *file) errorAt(line, column int, message string) *SourceError {
	e := &SourceError{File: f.name, Line: max(line, 1), Column: max(column, 1), Message: printable(message)}
	if line >= 1 && line <= len(f.lines) {
		e.Snippet = snippet(f.lines[line-1], e.Line, e.Column)
	}
	return e
}

// snippetWidth is how much of a long line is shown, around the caret.
const snippetWidth = 100

// snippet shows a line and a caret below the column. A line number of 0 leaves
// the margin out.
func snippet(text string, line, column int) string {
	shown := []rune(printable(strings.TrimRight(text, "\r")))
	at := min(max(column-1, 0), len(shown))
	cut := 0
	if len(shown) > snippetWidth && at > snippetWidth/2 {
		cut = min(at-snippetWidth/2, len(shown)-snippetWidth)
	}
	shown = shown[cut:min(len(shown), cut+snippetWidth)]
	margin := "  "
	if line > 0 {
		margin = fmt.Sprintf("%4d | ", line)
	}
	blank := strings.Repeat(" ", utf8.RuneCountInString(margin)+at-cut)
	if line > 0 {
		blank = strings.Repeat(" ", 5) + "|" + blank[6:]
	}
	return margin + string(shown) + "\n" + blank + "^"
}

// printable keeps the width of a line and takes the teeth out of it: a rule
// file may come from a stranger.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '·'
		}
		return r
	}, s)
}

// scalar is a YAML string that remembers where it stands.
type scalar struct {
	text   string
	line   int
	column int
	set    bool
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (s *scalar) UnmarshalYAML(node ast.Node) error {
	tok := node.GetToken()
	s.line, s.column = position(tok)
	switch n := node.(type) {
	case *ast.StringNode:
		s.text = n.Value
	case *ast.LiteralNode:
		s.text = n.Value.Value
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		s.text = tok.Value
	case *ast.TagNode, *ast.AnchorNode, *ast.AliasNode:
		return &SourceError{Line: s.line, Column: s.column, Message: "tags, anchors and aliases are not supported here"}
	default:
		return &SourceError{Line: s.line, Column: s.column, Message: "a text is expected here"}
	}
	s.set = true
	return nil
}

func position(tok *token.Token) (line, column int) {
	if tok == nil || tok.Position == nil {
		return 1, 1
	}
	return tok.Position.Line, tok.Position.Column
}

// errorIn makes an error for a place inside a scalar: a line (from 0) and a
// column (from 0, in characters) of its text. Where YAML folded or unescaped
// the text, so that it does not stand in the file as such, the text itself is
// shown, and the position is that of its begin.
func (f *file) errorIn(s scalar, line, column int, message string) *SourceError {
	texts := strings.Split(s.text, "\n")
	if line < 0 || line >= len(texts) {
		return f.errorAt(s.line, s.column, message)
	}
	wanted := strings.TrimRight(texts[line], " \r")
	for at := s.line; at <= min(s.line+len(texts), len(f.lines)) && wanted != ""; at++ {
		from := 0
		if at == s.line {
			from = min(byteOffset(f.lines[at-1], s.column-1), len(f.lines[at-1]))
		}
		if i := strings.Index(f.lines[at-1][from:], wanted); i >= 0 && at-s.line >= line {
			before := utf8.RuneCountInString(f.lines[at-1][:from+i])
			return f.errorAt(at, before+column+1, message)
		}
	}
	e := f.errorAt(s.line, s.column, message)
	e.Snippet = snippet(texts[line], 0, column+1)
	return e
}

// byteOffset is the offset of the n-th character of s.
func byteOffset(s string, n int) int {
	for i := range s {
		if n <= 0 {
			return i
		}
		n--
	}
	return len(s)
}

// lineOf is a line of a text, counted from 0; empty beyond the end.
func lineOf(text string, n int) string {
	lines := strings.Split(text, "\n")
	if n < 0 || n >= len(lines) {
		return ""
	}
	return lines[n]
}
