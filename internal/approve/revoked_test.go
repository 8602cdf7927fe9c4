package approve_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
)

// One edited line of allowed_signers stood in the way of every run under way.
func TestWhatWasBegunIsFinishedUnlessItsSignersWereTakenAway(t *testing.T) {
	alice, bob, dave := newKey(t, "alice"), newKey(t, "bob"), newKey(t, "dave")
	line := func(who string, key ssh.Signer) string { return who + "@example.com " + public(key) }
	then := parse(t, line("alice", alice), line("bob", bob), line("carol", newKey(t, "carol")))
	for sentence, tt := range map[string]struct {
		today   []string
		extra   bool // dave, who is only in the file of today, signed too
		want    []string
		refused string
	}{
		"somebody was added":                {today: []string{line("alice", alice), line("bob", bob), line("dave", dave)}, want: []string{"alice@example.com", "bob@example.com"}},
		"somebody who was added signs":      {today: []string{line("alice", alice), line("dave", dave)}, extra: true, refused: `approval of "bob@example.com": the allowed signers of today: allowed_signers does not name the principal "bob@example.com"`},
		"somebody was removed":              {today: []string{line("alice", alice)}, refused: `does not name the principal "bob@example.com"`},
		"a key was replaced":                {today: []string{line("alice", alice), line("bob", dave)}, refused: "is not bob@example.com's"},
		"a key has ended":                   {today: []string{line("alice", alice), `bob@example.com valid-before="20261121120000Z" ` + public(bob)}, refused: "was valid only before"},
		"a key may sign something else":     {today: []string{line("alice", alice), `bob@example.com namespaces="git" ` + public(bob)}, refused: "not permitted"},
		"two turned out to be one person":   {today: []string{"alice@example.com,bob@example.com " + public(alice), line("bob", bob)}, refused: "counted already"},
		"one turned out to be the author":   {today: []string{line("alice", alice), "bob@example.com,carol@example.com " + public(bob)}, refused: "author of a plan may not approve"},
		"nobody is left in the file":        {today: nil, refused: "0 of 2 approvals"},
		"the author's own line was removed": {today: []string{line("alice", alice), line("bob", bob)}, want: []string{"alice@example.com", "bob@example.com"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			p := newPlan(t, keyrotor.Needs{Approvals: 2, ValidHours: 72})
			approvals := []keyrotor.Approval{sign(t, statement(p), "alice@example.com", alice), sign(t, statement(p), "bob@example.com", bob)}
			if tt.extra {
				approvals = append(approvals, sign(t, statement(p), "dave@example.com", dave))
			}
			later := now.Add(time.Hour)
			got, err := approve.VerifyBegun(p, digestOf, approvals, then, parse(t, tt.today...), now, later)
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("got %v, want a refusal that says %s", err, tt.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var who []string
			for _, a := range got.Approvers {
				who = append(who, a.Principal)
			}
			if diff := cmp.Diff(tt.want, who); diff != "" {
				t.Errorf("approvers (-want +got):\n%s", diff)
			}
		})
	}
}
