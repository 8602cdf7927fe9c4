package main

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
)

// chooseOnScreen opens the full-screen list and returns the chosen changes.
func (s *session) chooseOnScreen(pl keyrotor.Plan, f approveFlags) (map[keyrotor.ChangeID]bool, error) {
	final, err := tea.NewProgram(newChooser(pl, s.signsAs(f), s.style), tea.WithInput(s.in), tea.WithOutput(s.out)).Run()
	if err != nil {
		return nil, fmt.Errorf("the list on screen: %w", err)
	}
	c, ok := final.(*chooser)
	if !ok || !c.confirmed {
		return nil, &keyrotor.Refusal{What: "nothing was chosen", Now: "nothing was signed or changed", Next: s.again()}
	}
	return c.result(), nil
}

// signsAs names the key that will sign and whose it is, where that can be told
// beforehand; what cannot be told is refused when it comes to signing.
func (s *session) signsAs(f approveFlags) string {
	keys, err := s.ownKeys(f.key)
	if err != nil || len(keys) != 1 {
		return ""
	}
	signers, _, err := s.signers()
	if err != nil {
		return ""
	}
	who := f.as
	if names := signers.PrincipalsOf(keys[0], approve.Namespace, s.now().UTC()); who == "" && len(names) > 0 {
		who = names[0]
	}
	return strings.TrimSpace(keys[0].Type() + " " + who)
}
