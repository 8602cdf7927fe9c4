package main

import (
	"slices"
	"strings"
	"testing"
)

// FuzzTags: tags of the command line say what was typed, pair for pair, or are refused.
func FuzzTags(f *testing.F) {
	for text, want := range map[string]int{ // -1: refused
		"owner=pay-team\nenv=prod": 2, "a=": 1, "a==b=": 1, " a =\tb": 1, "a=1\nA=1": 2,
		"a=1\na=1": -1, "a": -1, "=b": -1, "": -1, "a=1\n": -1,
	} {
		tags, err := parseTags(strings.Split(text, "\n"))
		if got := len(tags); (err != nil) != (want < 0) || err == nil && got != want {
			f.Errorf("%q: got %d tags, %v; want %d", text, got, err, want)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pairs := strings.Split(text, "\n")
		tags, err := parseTags(pairs)
		var again []string
		for k, v := range tags {
			again = append(again, k+"="+v)
		}
		slices.Sort(pairs)
		slices.Sort(again)
		switch same := slices.Equal(pairs, again); {
		case err == nil && !same:
			t.Errorf("%q was read as %q", text, tags)
		case err != nil && tags != nil:
			t.Errorf("%q is refused, and read as %q", text, tags)
		case err != nil && wellFormed(pairs):
			t.Errorf("%q is refused: %v", text, err)
		}
	})
}

// wellFormed reports whether all pairs have a key, and each one of its own.
func wellFormed(pairs []string) bool {
	keys := map[string]bool{}
	for _, pair := range pairs {
		i := strings.IndexByte(pair, '=')
		if i < 1 || keys[pair[:i]] {
			return false
		}
		keys[pair[:i]] = true
	}
	return true
}
