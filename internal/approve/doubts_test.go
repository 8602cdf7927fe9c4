package approve_test

import (
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
)

func TestDoubtsNamePrincipalsThatReadAlike(t *testing.T) {
	a, b := public(newKey(t, "a")), public(newKey(t, "b"))
	for name, c := range map[string]struct {
		lines []string
		want  string // part of the one doubt; none when empty
	}{
		"two people":                 {[]string{"bob@x " + a, "alice@x " + b}, ""},
		"case":                       {[]string{"bob@x " + a, "BOB@x " + b}, `allowed_signers:2: "bob@x" and "BOB@x" differ only in case`},
		"a blank at the end":         {[]string{"bob@x " + a, `"bob@x " ` + b}, `"bob@x" and "bob@x " differ only in case or blanks`},
		"case, but one line":         {[]string{"bob@x,BOB@x " + a, "alice@x " + b}, ""},
		"case, but one key":          {[]string{"bob@x " + a, "BOB@x " + a}, ""},
		"a letter of another tongue": {[]string{"b\u043eb@x " + a, "bob@x " + b}, `"b\u043eb@x" is not ASCII`},
		"patterns name nobody":       {[]string{"*@x " + a, "*@X " + b}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, c.lines...).Doubts()
			if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhoHoldsAKeyOfAPatternIsANameThatItMatchesAndNoOther(t *testing.T) {
	key, other := newKey(t, "k"), newKey(t, "o")
	signers := parse(t, "*@x,!bob@x "+public(key), "bob@x "+public(other))
	if got := signers.PrincipalsOf(key.PublicKey(), approve.Namespace, now); len(got) > 0 {
		t.Errorf("a pattern is taken for the principal %q", got)
	}
	if got := signers.Patterns(key.PublicKey(), approve.Namespace, now); len(got) != 1 || got[0] != "*@x,!bob@x" {
		t.Errorf("patterns %q", got)
	}
	for principal, want := range map[string]bool{
		"alice@x": true, "bob@x": false, "alice@y": false, "*@x,!bob@x": false, "*@x": false, "!bob@x": false, "a?@x": false,
	} {
		if err := signers.Check(principal, key.PublicKey(), approve.Namespace, now); (err == nil) != want {
			t.Errorf("%s: %v", principal, err)
		}
	}
	p := newPlan(t, keyrotor.Needs{Approvals: 1, AuthorMayApprove: true})
	if got, err := approve.Verify(p, digestOf, []keyrotor.Approval{sign(t, statement(p), "*@x,!bob@x", key)}, signers, now); err == nil {
		t.Errorf("a pattern approved: %+v", got.Approvers)
	}
}

func TestHoldersOfKeysThatShareAPatternAreOnePerson(t *testing.T) {
	a, b := newKey(t, "a"), newKey(t, "b")
	signers := parse(t, "*@x "+public(a), "*@x,!bob@x "+public(b))
	p := newPlan(t, keyrotor.Needs{Approvals: 2, AuthorMayApprove: true})
	approvals := []keyrotor.Approval{sign(t, statement(p), "alice@x", a), sign(t, statement(p), "carol@x", b)}
	if got, err := approve.Verify(p, digestOf, approvals, signers, now); err == nil {
		t.Errorf("approved by %v, want a refusal", got.Approvers)
	}
}
