package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
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
			if err := d.walk(cmd); err != nil {
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

// walk is the loop, a line a stage.
func (d *demo) walk(cmd *cobra.Command) error {
	ctx := cmd.Context()
	s, err := d.open()
	if err != nil {
		return err
	}
	line := func(stage, format string, args ...any) {
		fmt.Fprintf(d.out, "%-8s %s\n", stage, report.Clean(fmt.Sprintf(format, args...)))
	}
	begin := d.now()
	run, err := s.scan(cmd, nil)
	if err != nil {
		return err
	}
	v, err := s.view(run, nil)
	if err != nil {
		return err
	}
	pop := v.Population
	line("scan", "%s · %d of %d places read · %s keys (%s customer managed)   %.1f s", count(len(pop.Accounts), "account"), pop.Read, pop.Places, thousands(pop.Keys), thousands(pop.Customer), d.now().Sub(begin).Seconds())
	if pop.Gaps > 0 {
		g := v.Gaps[0]
		line("", "! %s, as in any real organization; the first: %s/%s %s on %s (%s)", count(pop.Gaps, "gap"), g.Account, g.Region, g.Code, g.Call, g.Cause)
	}
	_, counts, err := s.assess(run)
	if err != nil {
		return err
	}
	line("assess", "%d rotate · %d could and do not · %d cannot automatically · %d could not be read",
		counts.Views[keyrotor.ViewRotating], counts.Views[keyrotor.ViewTarget], counts.Views[keyrotor.ViewNotEligible], counts.Views[keyrotor.ViewUnreadable])
	line("", "enabled is not rotated: %d hold material past its cryptoperiod", counts.Overdue)
	planFile := filepath.Join(d.dir, "plan.json")
	pl, err := s.plan(ctx, run, planFlags{file: planFile, ticket: "DEMO-1", reason: "the demo"}, buildFromFindings)
	if err != nil {
		return err
	}
	sizes := make([]string, len(pl.Waves))
	for i, w := range pl.Waves {
		sizes[i] = fmt.Sprint(len(w.Changes))
	}
	calls := 0
	for _, b := range pl.Budget {
		calls += b.Count
	}
	line("plan", "%s in %s (%s) · %s · first rotations in 365 d", count(len(pl.Changes), "change"), count(len(pl.Waves), "wave"), strings.Join(sizes, " · "), count(calls, "call"))
	line("", "digest %s", pl.Digest)
	if err := d.approve(s, run.Dir(), pl); err != nil {
		return err
	}
	line("approve", "%d of %d: %s (SSH signatures)", len(demoApprovers()), pl.Needs.Approvals, strings.Join(demoApprovers(), ", "))
	done, err := s.apply(ctx, run, pl)
	if err != nil {
		return err
	}
	n := done.Counts()
	line("apply", "%s · %s", count(len(done.Outcomes), "change"), outcomeWords(n))
	if why := failures(done.Outcomes); why != "" {
		line("", "! %s", why)
	}
	found, err := s.verify(ctx, run, 10*time.Second)
	if err != nil {
		return err
	}
	verdicts := map[keyrotor.VerificationVerdict]int{}
	for _, f := range found {
		verdicts[f.Verdict]++
	}
	line("verify", "%d confirmed · %d discrepant · %d unreadable", verdicts[keyrotor.Confirmed], verdicts[keyrotor.Discrepant], verdicts[keyrotor.Unreadable])
	where, err := s.report(run, filepath.Join(d.dir, "report.html"))
	if err != nil {
		return err
	}
	head, err := s.ledgerHead()
	if err != nil {
		return err
	}
	if err := d.publishKey(s); err != nil {
		return err
	}
	size, _, _ := strings.Cut(head, ":")
	line("ledger", "entry %s, checkpoint signed by the demo's own key", size)
	d.farewell(s, where)
	d.res = result{} // gaps and refusals are what the demo set out to show
	return nil
}

// approve signs as each approver, with the same code as `keyrotor approve`.
func (d *demo) approve(s *session, _ string, pl keyrotor.Plan) error {
	run, err := s.state.Run(pl.Run)
	if err != nil {
		return err
	}
	out := d.out
	defer func() { d.out = out }()
	d.out = discard{}
	for _, who := range demoApprovers() {
		if err := s.sign(run, pl, approveFlags{key: d.key(who), file: filepath.Join(d.dir, "plan.json")}); err != nil {
			return err
		}
	}
	return nil
}

// publishKey leaves the public half of the demo's ledger key beside the state.
func (d *demo) publishKey(s *session) error {
	_, verifier, err := s.ledgerKey()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "ledger.pub"), []byte(verifier+"\n"), 0o644); err != nil {
		return usage("write the demo's files: %w", err)
	}
	return nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (d *demo) farewell(s *session, where string) {
	config := "--config " + quoted(filepath.Join(d.dir, "keyrotor.yaml"))
	example := "KEY"
	if p, err := readPlanFile(filepath.Join(d.dir, "plan.json")); err == nil && len(p.Changes) > 0 {
		example = p.Changes[len(p.Changes)-1].Target.Name
	}
	fmt.Fprintf(d.out, "\nReport   %s\nTook     %.1f s; everything is in %s\n", fileURL(where), d.now().Sub(d.started).Seconds(), d.dir)
	lead := "Next     "
	for _, n := range [][2]string{
		{"keyrotor " + config + " explain " + quoted(example), "one key, on a page"},
		{"keyrotor evidence verify --key " + quoted(filepath.Join(d.dir, "ledger.pub")) + " " + quoted(s.state.Dir()), "check all of this without trusting us"},
		{"keyrotor scan", "the same on your own organization"},
	} {
		fmt.Fprintf(d.out, "%s%s\n           %s\n", lead, report.Clean(n[0]), n[1])
		lead = "         "
	}
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
