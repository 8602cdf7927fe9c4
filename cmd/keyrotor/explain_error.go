package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/report"
)

// explainError is the one place that turns an error into what a person reads:
// what failed, what holds now, what to do next. cmd is the command that failed.
func (p *program) explainError(cmd *cobra.Command, err error) {
	head, rest, _ := strings.Cut(headline(err), "\n")
	p.complain("keyrotor: ", said(head), 2)
	for line := range strings.SplitSeq(rest, "\n") {
		if line != "" {
			fmt.Fprintf(p.err, "  %s\n", said(line)) // a line of a file keeps its columns
		}
	}
	for _, part := range p.parts(cmd, err) {
		label := part[0]
		for line := range strings.SplitSeq(part[1], "\n") {
			if line != "" {
				lead := fmt.Sprintf("  %-5s ", label)
				if part[0] == "next" {
					p.showLine(p.err, p.errStyle, lead, line)
				} else {
					p.complain(lead, said(line), len(lead))
				}
				label = ""
			}
		}
	}
}

// complain writes a line about an error; on a terminal it is broken between words.
func (p *program) complain(lead, text string, indent int) {
	for _, line := range report.Hang(p.errStyle, lead, text, indent) {
		fmt.Fprintln(p.err, line)
	}
}

// showLine writes a next step. A command is never broken, for it is to be pasted:
// where the words about it do not fit beside it, they stand below.
func (p *program) showLine(to io.Writer, style report.Style, lead, line string) {
	line = report.Clean(line)
	command, about, has := strings.Cut(line, "   ")
	fits := style.Width <= 0 || ansi.StringWidth(lead+line) <= style.Width
	switch {
	case fits:
		fmt.Fprintf(to, "%s%s\n", lead, line)
	case has && strings.HasPrefix(command, "keyrotor"):
		fmt.Fprintf(to, "%s%s\n", lead, command)
		blank := strings.Repeat(" ", ansi.StringWidth(lead)+2)
		for _, part := range report.Hang(style, blank, strings.TrimSpace(about), len(blank)) {
			fmt.Fprintln(to, part)
		}
	case strings.HasPrefix(line, "keyrotor"):
		fmt.Fprintf(to, "%s%s\n", lead, line)
	default:
		for _, part := range report.Hang(style, lead, line, ansi.StringWidth(lead)) {
			fmt.Fprintln(to, part)
		}
	}
}

// headline is what failed.
func headline(err error) string {
	var refusal *keyrotor.Refusal
	var problem *keyrotor.Problem
	switch {
	case errors.As(err, &refusal):
		return refusal.What
	case errors.As(err, &problem):
	case !errors.Is(err, apply.ErrRecord) && !errors.Is(err, apply.ErrStopped) && errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return err.Error()
}

// parts are why, what holds now, and the safe next command.
func (p *program) parts(cmd *cobra.Command, err error) [][2]string {
	var (
		refusal *keyrotor.Refusal
		problem *keyrotor.Problem
		notYet  *keyrotor.NotYet
		again   = p.again()
	)
	parts := func(now, next string) [][2]string {
		return [][2]string{{"now", now}, {"next", p.pasted(cmd, next)}}
	}
	switch {
	case errors.As(err, &refusal):
		var why [][2]string
		for _, line := range refusal.Why {
			why = append(why, [2]string{"why", line})
		}
		return append(why, parts(cmp.Or(refusal.Now, "nothing was changed in AWS"), refusal.Next)...)
	case errors.As(err, &problem):
		return parts(problem.Now, problem.Next)
	case errors.Is(err, apply.ErrRecord):
		return parts("no effect was begun after that; the outcomes above say what holds", "mend what keeps the record from being written, then the same command again:\n"+again)
	case errors.As(err, &notYet):
		return parts("what has begun goes on at AWS; later waves were not started", again+"   from then on: it takes up where it stopped")
	case errors.Is(err, apply.ErrStopped):
		return parts("later waves were not started; the outcomes above say what holds", "keyrotor explain KEY   for a key whose change failed\n"+again+"   then this: it takes up where it stopped")
	case errors.Is(err, context.Canceled):
		return parts("what was under way has ended and is recorded", again+"   apply takes up where it stopped, a scan begins anew")
	case exitCodeOf(err) == exitUsage && errors.Is(err, keyrotor.ErrNotFound):
		return parts("nothing was read or changed", p.runsToName(cmd))
	case exitCodeOf(err) == exitUsage:
		return parts("nothing was read or changed", cmd.CommandPath()+" --help")
	}
	return parts(p.hint(err))
}

// ofARun is how every reader of a run names the file that it could not read.
var ofARun = regexp.MustCompile(`\brun \d{8}T\d{6}Z-[0-9a-f]+: [a-z./0-9TZ-]+\.jsonl?\b`)

// damaged reports a file of a run that holds something else than keyrotor wrote.
func damaged(err error) bool {
	wrong := errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError)) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	return wrong && ofARun.MatchString(err.Error())
}

// hint knows the causes that users meet most and no stage turned into parts.
func (p *program) hint(err error) (now, next string) {
	text := err.Error()
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	now = "nothing was changed by this command"
	switch {
	case damaged(err):
		return now, stateCheck + "   says what else of the record was changed\nkeyrotor scan   begins another run, and needs nothing of this one"
	case errors.Is(err, fs.ErrPermission):
		return now, "run it as the user to whom that file belongs, or give another folder with --state DIR"
	case has("ExpiredToken"):
		return now, "sign in again (aws sso login, or whatever renews your credentials), then the same command:\n" + p.again()
	case has("get credentials", "no EC2 IMDS role found", "failed to refresh cached credentials"):
		return now, "give credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), and have them checked:\nkeyrotor doctor"
	case has("AccessDenied", "UnrecognizedClient", "InvalidClientTokenId"):
		return now, "keyrotor doctor   says which permission is missing and where"
	case has("request send failed", "failed to resolve service endpoint", "deserialization failed"):
		return now, "see that what answers there is AWS and can be reached: network, proxy, AWS_ENDPOINT_URL, AWS_REGION; then the same command"
	}
	return now, "keyrotor doctor   checks credentials, roles, permissions and clock"
}
