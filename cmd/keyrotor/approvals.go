package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/store"
)

// maxApproval is more than any approval holds.
const maxApproval = 1 << 20

// approvals reads those approvals of the run that speak of the digest. A file
// that cannot be read as one approves of nothing: it is named and left out, for
// whoever can leave a file there could otherwise hold up every apply.
func (s *session) approvals(run *store.Run, d keyrotor.Digest) (all []keyrotor.Approval, unread []string, err error) {
	names, err := run.List()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, cycle.DirApprovals+"/") {
			continue
		}
		a, err := readApproval(run, name)
		if err != nil {
			why := said(err.Error())
			unread = append(unread, "not counted: "+why)
			fmt.Fprintf(s.err, "! an approval that cannot be read does not count: %s\n", why)
			continue
		}
		if a.Statement.Plan == d {
			all = append(all, a)
		}
	}
	return all, unread, nil
}

// signedBy names those whose approvals of the whole plan are kept with its run.
func (s *session) signedBy(run *store.Run, pl keyrotor.Plan) ([]string, error) {
	all, _, err := s.approvals(run, pl.Digest)
	var who []string
	for _, a := range all {
		who = append(who, a.Principal)
	}
	return who, err
}

func readApproval(run *store.Run, name string) (keyrotor.Approval, error) {
	data, err := readInput(filepath.Join(run.Dir(), filepath.FromSlash(name)), maxApproval)
	if err != nil {
		return keyrotor.Approval{}, err
	}
	return approve.ParseApproval(name, data)
}

// alsoUnread adds the approvals that cannot be read to the reasons of a refusal
// for which too few were left.
func alsoUnread(err error, pl keyrotor.Plan, done cycle.Applied, unread []string) error {
	var refusal *keyrotor.Refusal
	tooFew := len(done.Approved.Approvers) < max(1, pl.Needs.Approvals) && errors.As(err, &refusal) && refusal.What == "plan "+pl.Digest.Short()+" is not approved"
	if !tooFew || len(unread) == 0 {
		return err
	}
	refusal.Why = append(refusal.Why, unread...)
	return err
}
