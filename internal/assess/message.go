package assess

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// message is the text of a finding: plain words with expressions in braces,
// "material is {asset.material.age} old". Two braces stand for one.
type message struct {
	// words has one element more than values; they alternate.
	words  []string
	values []*program
}

// parseMessage compiles the expressions of a message.
func parseMessage(c *compiler, text string) (*message, error) {
	m := &message{}
	var word strings.Builder
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "{{"), strings.HasPrefix(text[i:], "}}"):
			word.WriteByte(text[i])
			i += 2
		case text[i] == '}':
			return nil, errorAtOffset(text, i, &compileError{message: "this brace closes nothing; write }} for a brace"})
		case text[i] == '{':
			end := closing(text, i+1)
			if end < 0 {
				return nil, errorAtOffset(text, i, &compileError{message: "this brace is not closed; write {{ for a brace"})
			}
			p, err := c.compile(text[i+1:end], nil)
			if err != nil {
				return nil, errorAtOffset(text, i+1, err)
			}
			m.words, m.values = append(m.words, word.String()), append(m.values, p)
			word.Reset()
			i = end + 1
		default:
			word.WriteByte(text[i])
			i++
		}
	}
	m.words = append(m.words, word.String())
	return m, nil
}

// closing finds the brace that ends an expression: not one inside a string, nor
// one that closes a map literal.
func closing(text string, from int) int {
	depth, quote := 0, byte(0)
	for i := from; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == '}':
			return i
		}
	}
	return -1
}

// errorAtOffset moves an error of an expression to its place in the message.
func errorAtOffset(text string, offset int, err error) error {
	inner, ok := errors.AsType[*compileError](err)
	if !ok {
		return err
	}
	before := text[:offset]
	moved := &compileError{line: strings.Count(before, "\n") + inner.line, column: inner.column, message: inner.message}
	if inner.line == 0 {
		moved.column += utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	}
	return moved
}

// render fills the message in for an asset. What is not set is shown as none, and
// what cannot be told as a question mark: the verdict stands without it.
func (m *message) render(v *view) string {
	if len(m.values) == 0 {
		return m.words[0]
	}
	var b strings.Builder
	for i, p := range m.values {
		b.WriteString(m.words[i])
		val, err := p.value(v)
		if absent, ok := errors.AsType[*notRead](err); ok && absent.unset {
			b.WriteString("none")
			continue
		}
		if err != nil {
			b.WriteByte('?')
			continue
		}
		b.WriteString(humanize(val))
	}
	b.WriteString(m.words[len(m.words)-1])
	return b.String()
}

// plain reports whether the message is words only.
func (m *message) plain() bool { return len(m.values) == 0 }
