package approve_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/testenv"
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

// A walk over what was read before, for each line, took 16 minutes here.
func TestAHundredThousandNamesOfOneKeyAreReadInAMoment(t *testing.T) {
	testenv.Slow(t, "takes two seconds")
	const n = 100_000
	key := newKey(t, "alice")
	var lines, names []string
	for i := range n {
		names = append(names, fmt.Sprintf("alice-%d", i))
		lines = append(lines, names[i]+" "+public(key))
	}
	for name, text := range map[string][]string{
		"a line each":                   lines,
		"one line":                      {strings.Join(names, ",") + " " + public(key)},
		"one line that excludes others": {strings.Join(names, ",") + ",!bob " + public(key)},
	} {
		t.Run(name, func(t *testing.T) {
			signers := parse(t, append(text, "carol@example.com "+public(newKey(t, "carol")))...)
			if got, _ := signers.Persons(now, approve.Namespace); got != 2 {
				t.Errorf("got %d persons, want 2", got)
			}
			if got := signers.Doubts(); len(got) != 0 {
				t.Errorf("got %d doubts, want none", len(got))
			}
			if got := signers.PrincipalsOf(key.PublicKey(), approve.Namespace, now); len(got) != n || got[0] != names[0] || got[n-1] != names[n-1] {
				t.Errorf("got %d principals of the key, want %d in the order of the file", len(got), n)
			}
			p := newPlan(t, keyrotor.Needs{Approvals: 2})
			both := []keyrotor.Approval{sign(t, statement(p), names[0], key), sign(t, statement(p), names[n-1], key)}
			if got, err := approve.Verify(p, digestOf, both, signers, now); err == nil || len(got.Approvers) != 1 {
				t.Errorf("two names of one key: got %d approvers, want 1", len(got.Approvers))
			}
		})
	}
}

func TestChainsOfNamesAreOnePersonWhateverTheirOrder(t *testing.T) {
	// Each line shares a principal with the next, and no two lines a key.
	const n = 50
	var forth, back []string
	for i := range n {
		forth = append(forth, fmt.Sprintf("p%d,p%d %s", i, i+1, public(newKey(t, fmt.Sprint("key ", i)))))
	}
	for i := range forth {
		back = append(back, forth[len(forth)-1-i])
	}
	for name, lines := range map[string][]string{"forth": forth, "back": back} {
		if got, _ := parse(t, lines...).Persons(now, approve.Namespace); got != 1 {
			t.Errorf("%s: got %d persons, want 1", name, got)
		}
	}
	apart := append(forth[:n/2:n/2], forth[n/2+1:]...)
	if got, _ := parse(t, apart...).Persons(now, approve.Namespace); got != 2 {
		t.Errorf("with a link missing: got %d persons, want 2", got)
	}
}

func TestAKeyThatItsLinesLimitIsSomebodysAllTheSame(t *testing.T) {
	key, other := newKey(t, "bob"), newKey(t, "alice")
	for name, c := range map[string]struct {
		lines []string
		want  []string // of what each line says
	}{
		"no line":                         {[]string{"alice " + public(other)}, nil},
		"a line of another namespace":     {[]string{"alice " + public(other), `bob namespaces="keyrotor-waivers" ` + public(key)}, []string{`bob: allowed_signers:2: key is not permitted for signatures in namespace "keyrotor-approval"`}},
		"a line whose time is over":       {[]string{`bob valid-before="20200101Z" ` + public(key)}, []string{"bob: allowed_signers:1: key was valid only before 2020-01-01T00:00:00Z"}},
		"a pattern whose time is to come": {[]string{`*@x valid-after="20990101Z" ` + public(key)}, []string{"*@x: allowed_signers:1: key is valid only after 2099-01-01T00:00:00Z"}},
		"a second line that lets it":      {[]string{`bob namespaces="git" ` + public(key), "bob " + public(key)}, nil},
		"a line that lets it make plans":  {[]string{`bob namespaces="keyrotor-author" ` + public(key)}, nil},
	} {
		var got []string
		for _, w := range parse(t, c.lines...).Withheld(key.PublicKey(), now, approve.Namespace, approve.AuthorNamespace) {
			got = append(got, w.Principals+": "+w.Why.Error())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}
