package main

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/keyrotor/keyrotor"
)

// chooseOnScreen opens the full-screen list and returns the chosen changes.
func (s *session) chooseOnScreen(pl keyrotor.Plan) (map[keyrotor.ChangeID]bool, error) {
	final, err := tea.NewProgram(newChooser(pl, s.style), tea.WithInput(s.in), tea.WithOutput(s.out)).Run()
	if err != nil {
		return nil, fmt.Errorf("the list on screen: %w", err)
	}
	c, ok := final.(*chooser)
	if !ok || !c.confirmed {
		return nil, &keyrotor.Refusal{What: "nothing was chosen", Now: "nothing was signed or changed", Next: "keyrotor approve again, or --all, --select, --ids"}
	}
	return c.result(), nil
}
