// Command keyrotor rotates the KMS keys of an organization, without breaking anyone,
// and proves it; secrets are to come. Each file here is one command or one piece of
// wiring; what the commands do lives in internal/cycle and the stages behind it.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/keyrotor/keyrotor/internal/report"
)

// version is set by the release build: -ldflags "-X main.version=v1.2.3".
var version = "devel"

func main() { os.Exit(runMain(time.Now)) }

// runMain is the whole program but for the clock, which scripts of the tests
// move.
func runMain(now func() time.Time) int {
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, now: now, rand: rand.Reader}
	p.style = styleOf(os.Stdout, os.Getenv)
	p.errStyle = styleOf(os.Stderr, os.Getenv)
	p.terminal = term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
	cobra.EnableCommandSorting = false // help lists the commands in the order of the loop
	ctx, stop := inOrder()
	defer stop()
	return p.run(ctx, os.Args[1:])
}

// inOrder ends at the first signal, so that the work ends in order; the second ends
// the program, should something not listen (a pipe that nobody writes to). A
// terminal that is closed hangs up more than once, and does not hurry anybody;
// under nohup it is not heard at all.
func inOrder() (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, func() {
		stop()
		signal.Ignore(syscall.SIGHUP)
	})
	return ctx, stop
}

// program is one invocation: everything it may touch comes in here.
type program struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	now      func() time.Time
	rand     io.Reader
	style    report.Style // of out
	errStyle report.Style // of err
	terminal bool         // a person sits at in and out

	args  []string // as they were typed
	flags globalFlags
	res   result
	kept  keeping
}

// globalFlags are the flags that every command has.
type globalFlags struct {
	config string
	state  string
	output string
	run    string
	all    bool
}

// run executes one command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	written := &output{to: p.out}
	if !p.terminal {
		p.out = written // a full-screen list needs the terminal itself
	}
	root := p.rootCmd()
	p.args = args
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(plainly{p.out, p.style})
	root.SetErr(p.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err = beside(err); err != nil {
		p.explainError(cmd, err)
		p.res.add(exitCodeOf(err))
	}
	if written.failed != nil {
		p.explainError(cmd, p.notPrinted(written.failed))
		p.res.add(exitBroken)
	}
	return p.res.code()
}

func (p *program) rootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "keyrotor",
		Short: "Rotate the KMS keys of an organization, without breaking anyone, and prove it",
		Long: `keyrotor rotates the AWS KMS keys of an organization, without breaking anyone, and
can prove it; secrets are to come. The commands follow one loop:

    scan ▶ assess ▶ plan ▶ approve ▶ apply ▶ verify ▶ report

Nothing is changed without a plan that enough people signed. Start with
"keyrotor demo", which needs no AWS account.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateFlagGroups(); err != nil {
				return &usageError{err}
			}
			if err := nothingEmpty(cmd); err != nil {
				return err
			}
			return p.hasForm(cmd)
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&p.flags.config, "config", "", "configuration `FILE` (default keyrotor.yaml, when there is one)")
	f.StringVar(&p.flags.state, "state", "", "`DIR` of runs and ledger (default: the configuration's, else ./state)")
	f.StringVar(&p.flags.output, "output", "text", "`FORMAT` of results: "+strings.Join(report.Formats(), ", "))
	f.StringVar(&p.flags.run, "run", "", "run `ID` to work on (default: the latest)")
	f.BoolVar(&p.flags.all, "all-rows", false, "show lists whole, not their first ten rows")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddGroup(&cobra.Group{ID: "loop", Title: "The loop:"}, &cobra.Group{ID: "more", Title: "Beside the loop:"})
	for _, c := range []*cobra.Command{p.scanCmd(), p.assessCmd(), p.planCmd(), p.approveCmd(), p.applyCmd(), p.verifyCmd(), p.reportCmd()} {
		c.GroupID = "loop"
		root.AddCommand(c)
	}
	for _, c := range []*cobra.Command{
		p.demoCmd(), p.sandboxCmd(), p.explainCmd(), p.runsCmd(), p.diffCmd(), p.rulesCmd(), p.waiversCmd(), p.evidenceCmd(),
		p.doctorCmd(), p.iamPolicyCmd(), p.configCmd(), p.versionCmd(),
	} {
		c.GroupID = "more"
		root.AddCommand(c)
	}
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	root.SetOut(plainly{p.out, p.style}) // the completion command remembers where to write
	root.InitDefaultHelpCmd()            // cobra would add both later, without the exit codes
	root.InitDefaultCompletionCmd()
	ownHelp(root)
	withExitCodes(root)
	p.completed(root)
	if p.style.Width > 0 {
		foldHelp(root, p.style.Width)
	}
	root.AddCommand(exitCodesCmd())
	return root
}

// noArgs and exactly are cobra's checks as usage errors.
func noArgs(cmd *cobra.Command, args []string) error {
	err := cobra.NoArgs(cmd, args)
	if err == nil {
		return nil
	}
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2 // as cobra's own check has it
	}
	if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
		return usageNext(cmd.CommandPath()+" "+meant[0]+" --help", "%w", err)
	}
	return &usageError{err}
}

func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(n)(cmd, args); err != nil {
			return usage("%s: %w", cmd.CommandPath(), err)
		}
		return nil
	}
}

func atLeast(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.MinimumNArgs(n)(cmd, args); err != nil {
			return usage("%s: %w", cmd.CommandPath(), err)
		}
		return nil
	}
}

// exitCodeHelp is the list of exit codes with their meanings.
func exitCodeHelp() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for code, meaning := range exitMeanings() {
		b.WriteString("  " + strconv.Itoa(code) + "  " + meaning + "\n")
	}
	b.WriteString("Where several hold, the first of 1, 2, 3, 5, 6, 4.")
	return b.String()
}

// exitCodesOf are the codes that a command can end with, as its help shows them.
func exitCodesOf(path string) string {
	var words []string
	for code, meaning := range exitMeanings() {
		if code <= exitUsage || slices.Contains(canEnd()[path], code) {
			word, _, _ := strings.Cut(meaning, ":")
			words = append(words, strconv.Itoa(code)+" "+word)
		}
	}
	return "Exit codes (" + exitTopic + " says what they mean):\n  " + strings.Join(words, ", ")
}

const exitTopic = "keyrotor help exit-codes"

// exitCodesCmd is a page of help, and no command.
func exitCodesCmd() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodeHelp()}
}

// withExitCodes puts the exit codes into the help of c and of every command
// below it.
func withExitCodes(c *cobra.Command) {
	c.Long = strings.TrimSpace(cmp.Or(c.Long, c.Short+".")) + "\n\n" + exitCodesOf(c.CommandPath())
	for _, sub := range c.Commands() {
		if !sub.IsAdditionalHelpTopicCommand() {
			withExitCodes(sub)
		}
	}
}

// styleOf looks at where output goes.
func styleOf(f *os.File, env func(string) string) report.Style {
	var s report.Style
	if term.IsTerminal(int(f.Fd())) {
		s.Color = env("NO_COLOR") == "" && env("TERM") != "dumb"
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			s.Width = w
		}
	}
	locale := cmp.Or(env("LC_ALL"), env("LC_CTYPE"), env("LANG"))
	s.ASCII = s.Width > 0 && locale != "" && !strings.Contains(strings.ToUpper(locale), "UTF")
	return s
}
