package assess

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// maxLayers is how deep lists and maps may nest. The files here need five.
const maxLayers = 32

// UnmarshalYAML reads a file that a person wrote strictly into target. What
// would cost the YAML library more memory or time than a file of that size can
// mean is refused before it sees it, as a *SourceError; a mistake that the
// library finds is its own yaml.Error.
func UnmarshalYAML(name string, data []byte, target any) error {
	_, err := unmarshal(name, data, target)
	return err
}

// unmarshal is UnmarshalYAML and the file to point into.
func unmarshal(name string, data []byte, target any) (f *file, err error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors begin every file with it
	f = &file{name: name, lines: strings.Split(string(data), "\n")}
	switch {
	case len(data) > maxFile:
		return f, f.errorAt(1, 1, fmt.Sprintf("the file is larger than %d kB", maxFile>>10))
	case !utf8.Valid(data):
		return f, f.errorAt(1, 1, "the file is not UTF-8 text")
	}
	// The YAML library is not ours; a panic on somebody's file would be a crash
	// of the whole run.
	defer func() {
		if r := recover(); r != nil {
			err = f.errorAt(1, 1, "the file is not valid YAML")
		}
	}()
	if err := f.checkShape(string(data)); err != nil {
		return f, err
	}
	if err := f.checkWords(data); err != nil {
		return f, err
	}
	return f, yaml.UnmarshalWithOptions(data, target, yaml.Strict())
}

// checkShape refuses what makes a small file mean a huge one (aliases of lists
// of aliases), nesting whose parsing takes memory with the square of its depth,
// and a second document, which would be left out without a word.
func (f *file) checkShape(text string) error {
	flow, line, inline, content := 0, 0, 0, false
	for _, t := range lexer.Tokenize(text) {
		if t.Position.Line != line {
			line, inline = t.Position.Line, 0
		}
		switch t.Type {
		case token.AliasType:
			return f.errorAt(t.Position.Line, t.Position.Column, "anchors and aliases are not supported here")
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			inline++
		case token.DocumentHeaderType:
			if content {
				return f.errorAt(t.Position.Line, t.Position.Column, "a second document begins here; one is read")
			}
		}
		if flow+inline > maxLayers {
			return f.errorAt(t.Position.Line, t.Position.Column, "lists and maps nest too deep")
		}
		content = content || t.Type != token.DocumentHeaderType && t.Type != token.CommentType && t.Type != token.DirectiveType
	}
	return nil
}
