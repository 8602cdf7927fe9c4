package main

import (
	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

func (p *program) diffCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "diff RUN RUN",
		Short: "What differs between two runs: new, gone, better, worse",
		Args:  exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			var streams [2]report.Stream
			for i, id := range args {
				run, err := s.state.Run(keyrotor.RunID(id))
				if err != nil {
					return usage("%w", err)
				}
				j, err := s.judge(run)
				if err != nil {
					return err
				}
				streams[i] = stream(run, j)
			}
			d, err := report.Diff(streams[0], streams[1])
			if err != nil {
				return err
			}
			if !s.text() {
				return report.Write(s.out, s.format(), report.DiffRows(d))
			}
			return report.DiffText(s.out, d, []report.Next{{Command: "keyrotor explain KEY", About: "one key, on a page"}}, s.style)
		},
	}
}
