package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

func (s *session) showPlan(pl keyrotor.Plan, file string) error {
	if !s.text() {
		if s.format() == report.CSV || s.format() == report.Markdown {
			return report.Write(s.out, s.format(), report.PlanRows(pl))
		}
		return report.Write(s.out, s.format(), pl)
	}
	next := report.Next{Command: "keyrotor approve " + pathWord(file), About: "choose, and sign"}
	if len(pl.Changes) == 0 {
		next = report.Next{Command: "keyrotor assess", About: "which keys there are, and which rules fail"}
	}
	return report.PlanText(s.out, pl, s.now(), s.nexts(next), s.style)
}

func (p *program) planShowCmd() *cobra.Command {
	var other string
	cmd := &cobra.Command{
		Use:     "show PLAN.json",
		Short:   "Show a plan, or what differs between two",
		Example: "  keyrotor plan show plan.json\n  keyrotor plan show plan.json --diff narrower.json",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			pl, err := s.givenPlan(args[0])
			if err != nil {
				return err
			}
			if other == "" {
				return s.showPlan(pl, args[0])
			}
			if err := s.onlyText("plan show --diff", ""); err != nil {
				return err
			}
			second, err := s.givenPlan(other)
			if err != nil {
				return err
			}
			for _, line := range plan.Diff(pl, second) {
				fmt.Fprintln(s.out, report.Clean(line))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&other, "diff", "", "show what differs in the plan `FILE`")
	return cmd
}

// showNothing says why there is no plan: one without changes is not written.
func (s *session) showNothing(run *store.Run, pl keyrotor.Plan, f planFlags) error {
	next, err := s.afterNothing(run, f)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "Nothing to change, and no plan was written:")
	for _, why := range pl.Warnings {
		fmt.Fprintf(s.out, "  %s\n", report.Clean(why))
	}
	if _, err := os.Stat(f.file); err == nil {
		fmt.Fprintf(s.out, "! %s is of an earlier plan\n", report.Clean(f.file))
	}
	s.showNext(next)
	return nil
}
