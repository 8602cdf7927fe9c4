package main

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// sayRivals warns of other plans of the run that somebody signed and nobody has
// begun. A run carries out one plan: who signs or plans another should not learn
// first at apply which of them that is.
func (s *session) sayRivals(run *store.Run, digest keyrotor.Digest) error {
	rivals, err := s.rivals(run, digest)
	for _, r := range rivals {
		fmt.Fprintf(s.err, "! run %s also holds plan %s, signed by %s: %s\n", run.ID(), r.plan.Digest.Short(), report.Clean(strings.Join(r.who, ", ")), report.Clean(r.kept))
	}
	if len(rivals) > 0 {
		fmt.Fprintf(s.err, "! a run carries out one plan: whichever is applied first shuts the others out; for both, %s, and plan in that run\n", s.withFlags("keyrotor scan"))
	}
	return err
}

// rivals are the plans of a run, other than the one of the digest, that were signed.
// Once one is begun there are none: apply takes no other.
func (s *session) rivals(run *store.Run, digest keyrotor.Digest) ([]signedPlan, error) {
	if s.cfg.Approval.Signers == "" {
		return nil, nil // nobody can sign
	}
	if _, begun, err := cycle.CarriedOut(ledger.Journal(run.Dir())); err != nil || begun {
		return nil, err
	}
	names, err := run.List()
	if err != nil {
		return nil, err
	}
	spoken := map[keyrotor.Digest]bool{}
	for _, name := range names {
		if !strings.HasPrefix(name, cycle.DirApprovals+"/") {
			continue
		}
		if a, err := readApproval(run, name); err == nil && a.Statement.Plan != digest {
			spoken[a.Statement.Plan] = true
		}
	}
	var rivals []signedPlan
	for _, name := range names {
		if !strings.HasPrefix(name, cycle.DirPlans+"/") || !speaksOf(spoken, name) {
			continue
		}
		kept := filepath.Join(run.Dir(), filepath.FromSlash(name))
		pl, err := readPlanFile(kept)
		if err != nil || !spoken[pl.Digest] {
			continue // what is kept there can be carried out by nobody
		}
		who, err := s.standing(run, pl)
		if err != nil {
			return nil, err
		}
		if len(who) > 0 {
			rivals = append(rivals, signedPlan{file: kept, kept: kept, plan: pl, who: who})
		}
	}
	return rivals, nil
}

// speaksOf reports whether the file is of one of the plans, by its name: plans are
// large, and most are not read.
func speaksOf(plans map[keyrotor.Digest]bool, name string) bool {
	for d := range plans {
		if path.Base(name) == d.Short()+".json" {
			return true
		}
	}
	return false
}

// standing are those whose approvals of a plan hold today, none where apply would
// not take it any more.
func (s *session) standing(run *store.Run, pl keyrotor.Plan) ([]string, error) {
	signers, text, err := s.signers()
	if err != nil || digestOf(text) != pl.Inputs.Signers {
		return nil, err
	}
	all, _, err := s.approvals(run, pl.Digest)
	var who []string
	for _, a := range all {
		if _, no := approve.Check(pl, a, signers, s.now().UTC()); no == nil && !slices.Contains(who, a.Principal) {
			who = append(who, a.Principal)
		}
	}
	return who, err
}
