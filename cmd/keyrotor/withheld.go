package main

import (
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
)

// A key that may not sign is often somebody's all the same, in a line that limits it
// to other uses or to another time. Whoever reads there that the key is nobody's has
// a second line added for it, which lifts the limits of the first.

// withheld says beside whom a key stands and what limits it there, ok where some
// line holds it.
func (s *session) withheld(signers *approve.AllowedSigners, key ssh.PublicKey, namespaces ...string) (what string, why []string, ok bool) {
	lines := signers.Withheld(key, s.now().UTC(), namespaces...)
	var by []string
	for _, line := range lines {
		by = append(by, line.Principals)
		why = append(why, line.Why.Error())
	}
	return "the key " + fingerprintOf(key) + " stands beside " + strings.Join(by, " and ") + " in " + s.cfg.path(s.cfg.Approval.Signers), why, len(lines) > 0
}

// changeLine is the way on for who shall do more with a key that is limited.
const changeLine = "have that line changed, in a reviewed change; a second one would lift its limits"

// nobodys refuses a key that may not approve.
func (s *session) nobodys(signers *approve.AllowedSigners, key ssh.PublicKey) error {
	const again = ":\nkeyrotor approve --all " + planArg
	if what, why, ok := s.withheld(signers, key, approve.Namespace); ok {
		return &keyrotor.Refusal{
			What: what + ", and may not approve", Why: why,
			Now: "nothing was signed", Next: changeLine + "; or sign with a key that may" + again,
		}
	}
	return &keyrotor.Refusal{
		What: "the key " + fingerprintOf(key) + " is nobody's in " + s.cfg.path(s.cfg.Approval.Signers),
		Now:  "nothing was signed", Next: "have its public half added there, in a reviewed change, or sign with a key that is" + again,
	}
}

// noWaivers refuses a key that may not sign waivers.
func (s *session) noWaivers(signers *approve.AllowedSigners, key ssh.PublicKey) error {
	refusal := &keyrotor.Refusal{
		What: "the key " + fingerprintOf(key) + " may not sign waivers",
		Now:  "nothing was signed", Next: "have its public half added to " + s.cfg.path(s.cfg.Approval.Signers) + ", in a reviewed change, or sign with a key that is there: --key KEY",
	}
	if what, why, ok := s.withheld(signers, key, approve.WaiversNamespace); ok {
		refusal.What, refusal.Why = what+", and may not sign waivers", why
		refusal.Next = changeLine + "; or sign with a key that may: --key KEY"
	}
	return refusal
}

// noAuthor says why none of the keys can be the author's, and what to do: of a key
// that is limited, else of the last one.
func (s *session) noAuthor(signers *approve.AllowedSigners, keys []ssh.PublicKey) (why []string, next string) {
	for _, key := range keys {
		if what, why, ok := s.withheld(signers, key, approve.Namespace, approve.AuthorNamespace); ok {
			return append([]string{what + ", and may make no plans"}, why...), changeLine + ` (with keyrotor-author in its namespaces it can make plans and approve none)`
		}
	}
	last := keys[len(keys)-1]
	return []string{"the key " + fingerprintOf(last) + " is nobody's in " + s.cfg.path(s.cfg.Approval.Signers)},
		`have the key added to allowed_signers (with namespaces="keyrotor-author" it can make plans and approve none)`
}
