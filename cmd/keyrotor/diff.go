package main

import (
	"fmt"
	"strings"

	"errors"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

func (p *program) diffCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "diff [RUN RUN]",
		Short: "What differs between two runs: new, gone, better, worse",
		Long: `Diff compares the keys of two runs; without arguments those of the two latest
scans. keyrotor runs lists which runs there are.`,
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
			var streams [2]report.Stream
			var partly []string
			for i, id := range args {
				run, err := s.state.Run(keyrotor.RunID(id))
				if errors.Is(err, keyrotor.ErrNotFound) {
					return &usageError{err}
				}
				if err != nil {
					return err
				}
				j, err := s.judge(run)
				if err != nil {
					return err
				}
				streams[i] = stream(run, j)
				undoes, err := undoOf(run)
				if err != nil {
					return err
				}
				if undoes != "" {
					partly = append(partly, fmt.Sprintf("run %s undoes run %s, and saw no other keys than those", run.ID(), undoes))
				}
			}
			if len(partly) > 0 {
				if streams, err = common(streams); err != nil {
					return err
				}
				fmt.Fprintf(s.err, "! %s: compared is only what both runs saw\n", said(strings.Join(partly, "; ")))
			}
			d, err := report.Diff(streams[0], streams[1])
			if err != nil {
				return err
			}
			if !s.text() {
				return report.Write(s.out, s.format(), report.DiffRows(d))
			}
			return report.DiffText(s.out, d, s.nexts(report.Next{Command: "keyrotor explain KEY", About: "one key, on a page"}), s.style)
		},
	}
}

// common leaves of two streams the keys that both know.
func common(streams [2]report.Stream) ([2]report.Stream, error) {
	var seen [2]map[string]bool
	for i, all := range streams {
		seen[i] = map[string]bool{}
		err := all(func(a keyrotor.Assessment) error {
			seen[i][a.Asset.ARN] = true
			return nil
		})
		if err != nil {
			return streams, err
		}
	}
	var both [2]report.Stream
	for i, all := range streams {
		both[i] = func(yield func(keyrotor.Assessment) error) error {
			return all(func(a keyrotor.Assessment) error {
				if !seen[1-i][a.Asset.ARN] {
					return nil
				}
				return yield(a)
			})
		}
	}
	return both, nil
}
