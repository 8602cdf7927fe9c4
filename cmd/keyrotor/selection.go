package main

import (
	"fmt"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

// selection is --select: which assets are meant, all where nothing was said.
type selection struct {
	expr   string
	choice *assess.Choice
}

// selected compiles --select.
func (s *session) selected(expr string) (selection, error) {
	if expr == "" {
		return selection{}, nil
	}
	choice, err := assess.CompileChoice(expr, s.now().UTC())
	if err != nil {
		return selection{}, &usageError{err}
	}
	return selection{expr, choice}, nil
}

// holds reports whether the asset is meant.
func (c selection) holds(a keyrotor.Asset) bool { return c.choice == nil || c.choice.Holds(a) }

// decided is asked after the keys were: an expression that could be decided for
// none of them chose nothing and meant something, which is refused; for some, it
// is said.
func (s *session) decided(c selection) error {
	if c.choice == nil {
		return nil
	}
	n, first, all := c.choice.Undecided()
	switch {
	case all:
		return &keyrotor.Problem{
			Err: usage("--select %s: cannot be decided for any of %s; the first: %w", c.expr, count(n, "key"), first),
			Now: "nothing was chosen",
			Next: "mend the expression, or scan with the facts that it asks for:\nkeyrotor scan --help\n" +
				"keyrotor explain KEY   what is known of one key",
		}
	case n > 0:
		fmt.Fprintf(s.err, "! --select could not be decided for %s, which it does not choose; the first: %s\n", count(n, "key"), said(first.Error()))
	}
	return nil
}
