package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

func (p *program) assessCmd() *cobra.Command {
	var failOn, selection, rule string
	var allowGaps bool
	cmd := &cobra.Command{
		Use:   "assess",
		Short: "Say which keys can rotate, which must, and why; reads no AWS",
		Long: `Assess holds the keys of the latest scan against the rules. Every customer
managed key is in exactly one of three views: eligible and not rotating (the
target list), eligible and rotating, not eligible (why, and what instead).
"Rotation is on" and "the material was rotated" are separate verdicts.

For a pipeline --fail-on makes failing rules an exit code. Gaps come before them
(exit 5), unless --allow-gaps says that they are dealt with elsewhere.`,
		Example: "  keyrotor assess\n  keyrotor assess --fail-on high --allow-gaps\n  keyrotor assess --select 'asset.tags.env == \"prod\"' --output csv",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			if failOn != "none" && keyrotor.Severity(failOn).Rank() == 0 {
				return usage("--fail-on %s: none, info, low, medium, high or critical", failOn)
			}
			keep, err := s.selected(selection)
			if err != nil {
				return err
			}
			run, err := s.currentRun()
			if err != nil {
				return err
			}
			j, counts, err := s.assess(run)
			if err != nil {
				return err
			}
			if err := knownRule(rule, j.assessor.Rules()); err != nil {
				return err
			}
			if failOn != "none" {
				s.failOn(failOn, counts)
			}
			if err := s.showAssess(run, j, keep.holds, selection, rule, allowGaps); err != nil {
				return err
			}
			return s.decided(keep)
		},
	}
	cmd.Flags().StringVar(&failOn, "fail-on", "none", "exit 4 when a rule of this `SEVERITY` or worse fails")
	cmd.Flags().BoolVar(&allowGaps, "allow-gaps", false, "leave gaps out of the exit code")
	cmd.Flags().StringVar(&selection, "select", "", "show only assets for which the CEL `EXPR` holds")
	cmd.Flags().StringVar(&rule, "rule", "", "show only the findings of the rule `ID`, key by key")
	return cmd
}

// assess judges the run's inventory and writes what came of it.
func (s *session) assess(run *store.Run) (*judging, keyrotor.AssessedCounts, error) {
	j, err := s.judge(run)
	if err != nil {
		return nil, keyrotor.AssessedCounts{}, err
	}
	var counts keyrotor.AssessedCounts
	err = s.record(run, func(rec *cycle.Record) error {
		if err := rec.Whole(cycle.FileInventory); err != nil {
			return err
		}
		counts, err = cycle.Assess(rec, j.assessor, j.before, j.from, s.now().UTC())
		return err
	})
	if err == nil {
		s.brokenRules(j.assessor.Broken(), "key")
		s.keeps("the assessment is kept in "+run.Dir(), "")
	}
	return j, counts, err
}

func (s *session) showAssess(run *store.Run, j *judging, keep func(keyrotor.Asset) bool, selection, rule string, allowGaps bool) error {
	view, err := s.view(run, j)
	if err != nil {
		return err
	}
	switch gaps := view.Population.Gaps - view.Population.Expected; {
	case gaps > 0 && allowGaps:
		fmt.Fprintf(s.err, "! %s left out of the exit code (--allow-gaps): what could not be read may fail too\n", count(gaps, "gap"))
	case gaps > 0:
		s.res.add(exitPart)
	}
	all := view.Assessments
	view.Assessments = func(yield func(keyrotor.Assessment) error) error {
		return all(func(a keyrotor.Assessment) error {
			if a.Asset.Kind == keyrotor.KindWaiver {
				if selection != "" {
					return nil // a choice of assets
				}
			} else if !keep(a.Asset) {
				return nil
			}
			return yield(a)
		})
	}
	choice := ""
	if selection != "" {
		choice = " --select " + quoted(selection)
	}
	if rule != "" {
		return s.showRuleFindings(view, rule, choice)
	}
	if !s.text() {
		return report.Write(s.out, s.format(), report.AssessmentRows(view.Assessments))
	}
	next, err := s.afterAssess(run, view.Assessments, choice)
	if err != nil {
		return err
	}
	return report.AssessText(s.out, view, next, s.style)
}

// failOn sets exit code 4 when a rule of the severity, or a worse one, failed, and
// says how often, for another code may come first.
func (s *session) failOn(severity string, counts keyrotor.AssessedCounts) {
	limit, failing := keyrotor.Severity(severity).Rank(), 0
	for _, r := range counts.Rules {
		if r.Severity.Rank() >= limit {
			failing += r.Verdicts[keyrotor.Fail]
		}
	}
	fmt.Fprintf(s.err, "fail-on %s: %d failing\n", severity, failing)
	if failing > 0 {
		s.res.add(exitFindings)
	}
}

// digestOf is one digest over several texts, each with its length before it.
func digestOf(texts ...[]byte) keyrotor.Digest {
	return cycle.TextDigest(texts...)
}
