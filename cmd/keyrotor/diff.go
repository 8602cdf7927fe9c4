package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
)

func (p *program) diffCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "diff [RUN RUN]",
		Short: "What differs between two runs: new, gone, better, worse",
		Long: `Diff compares the keys of two runs; without arguments those of the two latest
scans. keyrotor runs lists which runs there are.

Both are held against the rules of today, verdict by verdict. Better is a rule
that failed and passes. Worse is a rule that fails now, and a key that serves no
longer: disabled, without key material, or scheduled for deletion. A rule that
failed and no longer applies, or is waived, has changed and is neither.

What one of the runs could not read is not compared but listed apart, with the
gap that is in the way: such a key is neither new, nor gone, nor better. A gap
that the configuration did not foresee ends the command with 5.`,
		Example: "  keyrotor diff\n  keyrotor diff 20261114T101502Z-9c1e 20261121T101502Z-5f3c",
		Args:    p.twoRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				for _, id := range s.latestRuns(2) {
					args = append(args, string(id))
				}
				fmt.Fprintf(s.err, "from run %s to run %s\n", args[0], args[1])
			}
			runs, partly, err := s.compared(args)
			if err != nil {
				return err
			}
			s.sayOtherEstates(runs[0].Population, runs[1].Population)
			if len(partly) > 0 {
				if err := common(&runs); err != nil {
					return err
				}
				fmt.Fprintf(s.err, "! %s: compared is only what both runs saw\n", said(strings.Join(partly, "; ")))
			}
			d, err := report.Diff(runs[0], runs[1])
			if err != nil {
				return err
			}
			if d.Partly() {
				s.res.add(exitPart)
			}
			if !s.text() {
				return report.Write(s.out, s.format(), report.DiffRows(d))
			}
			return report.DiffText(s.out, d, s.nexts(report.Next{Command: "keyrotor explain KEY", About: "one key, on a page"}), s.style)
		},
	}
}

// compared are the two runs as they are judged now, and those of them that saw
// no more than what they undid.
func (s *session) compared(ids []string) (runs [2]report.Run, partly []string, err error) {
	for i, id := range ids {
		run, err := s.state.Run(keyrotor.RunID(id))
		if errors.Is(err, keyrotor.ErrNotFound) {
			return runs, nil, &usageError{err}
		}
		if err != nil {
			return runs, nil, err
		}
		s.warnOfDoubt(run, cycle.FileInventory)
		j, err := s.judge(run)
		if err != nil {
			return runs, nil, err
		}
		inv, err := cycle.ReadInventory(run, nil)
		if err != nil {
			return runs, nil, err
		}
		runs[i] = report.Run{Population: inv.Population, Places: inv.Places, Gaps: inv.Gaps, Assessments: stream(run, j)}
		if undoes := inv.Population.Undoes; undoes != "" {
			partly = append(partly, fmt.Sprintf("run %s undoes run %s, and saw no other keys than those", run.ID(), undoes))
		}
	}
	return runs, partly, nil
}

// common leaves of two runs the keys that both know, and what refused of those.
func common(runs *[2]report.Run) error {
	var seen [2]map[string]bool
	for i := range runs {
		seen[i] = map[string]bool{}
		err := runs[i].Assessments(func(a keyrotor.Assessment) error {
			seen[i][a.Asset.ARN] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i, run := range runs {
		runs[i] = report.Run{
			Gaps: slices.DeleteFunc(run.Gaps, func(g keyrotor.Gap) bool { return g.Asset == "" }),
			Assessments: func(yield func(keyrotor.Assessment) error) error {
				return run.Assessments(func(a keyrotor.Assessment) error {
					if !seen[1-i][a.Asset.ARN] {
						return nil
					}
					return yield(a)
				})
			},
		}
	}
	return nil
}
