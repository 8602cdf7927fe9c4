package assess_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/assess"
)

func TestFilesThatMeanMoreThanTheyHoldAreRefusedBeforeTheyAreParsed(t *testing.T) {
	for name, text := range map[string]string{
		"aliases of aliases":       "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
		"a list in itself":         "a: &a [*a]\n",
		"lists without an end":     "a: " + strings.Repeat("[", 500_000),
		"maps without an end":      strings.Repeat("{a: ", 100_000),
		"dashes on one line":       strings.Repeat("- ", 200_000),
		"tags on one line":         strings.Repeat("!!a ", 50_000),
		"a tag that stops parsers": "a: !!python/object x\n",
		"a second document":        "a: b\n---\na: c\n",
		"more than a megabyte":     "a: " + strings.Repeat("x", 1<<20),
		"UTF-16":                   "\xff\xfea\x00:\x00",
	} {
		t.Run(name, func(t *testing.T) {
			var into struct{ A []string }
			err := assess.UnmarshalYAML("file.yaml", []byte(text), &into)
			var at *assess.SourceError
			if !errors.As(err, &at) || at.Line == 0 {
				t.Errorf("got %v, want a refusal with its place", err)
			}
		})
	}
}

func TestAByteOrderMarkAndACommentBeforeTheDocumentAreNoMistake(t *testing.T) {
	var into struct{ A string }
	if err := assess.UnmarshalYAML("file.yaml", []byte("\ufeff# a comment\n---\na: b\n"), &into); err != nil || into.A != "b" {
		t.Errorf("got %q, %v, want b", into.A, err)
	}
}
