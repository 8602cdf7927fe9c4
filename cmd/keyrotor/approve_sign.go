package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// signature is what one person's signing came to: nothing, an approval that found
// no place, or one that is kept.
type signature struct {
	signers  *approve.AllowedSigners // of today
	earlier  []keyrotor.Approval
	approval *keyrotor.Approval // nil until the key has signed
	kept     string             // its file in the run; "" until it is in place
}

// sign puts one approval beside the plan and says what is still needed.
func (s *session) sign(run *store.Run, pl keyrotor.Plan, f approveFlags) error {
	if f.chooseOnly {
		if !s.text() {
			return report.Write(s.out, s.format(), pl)
		}
		fmt.Fprintf(s.out, "chosen %s, digest %s, written to %s\n", count(len(pl.Changes), "change"), pl.Digest, report.Clean(f.file))
		s.showNext(s.nextApprover(f.file, true))
		return nil
	}
	sig, err := s.signed(run, pl, f)
	switch {
	case sig.approval == nil:
		return s.unsigned(err)
	case sig.kept == "":
		return s.nowAlso(err, "the signature that was made is not kept, and counts for nothing")
	}
	where := filepath.Join(run.Dir(), filepath.FromSlash(sig.kept))
	s.keeps("the approval is kept in "+where+" and need not be given again", "keyrotor plan show "+pathWord(f.file)+"   prints what was signed, where there is room")
	return errors.Join(s.showApproved(pl, sig, f.file, err == nil), s.nowAlso(err, "the approval is signed, and kept in "+where))
}

// signed asks the key, and keeps what it signed in the run.
func (s *session) signed(run *store.Run, pl keyrotor.Plan, f approveFlags) (sig signature, err error) {
	var judges *approve.AllowedSigners
	if sig.signers, judges, err = s.signersFor(run, pl); err != nil {
		return sig, err
	}
	for _, doubt := range sig.signers.Doubts() {
		fmt.Fprintf(s.err, "! %s\n", report.Clean(doubt))
	}
	key, done, err := s.signer(f.key)
	if err != nil {
		return sig, err
	}
	defer done()
	principal, err := s.principal(sig.signers, key.PublicKey(), f.as)
	if err != nil {
		return sig, err
	}
	statement, err := s.statement(run, pl, f.valid)
	if err != nil {
		return sig, err
	}
	// The run is taken up before the key is asked: nobody touches a token for a
	// signature that then finds no place.
	err = s.recordWithin(3*time.Second, run, func(rec *cycle.Record) error {
		if err := cycle.NoOther(run.ID(), rec.Log, pl); err != nil {
			return err
		}
		a, err := approve.Sign(statement, principal, key, s.rand)
		if err != nil {
			return err
		}
		sig.approval = &a
		// The author's own signature, or one by an unknown key, is refused here and
		// not first at apply; that too few have signed so far is not.
		for _, by := range []*approve.AllowedSigners{sig.signers, judges} {
			if _, err := approve.Check(pl, a, by, s.now().UTC()); err != nil {
				return err
			}
		}
		if sig.earlier, _, err = s.approvals(run, pl.Digest); err != nil {
			return err
		}
		name, err := saveApproval(rec, a)
		if err == nil {
			sig.kept = name
		}
		return err
	})
	return sig, err
}

// signersFor are the allowed signers of today, and those by whom apply will judge
// an approval of the plan: the same, unless its run was begun under others.
func (s *session) signersFor(run *store.Run, pl keyrotor.Plan) (today, judges *approve.AllowedSigners, err error) {
	today, text, err := s.signers()
	if err != nil {
		return nil, nil, err
	}
	judges, err = cycle.SignersFor(run, ledger.Journal(run.Dir()), pl, today, text)
	return today, judges, s.unsigned(err)
}

// unsigned adds to an error of approve what matters most to whoever reads it.
func (s *session) unsigned(err error) error { return s.nowAlso(err, "nothing was signed") }

// nowAlso says first, of what holds after an error, what holds of the signature. A
// mistake of usage says by itself that nothing was done.
func (s *session) nowAlso(err error, words string) error {
	var refusal *keyrotor.Refusal
	var problem *keyrotor.Problem
	var wrong *usageError
	switch {
	case err == nil:
	case errors.As(err, &refusal):
		refusal.Now = signatureFirst(words, refusal.Now)
	case errors.As(err, &problem):
		problem.Now = signatureFirst(words, problem.Now)
	case errors.As(err, &wrong):
	default:
		now, next := s.hint(err)
		return &keyrotor.Problem{Err: err, Now: signatureFirst(words, now), Next: next}
	}
	return err
}

// signatureFirst puts what holds of the signature before what else holds. That
// nothing was changed need not be said beside it: approve changes nothing else.
func signatureFirst(words, now string) string {
	if now == "" || strings.HasPrefix(now, "nothing was") || strings.HasPrefix(now, words) {
		return words
	}
	return words + "\n" + now
}

// principal is who signs: the name that allowed_signers gives the key.
func (s *session) principal(signers *approve.AllowedSigners, key ssh.PublicKey, as string) (string, error) {
	names := signers.PrincipalsOf(key, approve.Namespace, s.now().UTC())
	patterns := signers.Patterns(key, approve.Namespace, s.now().UTC())
	switch {
	case as != "" && signers.Check(as, key, approve.Namespace, s.now().UTC()) == nil:
		return as, nil
	case len(names) == 0 && len(patterns) > 0:
		return "", &keyrotor.Refusal{
			What: fmt.Sprintf("the key %s stands beside %s in %s, which names nobody", fingerprintOf(key), strings.Join(patterns, " and "), s.cfg.path(s.cfg.Approval.Signers)),
			Why:  []string{"a pattern is not a person: an approval says who gives it"},
			Now:  "nothing was signed", Next: "say who you are, by a name that the pattern accepts:\n" + s.again("--as", "NAME"),
		}
	case len(names) == 0:
		return "", s.nobodys(signers, key)
	case as == "":
		return names[0], nil
	}
	return "", &keyrotor.Refusal{What: fmt.Sprintf("the key %s belongs to %s, not to %s", fingerprintOf(key), strings.Join(names, ", "), as), Now: "nothing was signed", Next: "leave out --as, or sign with a key of " + as}
}

// validity is how long an approval shall hold: as long as the plan lets it, unless
// the flag says less.
func validity(pl keyrotor.Plan, asked time.Duration, given bool) (time.Duration, error) {
	most := time.Duration(pl.Needs.ValidHours) * time.Hour
	if !given {
		return most, nil
	}
	if asked < time.Minute || asked > most {
		return 0, usage("--valid %s: between a minute and %d hours", asked, pl.Needs.ValidHours)
	}
	return asked, nil
}

func (s *session) statement(run *store.Run, pl keyrotor.Plan, valid time.Duration) (keyrotor.Statement, error) {
	head, err := s.headOver(run)
	if err != nil {
		return keyrotor.Statement{}, err
	}
	return keyrotor.Statement{
		Schema: keyrotor.SchemaApproval, Version: keyrotor.SchemaVersion,
		Plan: pl.Digest, Changes: len(pl.Changes), Expires: s.now().UTC().Add(valid).Truncate(time.Second), LedgerHead: head,
	}, nil
}

// showApproved says what was signed, where it is kept, and what is still needed;
// what comes next only where it ended well, for an error names its own way on.
func (s *session) showApproved(pl keyrotor.Plan, sig signature, file string, well bool) error {
	last, earlier, signers := *sig.approval, sig.earlier, sig.signers
	if !s.text() {
		return report.Write(s.out, s.format(), report.Document{Schema: report.SchemaSignedApproval, Version: keyrotor.SchemaVersion, Body: last})
	}
	s.hang("signed  ", fmt.Sprintf("%s (%s) as %s, valid until %s", pl.Digest, count(len(pl.Changes), "change"), report.Clean(last.Principal), untilText(last.Statement.Expires)))
	s.hang("kept    ", report.Clean(filepath.Join(s.state.Dir(), "runs", string(pl.Run), filepath.FromSlash(sig.kept))))
	// An approval is kept by its principal's name: who signs again has one still.
	others := slices.DeleteFunc(slices.Clone(earlier), func(a keyrotor.Approval) bool { return a.Principal == last.Principal })
	all := append(others, last)
	// Refused or not: they say who counts before this signature, and who after it.
	before, _ := approve.Verify(pl, plan.Digest, earlier, signers, s.now().UTC())
	counted, err := approve.Verify(pl, plan.Digest, all, signers, s.now().UTC())
	switch {
	case len(all) < len(earlier)+1:
		s.hang("already ", fmt.Sprintf("%s had signed: a person counts once, and this signature takes the place of the earlier one", report.Clean(last.Principal)))
	case len(counted.Approvers) <= len(before.Approvers):
		s.hang("already ", fmt.Sprintf("the person of %s had signed under another name or with another key: a person counts once", report.Clean(last.Principal)))
		counted.Ignored = nil // which says the same once more
	}
	if err == nil {
		if well {
			s.showNext("keyrotor apply " + pathWord(file))
		}
		return nil
	}
	s.hang("needs   ", report.Clean(stillNeeded(pl, counted)))
	for _, why := range counted.Ignored {
		s.hang("        ", "not counted: "+report.Clean(why))
	}
	if well {
		s.showNext(s.nextApprover(file, true))
	}
	s.res.add(exitWaiting)
	return nil
}

// stillNeeded says how many approvals are missing, and whose there are.
func stillNeeded(pl keyrotor.Plan, counted approve.Result) string {
	need := max(1, pl.Needs.Approvals)
	var names []string
	for _, a := range counted.Approvers {
		names = append(names, a.Principal)
	}
	by := ""
	if len(names) > 0 {
		by = " (" + strings.Join(names, ", ") + ")"
	}
	return fmt.Sprintf("%d more: %d of %d approvals%s; each by another person", need-len(names), len(names), need, by)
}
