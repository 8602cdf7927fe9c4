package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// planArg stands for the plan's file in the commands that stages name: they do
// not know what the user called it.
const planArg = "PLAN.json"

// stateCheck is how a stage, which knows no folders, asks for a check of the record.
const stateCheck = "keyrotor evidence verify STATE"

// pasted turns the next commands as stages know them, one a line, into what can
// be pasted here: with the configuration, state and run of this command line,
// and with the plan's own path. Lines that are no commands stay as they are.
func (p *program) pasted(cmd *cobra.Command, next string) string {
	lines := strings.Split(next, "\n")
	for i, line := range lines {
		path := planOf(cmd)
		if path == "" && strings.Contains(line, planArg) {
			path = p.latestPlan()
		}
		if rest, check := strings.CutPrefix(line, stateCheck); check {
			line = "keyrotor evidence verify " + p.stateWord() + rest
		}
		switch {
		case path != "":
			line = strings.ReplaceAll(p.signing(line, path), planArg, pathWord(path))
		case strings.HasPrefix(line, "keyrotor ") && strings.Contains(line, planArg):
			line = p.planFirst()
		}
		var all []string
		for l := range strings.SplitSeq(line, "\n") {
			all = append(all, p.withFlags(l))
		}
		lines[i] = strings.Join(all, "\n")
	}
	return strings.Join(lines, "\n")
}

// signing completes the command with which somebody signs the plan.
func (p *program) signing(line, path string) string {
	switch line {
	case "keyrotor approve " + planArg:
		return p.nextApprover(path, !p.terminal)
	case "keyrotor approve --all " + planArg:
		return p.nextApprover(path, true)
	}
	return line
}

// nextApprover is how the next person signs. Whose key that will be cannot be
// known here.
func (p *program) nextApprover(path string, whole bool) string {
	all := ""
	if whole {
		all = " --all"
	}
	return "keyrotor approve" + all + " --key KEY " + pathWord(path) + "\n" + aboutKey
}

const aboutKey = "KEY is the approver's SSH private key, or the .pub file of a key in their ssh-agent"

// stateWord is the state's folder, to be pasted.
func (p *program) stateWord() string {
	s, err := p.open()
	if err != nil {
		return "STATE" // which the reader knows
	}
	return pathWord(s.state.Dir())
}

// planFirst leads to a plan where there is none: by way of a scan, where there is no
// run either.
func (p *program) planFirst() string {
	s, err := p.open()
	if err == nil {
		if _, scanned, err := s.newest(isSurvey); err == nil && !scanned {
			return "keyrotor scan   begins the first run in " + s.state.Dir()
		}
	}
	return "keyrotor plan   makes one first"
}

// planOf is the plan that the command was given, "" when it takes none.
func planOf(cmd *cobra.Command) string {
	if cmd == nil || !strings.Contains(cmd.Use, planArg) {
		return ""
	}
	return cmd.Flags().Arg(0)
}

// nexts are the closing lines of a command, fit to be pasted.
func (p *program) nexts(all ...report.Next) []report.Next {
	for i := range all {
		all[i].Command = p.withFlags(all[i].Command)
	}
	return all
}

// withFlags gives a command the flags of this command line without which it
// would look elsewhere.
func (p *program) withFlags(line string) string {
	rest, ok := strings.CutPrefix(line, "keyrotor ")
	word, _, _ := strings.Cut(rest, " ")
	alone := []string{"sandbox", "demo", "version", "help", "completion"}
	if !ok || slices.Contains(alone, word) || strings.HasPrefix(rest, "evidence verify") || strings.Contains(rest, "--help") {
		return line
	}
	given := ""
	for _, f := range [][3]string{
		{"--config", p.flags.config, pathWord(p.flags.config)}, {"--state", p.flags.state, pathWord(p.flags.state)}, {"--run", p.flags.run, quoted(p.flags.run)},
	} {
		ofRun := slices.Contains([]string{"assess", "plan", "explain", "verify", "report"}, word) && !strings.Contains(line, "--undo") // which names its run
		if f[1] != "" && !strings.Contains(line, f[0]) && (ofRun || f[0] != "--run") {
			given += f[0] + " " + f[2] + " "
		}
	}
	return "keyrotor " + given + rest
}

// onRun is a command that shall work on a run: it names the run where the
// command by itself would take another one.
func (s *session) onRun(line string, run keyrotor.RunID) string {
	rest, _ := strings.CutPrefix(line, "keyrotor ")
	word, more, _ := strings.Cut(rest, " ")
	meant := isSurvey
	switch word {
	case "verify":
		meant = isVerifiable
	case "report":
		meant = isSurveyOrPlanned
	}
	// What cannot be told is named.
	if taken, found, err := s.newest(meant); err == nil && found && taken.ID() == run && s.flags.run == "" {
		return line
	}
	return strings.TrimSpace("keyrotor " + word + " --run " + quoted(string(run)) + " " + more)
}

// again is this command line once more, with flags that were missing.
func (p *program) again(missing ...string) string {
	args := slices.Clone(p.args)
	end := len(args)
	if i := slices.Index(args, "--"); i >= 0 {
		end = i // what follows is no flag
	}
	words := []string{"keyrotor"}
	for _, a := range slices.Insert(args, end, missing...) {
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ")
}

// pathWord is a path as a shell reads it back, and no flag.
func pathWord(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	return quoted(path)
}

// quoted is a word as a shell reads it back.
func quoted(s string) string {
	if report.Clean(s) != s {
		return quotedBytes(s)
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:,@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// quotedBytes is a word that a terminal must not be sent as it is, in the form
// that bash, zsh and ksh read back.
func quotedBytes(s string) string {
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\' || c == '\'':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c >= 0x7f:
			// In octal, which takes no more than three digits: a hexadecimal one would
			// swallow a letter that follows.
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}

// runsToName says which runs there are to whom named one that is not.
func (p *program) runsToName(cmd *cobra.Command) string {
	s, err := p.open()
	if err != nil {
		return cmd.CommandPath() + " --help"
	}
	latest := s.latestRuns(5)
	switch {
	case len(latest) == 0:
		return "keyrotor scan   begins the first run in " + s.state.Dir()
	case cmd.Name() == "diff" && len(latest) > 1:
		return diffOf(latest)
	}
	var ids []string
	for _, id := range slices.Backward(latest) {
		ids = append(ids, string(id))
	}
	return "name one of the runs in " + s.state.Dir() + ", the latest first: " + strings.Join(ids, ", ")
}

// diffOf compares the last two of the runs.
func diffOf(runs []keyrotor.RunID) string {
	last := runs[len(runs)-2:]
	return fmt.Sprintf("keyrotor diff %s %s   the two latest", last[0], last[1])
}

// twoRuns are the arguments of diff, or none for the two latest; who gave others
// learns which runs there are.
func (p *program) twoRuns(_ *cobra.Command, args []string) error {
	if len(args) == 2 {
		return nil
	}
	what := "keyrotor diff: takes the ids of two runs, or none for the two latest; received %d"
	s, err := p.open()
	if err != nil {
		return err
	}
	latest := s.latestRuns(2)
	if len(args) == 0 && len(latest) == 2 {
		return nil
	}
	if len(latest) < 2 {
		return usageNext("keyrotor scan", what+"; "+s.state.Dir()+" holds %s to compare", len(args), count(len(latest), "run"))
	}
	return usageNext(diffOf(latest), what, len(args))
}

// showNext closes a command: each line what is safe to run now, or words about it.
func (p *program) showNext(next string) {
	fmt.Fprintln(p.out)
	lead := "Next: "
	for line := range strings.SplitSeq(next, "\n") {
		p.showLine(p.out, p.style, lead, p.withFlags(line))
		lead = "      "
	}
}
