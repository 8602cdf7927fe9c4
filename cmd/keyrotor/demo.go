package main

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

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

// prepare makes the folder, the approvers' keys and the configuration, starts
// the sandbox and points this process's AWS clients at it.
func (d *demo) prepare(dir string) error {
	var err error
	if dir == "" {
		if dir, err = os.MkdirTemp("", "keyrotor-demo-"); err != nil {
			return fmt.Errorf("make a folder for the demo: %w", err)
		}
	}
	if d.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "keys"), 0o700); err != nil {
		return usage("make the demo's folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "state")); err == nil {
		return usage("%s holds the state of an earlier demo: give another --dir, or remove it", d.dir)
	}
	var signers strings.Builder
	for _, who := range append(demoApprovers(), demoAuthor) {
		public, err := d.newKey(who)
		if err != nil {
			return err
		}
		fmt.Fprintf(&signers, "%s %s", who, public)
	}
	files := map[string]string{
		"allowed_signers": signers.String(),
		"keyrotor.yaml": "# what the demo ran with\napproval:\n  signers: allowed_signers\n  needed: 2\n  valid: 24h\n" +
			"apply:\n  patience: 10s\nstate: state\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			return usage("write the demo's files: %w", err)
		}
	}
	d.flags.config = filepath.Join(d.dir, "keyrotor.yaml")
	d.flags.state = ""
	if d.server, err = d.startSandbox(sandboxFlags{listen: "127.0.0.1:0", world: d.world, seed: 1}); err != nil {
		return err
	}
	return d.pointHere()
}

// newKey makes an approver's key pair and returns its allowed_signers part.
func (d *demo) newKey(who string) (string, error) {
	_, private, err := ed25519.GenerateKey(d.rand)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, who)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(d.key(who), pem.EncodeToMemory(block), 0o600); err != nil {
		return "", usage("write the demo's keys: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return "", err
	}
	return string(ssh.MarshalAuthorizedKey(signer.PublicKey())), nil
}

func (d *demo) key(who string) string {
	name, _, _ := strings.Cut(who, "@")
	return filepath.Join(d.dir, "keys", name)
}

// pointHere sets the environment that `keyrotor sandbox` prints, so that the
// demo's commands take the very path that a user's would. Profiles of this
// machine are kept out.
func (d *demo) pointHere() error {
	env := append(sandboxEnv(d.server.url, d.server.management),
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_PROFILE=", "AWS_SESSION_TOKEN=")
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	keyFile := filepath.Join(d.dir, "ledger.key")
	ambient := d.env
	d.env = func(name string) string {
		switch name {
		case "KEYROTOR_LEDGER_KEY":
			return keyFile
		case "KEYROTOR_SSH_KEY":
			return d.key(demoAuthor)
		case "SSH_AUTH_SOCK":
			return "" // the keys of the person at the keyboard sign nothing here
		}
		return ambient(name)
	}
	return nil
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
	line("scan", "%d accounts · %d of %d places read · %s keys (%s customer managed)   %.1f s", len(pop.Accounts), pop.Read, pop.Places, thousands(pop.Keys), thousands(pop.Customer), d.now().Sub(begin).Seconds())
	if pop.Gaps > 0 {
		g := v.Gaps[0]
		line("", "! %d gaps, as in any real organization; the first: %s/%s %s on %s (%s)", pop.Gaps, g.Account, g.Region, g.Code, g.Call, g.Cause)
	}
	_, counts, err := s.assess(run)
	if err != nil {
		return err
	}
	line("assess", "%d rotate · %d could and do not · %d cannot automatically   enabled is not rotated: %d hold material past its cryptoperiod",
		counts.Views[keyrotor.ViewRotating], counts.Views[keyrotor.ViewTarget], counts.Views[keyrotor.ViewNotEligible], counts.Overdue)
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
	line("plan", "%d changes in %d waves (%s) · %d calls · first rotations in 365 d", len(pl.Changes), len(pl.Waves), strings.Join(sizes, " · "), calls)
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
	line("apply", "%d changes · %s", len(done.Outcomes), outcomeWords(n))
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
	if err := d.publishKey(); err != nil {
		return err
	}
	size, _, _ := strings.Cut(head, ":")
	line("ledger", "%s heads of runs, checkpoint signed by %s", size, ledgerKeyName)
	d.farewell(s, v, where)
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
func (d *demo) publishKey() error {
	_, verifier, err := d.ledgerKey()
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

func (d *demo) farewell(s *session, v report.Run, where string) {
	config := "--config " + filepath.Join(d.dir, "keyrotor.yaml")
	example := "KEY"
	for _, pl := range []*keyrotor.Plan{v.Plan} {
		if pl != nil && len(pl.Changes) > 0 {
			example = pl.Changes[0].Target.Name
		}
	}
	if p, err := readPlanFile(filepath.Join(d.dir, "plan.json")); err == nil && len(p.Changes) > 0 {
		example = p.Changes[len(p.Changes)-1].Target.Name
	}
	fmt.Fprintf(d.out, "\nReport   %s\nTook     %.1f s; everything is in %s\n", fileURL(where), d.now().Sub(d.started).Seconds(), d.dir)
	fmt.Fprintf(d.out, "Next     keyrotor %s explain %s\n         keyrotor evidence verify --key %s %s\n         keyrotor scan     the same on your own organization\n", config, report.Clean(example), filepath.Join(d.dir, "ledger.pub"), s.state.Dir())
}

// stay keeps the sandbox up.
func (d *demo) stay(ctx context.Context) error {
	fmt.Fprintf(d.out, "\nThe organization goes on until ctrl-c; point any AWS client at it:\n")
	for _, pair := range sandboxEnv(d.server.url, d.server.management) {
		fmt.Fprintf(d.out, "export %s\n", pair)
	}
	<-ctx.Done()
	return d.server.stop()
}

func outcomeWords(n map[keyrotor.OutcomeState]int) string {
	var words []string
	for _, s := range []keyrotor.OutcomeState{
		keyrotor.Succeeded, keyrotor.Unchanged, keyrotor.Skipped, keyrotor.Waiting, keyrotor.Failed, keyrotor.Unproven, keyrotor.NotStarted,
	} {
		if n[s] > 0 {
			words = append(words, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	return strings.Join(words, " · ")
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
