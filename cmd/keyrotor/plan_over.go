package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/report"
)

// signedPlan is the plan in a file that another one is about to replace, and who
// has signed it.
type signedPlan struct {
	file string
	kept string // where its run keeps it
	plan keyrotor.Plan
	who  []string
}

// signedAt looks whether a file holds another plan than the one of the digest, that
// somebody has signed and nobody has begun: approvals that are still good for
// something. The next approver would sign what is in the file by then.
func (s *session) signedAt(file string, digest keyrotor.Digest) (signedPlan, error) {
	at := signedPlan{file: file}
	if pl, err := readPlanFile(file); err == nil {
		at.plan = pl
	}
	if at.plan.Digest == "" || at.plan.Digest == digest {
		return at, nil // none is there, or nothing that anybody could have signed
	}
	run, err := s.state.Run(at.plan.Run)
	if errors.Is(err, keyrotor.ErrNotFound) {
		return at, nil // of another state: its approvals are not here
	}
	if err != nil {
		return at, err
	}
	if _, begun, err := cycle.CarriedOut(ledger.Journal(run.Dir())); err != nil || begun {
		return at, err
	}
	at.who, err = s.standing(run, at.plan)
	at.kept = filepath.Join(run.Dir(), cycle.DirPlans, at.plan.Digest.Short()+".json")
	return at, err
}

func (at signedPlan) signed() string { return at.file + " was signed by " + strings.Join(at.who, ", ") }

// notOverSigned refuses to put another plan where people sign one, unless the file
// was named: then it is said, and the function to call once that is done says it.
func (s *session) notOverSigned(file string, named bool, digest keyrotor.Digest) (replaced func(), err error) {
	at, err := s.signedAt(file, digest)
	if err != nil || len(at.who) == 0 {
		return func() {}, err
	}
	if !named {
		return nil, &keyrotor.Refusal{
			What: at.signed() + ", and this is another plan",
			Why: []string{
				"that is plan " + at.plan.Digest.Short() + ", and nobody has applied it yet",
				"whoever approves " + file + " next would sign other changes than those before, and may not notice",
			},
			Now: "no plan was written",
			Next: s.again("-o", "OTHER.json") + "   writes it beside the signed one\n" +
				s.again("-o", file) + "   puts it in its place, and everybody signs anew",
		}
	}
	return func() {
		fmt.Fprintf(s.err, "! %s; it now holds another plan, which nobody has signed. The signed one is kept in %s\n", report.Clean(at.signed()), report.Clean(at.kept))
	}, nil
}
