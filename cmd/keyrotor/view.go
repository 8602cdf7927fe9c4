package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// view gathers everything a run holds so far for the faces of report. Without
// a judge the assessments are left out.
func (s *session) view(run *store.Run, j *judging) (report.Run, error) {
	s.warnOfDoubt(run, cycle.FilePlan, cycle.FileOutcomes, cycle.FileVerification, cycle.FileSummary)
	inv, err := cycle.ReadInventory(run, nil)
	if err != nil {
		return report.Run{}, err
	}
	v := report.Run{Population: inv.Population, Places: inv.Places, Gaps: inv.Gaps, ExpectedGaps: s.cfg.expectedGaps(), Now: s.now().UTC(), Where: "STATE/runs/" + string(run.ID()), EnvTag: s.cfg.Tags.Env}
	if v.Summary, err = cycle.Summary(run); err != nil {
		return v, err
	}
	if j != nil {
		v.Rules, v.Waivers = j.assessor.Rules(), j.from.Exemptions
		v.Assessments = withLapsed(stream(run, j), j)
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
	if v.Outcomes, err = s.outcomes(run, v.Plan); err != nil {
		return v, err
	}
	if len(v.Outcomes) > 0 {
		if v.TakenBack, err = s.undoneSince(run.ID()); err != nil {
			return v, err
		}
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

// outcomes are those that apply wrote, none where nothing was carried out. Where it
// was broken off before it wrote any, the log knows what it did.
func (s *session) outcomes(run *store.Run, pl *keyrotor.Plan) ([]keyrotor.Outcome, error) {
	written, err := cycle.Outcomes(run)
	if !errors.As(err, new(*keyrotor.Refusal)) {
		return written, err
	}
	if begun, err := carriedOut(run); err != nil || !begun || pl == nil {
		return nil, err
	}
	return s.recorded(run, *pl)
}

// undoneSince is undone, as reports take it.
func (s *session) undoneSince(run keyrotor.RunID) (map[keyrotor.ChangeID]report.TakenBack, error) {
	back, err := s.undone(run)
	if err != nil || len(back) == 0 {
		return nil, err
	}
	all := map[keyrotor.ChangeID]report.TakenBack{}
	for id, t := range back {
		all[id] = report.TakenBack{By: t.By, At: t.At}
	}
	return all, nil
}

// warnOfDoubt says so where a file is shown that is not what the run's record has:
// who only reads is told, and not held up.
func (s *session) warnOfDoubt(run *store.Run, files ...string) {
	log, err := s.sealedLog(run)
	if err != nil {
		return // whoever writes is told
	}
	doubtful, err := cycle.Doubtful(run, log, files...)
	if err != nil {
		doubtful = []string{err.Error()}
	}
	for _, what := range doubtful {
		fmt.Fprintf(s.err, "! not as keyrotor wrote it: %s of run %s; keyrotor evidence verify %s says more\n", said(what), run.ID(), pathWord(s.state.Dir()))
	}
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
	u := report.Undone{Reverted: map[keyrotor.ChangeID]keyrotor.ChangeID{}, ByUs: s.byUs(v.Population.Undoes)}
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
				u.Reverted[id] = c.ID
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

// withLapsed adds the findings that expired waivers are, behind those of assets.
func withLapsed(all report.Stream, j *judging) report.Stream {
	return func(yield func(keyrotor.Assessment) error) error {
		if err := all(yield); err != nil {
			return err
		}
		for _, a := range j.assessor.Lapsed() {
			if err := yield(a); err != nil {
				return err
			}
		}
		return nil
	}
}

// ledgerHead is the head of the estate's log, "0:" when it is empty.
func (s *session) ledgerHead() (string, error) {
	estate, err := s.estateLog()
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
