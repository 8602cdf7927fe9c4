package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
)

// demoAuthor makes the demo's plan, and demoApprovers sign it: nobody may sign
// a plan of their own.
const demoAuthor = "carol@example.com"

func demoApprovers() []string { return []string{"alice@example.com", "bob@example.com"} }

func (p *program) demoCmd() *cobra.Command {
	var (
		dir   string
		world string
		keep  bool
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Walk once round the whole loop on a pretend organization",
		Long: `Demo runs the whole loop (scan, assess, plan, approve, apply, verify, report) on a
simulated organization of realistic mess, on this machine alone, and leaves state,
plan and report behind. It uses the same commands as a real organization would.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demo{program: p, world: world, started: p.now()}
			if err := d.prepare(dir); err != nil {
				return err
			}
			if err := d.walk(cmd.Context()); err != nil {
				return err
			}
			if !keep {
				return d.server.stop()
			}
			return d.stay(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "leave state, plan and report in `DIR` (default: a new temporary folder)")
	cmd.Flags().StringVar(&world, "world", "demo", "small, demo or large")
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the pretend organization running until ctrl-c, to go on by hand")
	return cmd
}

// demo is one walk; it is a user of the commands, with keys of its own making.
type demo struct {
	*program
	world   string
	dir     string
	server  *pretend
	started time.Time
}

// planFile is the demo's plan, as a user would have it.
func (d *demo) planFile() string { return filepath.Join(d.dir, "plan.json") }

// farewell says what was left where, and what to try next.
func (d *demo) farewell(s *session, where string) {
	config := "--config " + quoted(filepath.Join(d.dir, "keyrotor.yaml"))
	self := invocation()
	fmt.Fprintf(d.out, "\nReport   %s\nTook     %.1f s; everything is in %s\n", fileURL(where), d.now().Sub(d.started).Seconds(), report.Clean(d.dir))
	lead := "Next     "
	for _, n := range [][2]string{
		{self + " " + config + " explain " + quoted(d.example(s)), "one key, on a page"},
		{self + " evidence verify --key " + quoted(filepath.Join(d.dir, "ledger.pub")) + " " + quoted(s.state.Dir()), "check all of this without trusting us"},
		{self + " scan", "the same on your own organization"},
	} {
		fmt.Fprintf(d.out, "%s%s\n           %s\n", lead, report.Clean(n[0]), n[1])
		lead = "         "
	}
}

// example is a key that is worth a page: one that refused, else the one whose
// material is oldest.
func (d *demo) example(s *session) string {
	pl, err := readPlanFile(d.planFile())
	if err != nil || len(pl.Changes) == 0 {
		return "KEY"
	}
	if run, err := s.state.Run(pl.Run); err == nil {
		outcomes, _ := cycle.Outcomes(run) // any key will do
		for _, o := range outcomes {
			if o.State == keyrotor.Failed {
				return o.Target.ID
			}
		}
	}
	oldest := slices.MinFunc(pl.Changes, func(a, b keyrotor.Change) int { return a.Seen.Created.Compare(b.Seen.Created) })
	return oldest.Target.ID
}

// stay keeps the sandbox up.
func (d *demo) stay(ctx context.Context) error {
	fmt.Fprintf(d.out, "\nThe organization goes on until ctrl-c. In another terminal these lines point any\nAWS client at it, and make you the author of plans:\n")
	mine := []string{"KEYROTOR_SSH_KEY=" + quoted(d.key(demoAuthor))}
	for _, pair := range append(sandboxEnv(d.server.url, d.server.management), mine...) {
		fmt.Fprintf(d.out, "export %s\n", pair)
	}
	<-ctx.Done()
	return d.server.stop()
}
