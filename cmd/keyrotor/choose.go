package main

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/store"
)

// chooseOnScreen opens the full-screen list and returns the chosen changes. What
// somebody has signed already is shown to be looked through, and signed whole.
func (s *session) chooseOnScreen(run *store.Run, pl keyrotor.Plan, f approveFlags) (map[keyrotor.ChangeID]bool, error) {
	rotating, err := s.rotatingIn(run, pl)
	if err != nil {
		return nil, err
	}
	list := newChooser(pl, rotating, s.signsAs(f), s.style)
	if list.whole, err = s.signedBy(run, pl); err != nil {
		return nil, err
	}
	if list.fails, err = s.failing(run, pl); err != nil {
		return nil, err
	}
	list.limits = s.limits()
	if !f.chooseOnly {
		list.held = s.frozenWords(f.valid)
	}
	final, err := tea.NewProgram(list, tea.WithInput(s.in), tea.WithOutput(s.out)).Run()
	if err != nil {
		return nil, fmt.Errorf("the list on screen: %w", err)
	}
	c, ok := final.(*chooser)
	if !ok || !c.confirmed {
		return nil, &keyrotor.Refusal{What: "nothing was chosen", Now: "nothing was signed or changed", Next: s.again()}
	}
	return c.result(), nil
}

// failing are the rules that each key of the plan fails, those that the plan does
// not mend among them: who signs sees all that is wrong with a key. By ARN.
func (s *session) failing(run *store.Run, pl keyrotor.Plan) (map[string][]string, error) {
	j, err := s.judge(run)
	if err != nil {
		return nil, err
	}
	fails := map[string][]string{}
	for _, ch := range pl.Changes {
		fails[ch.Target.ARN] = nil
	}
	return fails, stream(run, j)(func(a keyrotor.Assessment) error {
		if _, planned := fails[a.Asset.ARN]; !planned {
			return nil
		}
		for _, f := range a.Findings {
			if f.Verdict == keyrotor.Fail {
				fails[a.Asset.ARN] = append(fails[a.Asset.ARN], fmt.Sprintf("%s (%s)", f.Rule, f.Severity))
			}
		}
		return nil
	})
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
