package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// view gathers everything a run holds so far for the faces of report. Without
// a judge the assessments are left out.
func (s *session) view(run *store.Run, j *judging) (report.Run, error) {
	inv, err := cycle.ReadInventory(run, nil)
	if err != nil {
		return report.Run{}, err
	}
	v := report.Run{Population: inv.Population, Places: inv.Places, Gaps: inv.Gaps, ExpectedGaps: s.cfg.expectedGaps(), Now: s.now().UTC(), Where: "STATE/runs/" + string(run.ID())}
	if v.Summary, err = cycle.Summary(run); err != nil {
		return v, err
	}
	if j != nil {
		v.Rules, v.Waivers = j.assessor.Rules(), j.waivers
		v.Assessments = stream(run, j)
	}
	if p, err := readPlan(run); err == nil {
		v.Plan = &p
	} else if !errors.Is(err, fs.ErrNotExist) {
		return v, err
	}
	if v.Plan != nil {
		if v.Approvals, _, err = s.approvals(run, v.Plan.Digest); err != nil {
			return v, err
		}
	}
	var refusal *keyrotor.Refusal
	if v.Outcomes, err = cycle.Outcomes(run); err != nil && !errors.As(err, &refusal) {
		return v, err
	}
	if v.Verifications, err = cycle.Verifications(run); err != nil {
		return v, err
	}
	if err := s.addUndone(&v); err != nil {
		return v, err
	}
	v.LedgerHead, err = s.ledgerHead()
	return v, err
}

// addUndone adds what the run did that this one takes back, and which of its
// changes this one takes up. A survey takes back nothing; where the other run is
// not in this state, the report says so.
func (s *session) addUndone(v *report.Run) error {
	if v.Population.Undoes == "" {
		return nil
	}
	run, err := s.state.Run(v.Population.Undoes)
	if errors.Is(err, keyrotor.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	u := report.Undone{Reverted: map[keyrotor.ChangeID]bool{}, ByUs: s.byUs(v.Population.Undoes)}
	if u.Plan, err = readPlan(run); err != nil {
		return err
	}
	if u.Outcomes, err = s.recorded(run, u.Plan); err != nil {
		return err
	}
	inv, err := cycle.ReadInventory(run, nil)
	if err != nil {
		return err
	}
	u.Accounts = inv.Population.Accounts
	if v.Plan != nil {
		for _, c := range v.Plan.Changes {
			if id, _, ok := plan.Reverts(c); ok {
				u.Reverted[id] = true
			}
		}
	}
	v.Undone = &u
	return nil
}

// stream judges the inventory anew at each call, so that nothing is held.
func stream(run *store.Run, j *judging) report.Stream {
	return func(yield func(keyrotor.Assessment) error) error {
		for a, err := range cycle.Assessments(run, j.assessor) {
			if err != nil {
				return err
			}
			if err := yield(a); err != nil {
				return err
			}
		}
		return nil
	}
}

// ledgerHead is the head of the estate's log, "0:" when it is empty.
func (s *session) ledgerHead() (string, error) {
	estate, err := ledger.OpenEstate(s.ledgerDir())
	if err != nil {
		return "", err
	}
	return estate.Head()
}

func (s *session) ledgerDir() string { return filepath.Join(s.state.Dir(), "ledger") }

// saveApproval keeps an approval under a name that is its principal's alone, also
// where another one looks alike in a file name. Who signs again renews it.
func saveApproval(run *cycle.Record, a keyrotor.Approval) (string, error) {
	name := cycle.DirApprovals + "/" + a.Statement.Plan.Short() + "-" + fileName(a.Principal) + "-" + shortHash(a.Principal) + ".json"
	return name, run.Write(name, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(a)
	})
}

// shortHash tells texts apart in a file name.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// longestName is how much of a name a file's name repeats: systems allow 255
// bytes for all of it.
const longestName = 100

// fileName keeps what is safe in a file name of any system.
func fileName(s string) string {
	s = s[:min(len(s), longestName)]
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '@', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, s)
}
