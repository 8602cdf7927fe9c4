package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

func (p *program) reportCmd() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write one HTML file about a run, to forward and to audit",
		Long: `Report writes what a run found, planned, did and proved into one HTML file that
needs no network, keeps it in the run and seals it. It shows the run as it was
assessed, by the configuration, rules and waivers of that day, and says which of
them changed since; a run that nobody assessed is assessed first. --output
markdown writes a short report for a ticket; json, yaml and csv write the summary.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			run, err := s.plannedRun()
			if err != nil {
				return err
			}
			if s.format() == report.Markdown {
				return s.markdownReport(run)
			}
			if !s.text() {
				summary, err := cycle.Summary(run)
				if err != nil {
					return err
				}
				return report.Write(s.out, s.format(), summary)
			}
			if file != "" {
				if err := s.writable("file", file); err != nil {
					return err
				}
			}
			where, err := s.report(run, file)
			if err != nil {
				return err
			}
			undoes, err := undoOf(run)
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "Run      %s%s\nReport   %s\n", run.ID(), report.Clean(undoing(undoes)), fileURL(where))
			s.showNext("keyrotor evidence verify " + pathWord(s.state.Dir()) + "   checks the record without trusting us")
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "also write it to `FILE`")
	return cmd
}

// markdownReport writes the short report to the output; the run keeps none.
func (s *session) markdownReport(run *store.Run) error {
	view, err := s.viewAsAssessed(run)
	if err != nil {
		return err
	}
	s.sayChanged(view)
	if _, view.CheckpointKey, err = s.ledgerKey(); err != nil {
		return err
	}
	return report.MarkdownReport(s.out, view)
}

// report writes the HTML report into the run, seals it, and copies it to file.
func (s *session) report(run *store.Run, file string) (string, error) {
	defer s.garbage(garbageOfPlans)()
	view, err := s.viewAsAssessed(run)
	if err != nil {
		return "", err
	}
	s.sayChanged(view)
	if _, view.CheckpointKey, err = s.ledgerKey(); err != nil {
		return "", err
	}
	err = s.record(run, func(rec *cycle.Record) error {
		if view.Digests, err = rec.Log.Artifacts(); err != nil {
			return err
		}
		delete(view.Digests, cycle.FileReport) // a report cannot hold its own
		return rec.Write(cycle.FileReport, func(w io.Writer) error { return report.HTML(w, view) })
	})
	if err != nil {
		return "", err
	}
	where := filepath.Join(run.Dir(), cycle.FileReport)
	s.keeps("the report is kept in "+where, "")
	if file == "" {
		return where, nil
	}
	data, err := os.ReadFile(where)
	if err != nil {
		return "", err
	}
	err = replaceFile(file, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return "", &keyrotor.Problem{Err: fmt.Errorf("write the report: %w", err), Now: "the report is kept in " + where, Next: "give another file with --file"}
	}
	return file, nil
}

// undoing says which run a run was begun to take back.
func undoing(run keyrotor.RunID) string {
	if run == "" {
		return ""
	}
	return ", which undoes run " + string(run)
}

func fileURL(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}).String()
}
