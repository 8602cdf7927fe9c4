package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/keyrotor/keyrotor/internal/aws"
)

// checkHere tries what keyrotor needs on this machine, and changes nothing: a
// state that can be written, a ledger key, signers.
func (s *session) checkHere() []aws.DoctorCheck {
	return []aws.DoctorCheck{s.checkState(), s.checkLedgerKey(), s.checkSigners()}
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
	c.Detail = path
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		c.Detail += ", made at first use"
		return c
	}
	if _, _, err := s.ledgerKey(); err != nil {
		c.Status, c.Detail, c.Fix = aws.CheckFailed, err.Error(), "mend "+path+", or name another in ledger_key"
	}
	return c
}

func (s *session) checkSigners() aws.DoctorCheck {
	c := aws.DoctorCheck{Check: "signers", Status: aws.CheckOK, Detail: s.cfg.path(s.cfg.Approval.Signers)}
	if s.cfg.Approval.Signers == "" {
		c.Status, c.Detail = aws.CheckWarn, "none are configured: nobody can approve a plan"
		c.Fix = "name an allowed_signers file in approval.signers"
		return c
	}
	if _, _, err := s.signers(); err != nil {
		c.Status, c.Detail, c.Fix = aws.CheckFailed, err.Error(), "write a line for each approver: you@example.com ssh-ed25519 AAAA…"
	}
	return c
}
