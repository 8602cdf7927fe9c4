package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

func (p *program) runsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "runs",
		Short: "List the runs of this state, the latest first, and how far each came",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			runs, err := s.listRuns()
			if err != nil {
				return err
			}
			return s.showRuns(runs)
		},
	}
}

// listedRun is a run in the list of runs.
type listedRun struct {
	Run keyrotor.RunID `json:"run"`
	// Began is when its scan began; absent when that did not end.
	Began  time.Time      `json:"began,omitzero"`
	Undoes keyrotor.RunID `json:"undoes,omitempty"`
	// UndoneBy counts the changes that later runs took back, by run.
	UndoneBy map[keyrotor.RunID]int `json:"undone_by,omitempty"`
	// Stages are those that the run has come through.
	Stages   []string                             `json:"stages"`
	Keys     int                                  `json:"keys"`
	Gaps     int                                  `json:"gaps"`
	Changes  int                                  `json:"changes"`
	Applied  map[keyrotor.OutcomeState]int        `json:"applied,omitempty"`
	Verified map[keyrotor.VerificationVerdict]int `json:"verified,omitempty"`
	// Unreadable says why nothing of the run can be told.
	Unreadable string `json:"unreadable,omitempty"`
}

// listRuns goes by the summaries. A run that cannot be read is listed as that: the
// others are not less there.
func (s *session) listRuns() ([]listedRun, error) {
	ids, err := s.state.Runs()
	if err != nil {
		return nil, err
	}
	undos := s.allUndos(ids)
	var all []listedRun
	for _, id := range slices.Backward(ids) {
		r, err := s.listed(id)
		if err == nil {
			r.UndoneBy, err = s.undoneBy(id, undos)
		}
		if err != nil {
			r = listedRun{Run: id, Unreadable: err.Error()}
		}
		all = append(all, r)
	}
	return all, nil
}

// allUndos are the undos among runs, by what they undo. What cannot be read is
// listed as that, and here passed over.
func (s *session) allUndos(ids []keyrotor.RunID) map[keyrotor.RunID][]*store.Run {
	undos := map[keyrotor.RunID][]*store.Run{}
	for _, id := range ids {
		run, undoes, err := s.undoBy(id)
		if err == nil && undoes != "" && undoes < id && ledger.Begun(run.Dir()) {
			undos[undoes] = append(undos[undoes], run)
		}
	}
	return undos
}

// undoneBy counts what was taken back of a run.
func (s *session) undoneBy(id keyrotor.RunID, undos map[keyrotor.RunID][]*store.Run) (map[keyrotor.RunID]int, error) {
	back, err := s.takenBack(id, undos)
	if err != nil || len(back) == 0 {
		return nil, err
	}
	by := map[keyrotor.RunID]int{}
	for _, t := range back {
		by[t.By]++
	}
	return by, nil
}

func (s *session) listed(id keyrotor.RunID) (listedRun, error) {
	run, err := s.state.Run(id)
	if err != nil {
		return listedRun{}, err
	}
	sum, err := cycle.Summary(run)
	if err != nil {
		return listedRun{}, err
	}
	r := listedRun{Run: id, Applied: sum.Applied, Verified: sum.Verified, Stages: []string{}}
	reached := func(stage string, yes bool) {
		if yes {
			r.Stages = append(r.Stages, stage)
		}
	}
	if p := sum.Population; p != nil {
		r.Began, r.Undoes, r.Keys, r.Gaps = p.Started, p.Undoes, p.Keys, p.Gaps
	}
	if sum.Planned != nil {
		r.Changes = sum.Planned.Changes
	}
	begun, err := carriedOut(run)
	if err != nil {
		return listedRun{}, err
	}
	if begun {
		// The plan made last need not be the one that was applied.
		if r.Changes, err = appliedChanges(run, sum); err != nil {
			return listedRun{}, err
		}
	}
	reached("scanned", sum.Population != nil && r.Undoes == "")
	reached("assessed", sum.Assessed != nil)
	reached("planned", sum.Planned != nil)
	reached("applied", len(sum.Applied) > 0 || begun)
	reached("verified", len(sum.Verified) > 0)
	return r, nil
}

// appliedChanges is how many changes the plan has that a run began to carry out: by
// its outcomes, or where it was broken off before them, by the plan that apply kept.
func appliedChanges(run *store.Run, sum keyrotor.Summary) (int, error) {
	total := 0
	for _, n := range sum.Applied {
		total += n
	}
	if total > 0 {
		return total, nil
	}
	pl, err := readPlan(run)
	return len(pl.Changes), err
}

func (s *session) showRuns(runs []listedRun) error {
	if !s.text() {
		return report.Write(s.out, s.format(), runRows(runs))
	}
	if len(runs) == 0 {
		fmt.Fprintf(s.out, "no runs in %s\n", s.state.Dir())
		s.showNext("keyrotor scan")
		return nil
	}
	for _, r := range runs {
		s.hang(fmt.Sprintf("%-21s ", r.Run), report.Clean(r.words()))
	}
	if len(s.latestRuns(2)) == 2 {
		s.showNext("keyrotor diff   what differs between the two latest scans\nkeyrotor report --run ID")
		return nil
	}
	s.showNext("keyrotor report --run ID")
	return nil
}

// words are how far a run came, with the counts of its last stages.
func (r listedRun) words() string {
	if r.Unreadable != "" {
		return "cannot be read: " + r.Unreadable
	}
	var parts []string
	if !r.Began.IsZero() {
		parts = append(parts, untilText(r.Began))
	}
	switch {
	case r.Undoes != "":
		parts = append(parts, "undo of "+string(r.Undoes))
	case len(r.Stages) == 0:
		parts = append(parts, "its scan did not finish")
	default:
		parts = append(parts, "scan of "+count(r.Keys, "key"))
	}
	if r.Gaps > 0 {
		parts = append(parts, count(r.Gaps, "gap"))
	}
	if r.Changes > 0 {
		parts = append(parts, "planned "+count(r.Changes, "change"))
	}
	switch applied := outcomeWords(r.Applied); {
	case applied != "":
		parts = append(parts, "applied: "+strings.ReplaceAll(applied, " · ", ", "))
	case slices.Contains(r.Stages, "applied"):
		parts = append(parts, "applied in part, and broken off")
	}
	if verified := r.verdictWords(); verified != "" {
		parts = append(parts, "verified: "+verified)
	}
	for _, by := range slices.Sorted(maps.Keys(r.UndoneBy)) {
		parts = append(parts, fmt.Sprintf("%d of %s undone by %s", r.UndoneBy[by], count(r.Changes, "change"), by))
	}
	return strings.Join(parts, " · ")
}

func (r listedRun) verdictWords() string {
	var words []string
	for _, v := range []keyrotor.VerificationVerdict{keyrotor.Confirmed, keyrotor.Discrepant, keyrotor.Unreadable} {
		if n := r.Verified[v]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(words, ", ")
}

func runRows(runs []listedRun) report.Rows {
	return report.Rows{
		Title: "runs", Columns: []string{"run", "began", "undoes", "stages", "keys", "gaps", "changes", "applied", "verified", "undone_by"},
		Each: func(yield func(report.Row) error) error {
			for _, r := range runs {
				began := ""
				if !r.Began.IsZero() {
					began = r.Began.UTC().Format(time.RFC3339)
				}
				row := report.Row{
					Value: report.Document{Schema: report.SchemaRun, Version: keyrotor.SchemaVersion, Body: r},
					Cells: []string{
						string(r.Run), began, string(r.Undoes), strings.Join(r.Stages, " "), fmt.Sprint(r.Keys), fmt.Sprint(r.Gaps),
						fmt.Sprint(r.Changes), outcomeWords(r.Applied), r.verdictWords(), undoneWords(r.UndoneBy),
					},
				}
				if err := yield(row); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// undoneWords are the runs that took back something, with how many changes.
func undoneWords(by map[keyrotor.RunID]int) string {
	var words []string
	for _, run := range slices.Sorted(maps.Keys(by)) {
		words = append(words, fmt.Sprintf("%s (%d)", run, by[run]))
	}
	return strings.Join(words, " ")
}
