package main

import (
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/assess"
)

// Two builds of one version held different rules, and their plans bore the same
// digest of rules.
func TestTheBuiltinPackIsKnownByItsText(t *testing.T) {
	s := &session{}
	_, text, err := s.pack("builtin")
	if err != nil {
		t.Fatal(err)
	}
	parts := assess.BuiltinText()
	if want := string(digestOf(parts[:]...)); !strings.Contains(string(text), want) {
		t.Errorf("got %q, want the digest of rules and references in it: %s", text, want)
	}
	for i := range parts {
		other := assess.BuiltinText()
		other[i] = append(other[i], '\n')
		if digestOf(other[:]...) == digestOf(parts[:]...) {
			t.Errorf("with part %d changed the digest is the same", i)
		}
	}
}
