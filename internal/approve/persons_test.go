package approve_test

import (
	"testing"

	"github.com/keyrotor/keyrotor/internal/approve"
)

func TestPersonsWhoMaySignAreCountedOnce(t *testing.T) {
	alice, token, bob, carol := public(newKey(t, "alice")), public(newKey(t, "token")), public(newKey(t, "bob")), public(newKey(t, "carol"))
	for name, c := range map[string]struct {
		lines      []string
		may, could int
		open       bool
	}{
		"two people":                     {[]string{"alice " + alice, "bob " + bob}, 2, 2, false},
		"two keys of one person":         {[]string{"alice " + alice, "alice " + token}, 1, 1, false},
		"two names of one person":        {[]string{"alice,al " + alice, "al " + token}, 1, 1, false},
		"one who only makes plans":       {[]string{"alice " + alice, `carol namespaces="keyrotor-author" ` + carol}, 1, 2, false},
		"one whose time is over":         {[]string{"alice " + alice, `bob valid-before="20200101Z" ` + bob}, 1, 1, false},
		"one of another namespace":       {[]string{"alice " + alice, `bob namespaces="git" ` + bob}, 1, 1, false},
		"an authority that names others": {[]string{"alice " + alice, "*@example.com cert-authority " + bob}, 1, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			signers := parse(t, c.lines...)
			may, open := signers.Persons(now, approve.Namespace)
			could, _ := signers.Persons(now, approve.Namespace, approve.AuthorNamespace)
			if may != c.may || could != c.could || open != c.open {
				t.Errorf("%d may approve, %d make plans, open %v; want %d, %d, %v", may, could, open, c.may, c.could, c.open)
			}
		})
	}
}
