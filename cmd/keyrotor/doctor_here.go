package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/aws"
)

// checkHere tries what keyrotor needs on this machine, and changes nothing: a
// state that can be written, a ledger key, enough signers, a key to make plans with.
func (s *session) checkHere() []aws.DoctorCheck {
	checks := []aws.DoctorCheck{s.checkState(), s.checkLedgerKey()}
	if s.cfg.LedgerKeys != "" {
		checks = append(checks, s.checkLedgerKeys())
	}
	return append(checks, s.checkSigners(), s.checkOwnKey())
}

func (s *session) checkState() aws.DoctorCheck {
	dir := s.state.Dir()
	c := aws.DoctorCheck{Check: "state", Status: aws.CheckOK, Detail: dir}
	there := dir
	for {
		_, err := os.Stat(there)
		if !errors.Is(err, fs.ErrNotExist) || there == filepath.Dir(there) {
			break
		}
		there = filepath.Dir(there) // not made yet: the first write makes it
	}
	const writeAndEnter = 2 | 1 // W_OK, X_OK
	if err := syscall.Access(there, writeAndEnter); err != nil {
		c.Status, c.Detail = aws.CheckFailed, there+" cannot be written: "+err.Error()
		c.Fix = "make it writable, or give another folder: --state DIR"
		return c
	}
	if what := s.inState(); what != "" {
		c.Status, c.Detail, c.Fix = aws.CheckWarn, dir+" "+what, ownFolder
	}
	return c
}

func (s *session) checkLedgerKey() aws.DoctorCheck {
	c := aws.DoctorCheck{Check: "ledger key", Status: aws.CheckOK}
	path, err := s.ledgerKeyPath()
	if err != nil {
		c.Status, c.Detail, c.Fix = aws.CheckFailed, err.Error(), "name a file in ledger_key or KEYROTOR_LEDGER_KEY"
		return c
	}
	switch there, err := s.checkOwnLedgerKey(path); {
	case err != nil:
		c.Status, c.Detail, c.Fix = aws.CheckFailed, err.Error(), "mend "+path+", or name another in ledger_key"
	case there:
		c.Detail = path
	default:
		c.Detail = path + ", made at first use"
	}
	return c
}

func (s *session) checkLedgerKeys() aws.DoctorCheck {
	keys, err := s.ledgerKeys()
	if err != nil {
		return aws.DoctorCheck{
			Check: "ledger keys", Status: aws.CheckFailed, Detail: err.Error(),
			Fix: "write the keys of those who share this state there, one a line, as evidence key prints them; or leave ledger_keys out",
		}
	}
	return aws.DoctorCheck{Check: "ledger keys", Status: aws.CheckOK, Detail: s.cfg.path(s.cfg.LedgerKeys) + ": " + count(len(keys), "key")}
}

func (s *session) checkSigners() aws.DoctorCheck {
	c := aws.DoctorCheck{Check: "signers", Status: aws.CheckOK, Detail: s.cfg.path(s.cfg.Approval.Signers)}
	if s.cfg.Approval.Signers == "" {
		c.Status, c.Detail = aws.CheckWarn, "none are configured: nobody can approve a plan"
		c.Fix = "name an allowed_signers file in approval.signers"
		return c
	}
	signers, _, err := s.signers()
	if err != nil {
		c.Status, c.Detail, c.Fix = aws.CheckFailed, err.Error(), "write a line for each approver: you@example.com ssh-ed25519 AAAA…"
		return c
	}
	s.checkEnough(signers, &c)
	if doubts := signers.Doubts(); len(doubts) > 0 && c.Status == aws.CheckOK {
		c.Status, c.Detail = aws.CheckWarn, c.Detail+"; "+strings.Join(doubts, "; ")
		c.Fix = "if they are one person, write both keys beside one and the same principal, in a reviewed change"
	}
	return c
}

// checkEnough holds the number of persons who may approve against the number that
// a plan needs. Where its author may not approve, it takes one person more, be it
// one who may only make plans.
func (s *session) checkEnough(signers *approve.AllowedSigners, c *aws.DoctorCheck) {
	needs := s.needs()
	least := max(1, needs.Approvals)
	may, open := signers.Persons(s.now().UTC(), approve.Namespace)
	all, _ := signers.Persons(s.now().UTC(), approve.Namespace, approve.AuthorNamespace)
	c.Detail += fmt.Sprintf(": %s may approve, a plan needs %d", count(may, "person"), least)
	if !needs.AuthorMayApprove {
		c.Detail += ", not its author"
	}
	if open {
		c.Detail += "; an authority may certify more"
		return
	}
	if may < least || !needs.AuthorMayApprove && all <= least {
		c.Status = aws.CheckFailed
		c.Fix = "no plan can ever be approved: add a line for another person there, or lower approval.needed, in a reviewed change"
	}
}

// checkOwnKey looks for the key by which the author of a plan is known. It is a
// warning: who only scans, or approves, needs none.
func (s *session) checkOwnKey() aws.DoctorCheck {
	c := aws.DoctorCheck{Check: "own key", Status: aws.CheckWarn, Fix: "to make plans, load your SSH key into the ssh-agent, or name it in KEYROTOR_SSH_KEY"}
	keys, err := s.ownKeys("")
	switch {
	case err != nil:
		c.Detail = err.Error()
		return c
	case len(keys) == 0:
		c.Detail = "none in an ssh-agent, and KEYROTOR_SSH_KEY is not set"
		return c
	}
	c.Detail = fingerprintOf(keys[0])
	signers, _, err := s.signers()
	if err != nil {
		c.Status, c.Fix = aws.CheckOK, "" // the check of the signers says so
		return c
	}
	a, err := s.author(signers, "")
	switch {
	case err == nil && a.Principal == "" && s.ofPattern(signers, keys, a.Key):
		c.Status, c.Detail, c.Fix = aws.CheckOK, a.Key+" of a pattern; to approve, say who you are: --as NAME", ""
	case err != nil || a.Principal == "":
		why, next := s.noAuthor(signers, keys)
		c.Detail, c.Fix = strings.TrimPrefix(strings.Join(why, "; "), "the key "), "to make plans, "+next
	default:
		c.Status, c.Detail, c.Fix = aws.CheckOK, a.Key+" of "+a.Principal, ""
	}
	return c
}

// ofPattern reports whether a key may approve by a pattern, which names nobody.
func (s *session) ofPattern(signers *approve.AllowedSigners, keys []ssh.PublicKey, fingerprint string) bool {
	return slices.ContainsFunc(keys, func(k ssh.PublicKey) bool {
		return fingerprintOf(k) == fingerprint && len(signers.Patterns(k, approve.Namespace, s.now().UTC())) > 0
	})
}
