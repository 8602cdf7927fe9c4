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

func TestAKeyThatIsNoTextIsAnUnknownField(t *testing.T) {
	for name, text := range map[string]string{
		"true":            "a: b\ntrue: {c: d}\n",
		"null":            "null: x\n",
		"a tilde":         "{~: x}\n",
		"a number":        "1: 2\n",
		"a fraction":      "1.5: 2\n",
		"infinity":        ".inf: 2\n",
		"beside a field":  "m: {x: y, 2: needed}\n",
		"written at long": "? 2\n: needed\n",
		"in a list":       "l:\n  - x\n  - {2: y}\n",
	} {
		t.Run(name, func(t *testing.T) {
			var into struct {
				A string
				M struct{ X string }
				L []any
			}
			err := assess.UnmarshalYAML("file.yaml", []byte(text), &into)
			var at *assess.SourceError
			if !errors.As(err, &at) || !strings.Contains(at.Message, "unknown field") {
				t.Errorf("got %v, want an unknown field with its place", err)
			}
		})
	}
	var into struct{ M map[string]string }
	if err := assess.UnmarshalYAML("file.yaml", []byte(`m: {"2": x, on: y, 2026-01-01: z}`), &into); err != nil || len(into.M) != 3 {
		t.Errorf("got %v, %v, want three names", into.M, err)
	}
}

func TestANumberIsReadAsItStandsThereOrNotAtAll(t *testing.T) {
	for _, text := range []string{"010", "0x10", "0o17", "0b11", "1_000", "+5", "-0", "1.10", "011122223333"} {
		for what, yaml := range map[string]string{"a number": "n: " + text, "a text": "a: " + text, "in a list": "l: [" + text + "]"} {
			var into struct {
				A string
				N float64
				L []string
			}
			err := assess.UnmarshalYAML("file.yaml", []byte(yaml), &into)
			var at *assess.SourceError
			if !errors.As(err, &at) || at.Line != 1 || at.Column < 4 || !strings.Contains(at.Message, text+" would be read as") {
				t.Errorf("%s %s: got %v, want a refusal with its place", what, text, err)
			}
		}
	}
	var into struct {
		N, M int
		F    float64
		L    []string
	}
	err := assess.UnmarshalYAML("file.yaml", []byte("n: 1000\nm: -5\nf: 1.5\nl: ['010', 123456789012, 0]\n"), &into)
	if err != nil || into.N != 1000 || into.M != -5 || strings.Join(into.L, " ") != "010 123456789012 0" {
		t.Errorf("got %+v, %v, want them as they stand there", into, err)
	}
}
