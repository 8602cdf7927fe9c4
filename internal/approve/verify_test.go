package approve_test

import (
	"cmp"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
)

func TestVerify(t *testing.T) {
	alice, alice2, bob, carol, eve := newKey(t, "alice"), newKey(t, "alice2"), newKey(t, "bob"), newKey(t, "carol"), newKey(t, "eve")
	signers := parse(t,
		"# who may approve",
		"alice@example.com,alice "+public(alice),
		"alice@example.com "+public(alice2),
		"bob@example.com namespaces=\"keyrotor-*\" "+public(bob),
		"carol@example.com "+public(carol),
		"old@example.com valid-before=\"20260101Z\" "+public(eve),
		"git@example.com namespaces=\"git\" "+public(eve),
	)
	two := keyrotor.Needs{Approvals: 2, ValidHours: 72}
	one := keyrotor.Needs{Approvals: 1, ValidHours: 72}
	cases := map[string]struct {
		needs     keyrotor.Needs
		alter     func(*keyrotor.Plan)
		approvals func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval
		want      []string // principals that counted
		refused   string
		until     time.Duration // from now, a day when 0
	}{
		"two people approve": {needs: two, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "alice@example.com", alice), sign(t, statement(p), "bob@example.com", bob)}
		}, want: []string{"alice@example.com", "bob@example.com"}},
		"a second approval that is not valid does no harm": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "bob@example.com", eve), sign(t, statement(p), "bob@example.com", bob)}
		}, want: []string{"bob@example.com"}},
		"nobody approves": {needs: one, refused: "0 of 1 approvals"},
		"a plan that asks for nobody still needs somebody": {needs: keyrotor.Needs{}, refused: "0 of 1 approvals"},
		"two keys of one person count once": {needs: two, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "alice@example.com", alice), sign(t, statement(p), "alice@example.com", alice2)}
		}, refused: "counted already"},
		"two names of one person count once": {needs: two, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "alice", alice), sign(t, statement(p), "alice@example.com", alice2)}
		}, refused: "counted already"},
		"the same approval twice counts once": {needs: two, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			a := sign(t, statement(p), "bob@example.com", bob)
			return []keyrotor.Approval{a, a}
		}, refused: "1 of 2 approvals"},
		"the last approval of a person counts": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			short := statement(p)
			short.Expires = now.Add(time.Hour)
			return []keyrotor.Approval{sign(t, short, "bob@example.com", bob), sign(t, statement(p), "bob@example.com", bob)}
		}, want: []string{"bob@example.com"}},
		"the author may not approve": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "carol@example.com", carol)}
		}, refused: "author of a plan may not approve"},
		"the author is known by key as well": {needs: one, alter: func(p *keyrotor.Plan) {
			p.Author = keyrotor.Author{Key: ssh.FingerprintSHA256(alice.PublicKey())}
		}, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "alice@example.com", alice2)}
		}, refused: "author of a plan may not approve"},
		"the author may approve where the plan says so": {needs: keyrotor.Needs{Approvals: 1, AuthorMayApprove: true}, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "carol@example.com", carol)}
		}, want: []string{"carol@example.com"}},
		"an author that is not told cannot be told apart": {needs: one, alter: func(p *keyrotor.Plan) { p.Author = keyrotor.Author{Identity: "arn"} },
			approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
				return []keyrotor.Approval{sign(t, statement(p), "bob@example.com", bob)}
			}, refused: "does not say which key"},
		"the key is another person's": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "bob@example.com", alice)}
		}, refused: "wrong signer"},
		"the key is nobody's": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "zoe@example.com", newKey(t, "zoe"))}
		}, refused: "wrong signer"},
		"the key has expired": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "old@example.com", eve)}
		}, refused: "valid only before"},
		"the key is for other signatures": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			return []keyrotor.Approval{sign(t, statement(p), "git@example.com", eve)}
		}, refused: "not permitted"},
		"the approval is for another plan": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			s := statement(p)
			s.Plan = "sha256:" + keyrotor.Digest(strings.Repeat("0", 64))
			return []keyrotor.Approval{sign(t, s, "bob@example.com", bob)}
		}, refused: "it is for plan"},
		"the approval counts other changes": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			s := statement(p)
			s.Changes = 3
			return []keyrotor.Approval{sign(t, s, "bob@example.com", bob)}
		}, refused: "3 changes, the plan has 2"},
		"the approval has expired": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			s := statement(p)
			s.Expires = now
			return []keyrotor.Approval{sign(t, s, "bob@example.com", bob)}
		}, refused: "expired at"},
		"the approval claims to hold for too long": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			s := statement(p)
			s.Expires = now.Add(73 * time.Hour)
			return []keyrotor.Approval{sign(t, s, "bob@example.com", bob)}
		}, refused: "more than the 72 hours"},
		"the approver's clock is seconds ahead": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			s := statement(p)
			s.Expires = now.Add(72*time.Hour + 40*time.Second)
			return []keyrotor.Approval{sign(t, s, "bob@example.com", bob)}
		}, want: []string{"bob@example.com"}, until: 72*time.Hour + 40*time.Second},
		"the approver's clock is wrong": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			s := statement(p)
			s.Expires = now.Add(72*time.Hour + 6*time.Minute)
			return []keyrotor.Approval{sign(t, s, "bob@example.com", bob)}
		}, refused: "the clock here says 2026-11-21T12:00:00Z"},
		"the statement was altered after signing": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			a := sign(t, statement(p), "bob@example.com", bob)
			a.Statement.Expires = a.Statement.Expires.Add(time.Hour)
			return []keyrotor.Approval{a}
		}, refused: "does not fit"},
		"the signature was made for waivers": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			a := sign(t, statement(p), "bob@example.com", bob)
			message, err := approve.Canonical(a.Statement)
			if err != nil {
				t.Fatal(err)
			}
			sig, err := approve.SignBytes(message, approve.WaiversNamespace, bob, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			a.Signature = string(sig)
			return []keyrotor.Approval{a}
		}, refused: "namespace"},
		"the signature is no signature": {needs: one, approvals: func(t *testing.T, p keyrotor.Plan) []keyrotor.Approval {
			a := sign(t, statement(p), "bob@example.com", bob)
			a.Signature = "yes"
			return []keyrotor.Approval{a}
		}, refused: "not an armored"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPlan(t, c.needs)
			if c.alter != nil {
				c.alter(&p)
				seal(t, &p)
			}
			var approvals []keyrotor.Approval
			if c.approvals != nil {
				approvals = c.approvals(t, p)
			}
			got, err := approve.Verify(p, digestOf, approvals, signers, now)
			if c.refused != "" {
				var refusal *keyrotor.Refusal
				if !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("got %v, want a refusal with %q", err, c.refused)
				}
				if refusal.Now == "" || refusal.Next == "" {
					t.Errorf("the refusal lacks a part: %+v", refusal)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var principals []string
			for _, a := range got.Approvers {
				principals = append(principals, a.Principal)
				if !strings.HasPrefix(a.Fingerprint, "SHA256:") {
					t.Errorf("fingerprint: got %q", a.Fingerprint)
				}
			}
			if d := gocmp.Diff(c.want, principals); d != "" {
				t.Errorf("approvers (-want +got):\n%s", d)
			}
			if !got.Expires.Equal(now.Add(cmp.Or(c.until, 24*time.Hour))) {
				t.Errorf("expires: got %s", got.Expires)
			}
		})
	}
}

func TestAnAlteredPlanIsRefusedWhateverWasSigned(t *testing.T) {
	bob := newKey(t, "bob")
	signers := parse(t, "bob@example.com "+public(bob))
	p := newPlan(t, keyrotor.Needs{Approvals: 1})
	a := sign(t, statement(p), "bob@example.com", bob)
	p.Changes[1].ID = "c3"
	_, err := approve.Verify(p, digestOf, []keyrotor.Approval{a}, signers, now)
	var refusal *keyrotor.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "altered") {
		t.Errorf("got %v, want a refusal of an altered plan", err)
	}
}

func TestHoldersOfOneWildcardLineAreOnePerson(t *testing.T) {
	a, b := newKey(t, "a"), newKey(t, "b")
	signers := parse(t, "*@example.com "+public(a), "*@example.com "+public(b))
	p := newPlan(t, keyrotor.Needs{Approvals: 2, AuthorMayApprove: true})
	approvals := []keyrotor.Approval{
		sign(t, statement(p), "x@example.com", a), sign(t, statement(p), "y@example.com", a), sign(t, statement(p), "z@example.com", b),
	}
	if got, err := approve.Verify(p, digestOf, approvals, signers, now); err == nil {
		t.Errorf("approved by %v, want a refusal", got.Approvers)
	}
}

func TestCheckTellsBeforeTheOthersSigned(t *testing.T) {
	bob, carol := newKey(t, "bob"), newKey(t, "carol")
	signers := parse(t, "bob@example.com "+public(bob), "carol@example.com "+public(carol))
	p := newPlan(t, keyrotor.Needs{Approvals: 2})
	if _, err := approve.Check(p, sign(t, statement(p), "bob@example.com", bob), signers, now); err != nil {
		t.Errorf("bob: got %v, want no error", err)
	}
	var refusal *keyrotor.Refusal
	if _, err := approve.Check(p, sign(t, statement(p), "carol@example.com", carol), signers, now); !errors.As(err, &refusal) {
		t.Errorf("the author: got %v, want a refusal", err)
	}
}

func TestParseApprovalTakesOneSpellingOnly(t *testing.T) {
	good := `{"statement":{"schema":"keyrotor.approval","version":1,"plan":"sha256:00","changes":2,"expires":"2026-11-22T12:00:00Z","ledger_head":"0:"},"principal":"bob","signature":"s"}`
	if _, err := approve.ParseApproval("a.json", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"a field in another case":   strings.Replace(good, `"principal"`, `"Principal"`, 1),
		"a field twice":             strings.Replace(good, `"changes":2`, `"changes":1,"changes":2`, 1),
		"a field twice, case":       strings.Replace(good, `"changes":2`, `"changes":2,"Changes":3`, 1),
		"an unknown field":          strings.Replace(good, `"principal"`, `"comment":"x","principal"`, 1),
		"a missing field":           strings.Replace(good, `"principal":"bob",`, ``, 1),
		"another schema":            strings.Replace(good, `keyrotor.approval`, `keyrotor.plan`, 1),
		"text behind the end":       good + "{}",
		"no JSON":                   "yes",
		"a number out of exactness": strings.Replace(good, `"changes":2`, `"changes":2.0000000000000001`, 1),
	} {
		if _, err := approve.ParseApproval("a.json", []byte(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
