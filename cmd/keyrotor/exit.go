package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/report"
)

// Exit codes; docs/errors.md and every command's help list the same, and a
// test compares them.
const (
	exitDone     = 0
	exitBroken   = 1
	exitUsage    = 2
	exitRefused  = 3
	exitFindings = 4
	exitPart     = 5
	exitWaiting  = 6
)

// exitMeanings are the words of the exit codes, in numeric order.
func exitMeanings() []string {
	return []string{
		exitDone:     "done",
		exitBroken:   "broken: something unforeseen failed",
		exitUsage:    "usage: a flag, argument or configuration is wrong",
		exitRefused:  "refused: an approval or a guard said no; nothing was changed",
		exitFindings: "findings at or above --fail-on",
		exitPart:     "done in part: gaps, failed or discrepant changes",
		exitWaiting:  "waiting: a later run of the same command goes on",
	}
}

// result is the code a command ends with when nothing broke; several may hold.
type result struct{ codes []int }

func (r *result) add(code int) { r.codes = append(r.codes, code) }

// code is the first of 1, 2, 3, 5, 6, 4 that holds, else 0.
func (r *result) code() int {
	for _, c := range []int{exitBroken, exitUsage, exitRefused, exitPart, exitWaiting, exitFindings} {
		for _, held := range r.codes {
			if held == c {
				return c
			}
		}
	}
	return exitDone
}

// usageError is a mistake in what the user typed or wrote.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usage(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// exitCodeOf turns an error into the program's exit code.
func exitCodeOf(err error) int {
	var (
		refusal *keyrotor.Refusal
		wrong   *usageError
		notYet  *keyrotor.NotYet
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &wrong):
		return exitUsage
	case errors.As(err, &refusal):
		return exitRefused
	case errors.Is(err, apply.ErrRecord):
		return exitBroken
	case errors.As(err, &notYet): // also where it stopped a run: a canary is under way
		return exitWaiting
	case errors.Is(err, apply.ErrStopped):
		return exitPart
	case errors.Is(err, context.Canceled):
		return exitWaiting
	}
	return exitBroken
}

// explain is the one place that turns an error into what a person reads: what
// failed, what holds now, what to do next.
func explain(w io.Writer, err error) {
	var (
		refusal *keyrotor.Refusal
		problem *keyrotor.Problem
		lines   [][2]string
		first   = err.Error()
	)
	switch {
	case errors.As(err, &refusal):
		first = refusal.What
		for _, why := range refusal.Why {
			lines = append(lines, [2]string{"why", why})
		}
		lines = append(lines, [2]string{"now", orText(refusal.Now, "nothing was changed in AWS")}, [2]string{"next", refusal.Next})
	case errors.As(err, &problem):
		lines = append(lines, [2]string{"now", problem.Now}, [2]string{"next", problem.Next})
	case errors.Is(err, apply.ErrRecord):
		lines = append(lines, [2]string{"now", "no effect was begun after that; the outcomes above say what holds"}, [2]string{"next", "mend what keeps the record from being written, then the same command again"})
	case errors.Is(err, apply.ErrStopped):
		lines = append(lines, [2]string{"now", "later waves were not started; the outcomes above say what holds"}, [2]string{"next", "keyrotor explain KEY for a change that failed; then the same command again takes up where it stopped"})
	case errors.Is(err, context.Canceled):
		first = "interrupted"
		lines = append(lines, [2]string{"now", "what was under way has ended and is recorded"}, [2]string{"next", "the same command again: apply takes up where it stopped, a scan begins anew"})
	case exitCodeOf(err) == exitUsage:
		lines = append(lines, [2]string{"now", "nothing was read or changed"}, [2]string{"next", "keyrotor --help, or the help of the command"})
	default:
		now, next := hint(err)
		lines = append(lines, [2]string{"now", now}, [2]string{"next", next})
	}
	head, rest, _ := strings.Cut(first, "\n")
	fmt.Fprintf(w, "keyrotor: %s\n", report.Clean(head))
	for line := range strings.SplitSeq(rest, "\n") {
		if line != "" {
			fmt.Fprintf(w, "  %s\n", report.Clean(line))
		}
	}
	for _, l := range lines {
		if l[1] != "" {
			fmt.Fprintf(w, "  %-5s %s\n", l[0], report.Clean(l[1]))
		}
	}
}

// hint knows the causes that users meet most and no stage turned into parts.
func hint(err error) (now, next string) {
	text := err.Error()
	now = "nothing was changed by this command"
	switch {
	case errors.Is(err, fs.ErrPermission):
		return now, "run it as the user to whom that file belongs, or give another folder with --state DIR"
	case strings.Contains(text, "ExpiredToken"):
		return now, "sign in again (aws sso login, or whatever renews your credentials), then the same command"
	case strings.Contains(text, "get credentials"), strings.Contains(text, "no EC2 IMDS role found"), strings.Contains(text, "failed to refresh cached credentials"):
		return now, "give credentials: AWS_PROFILE, AWS_ACCESS_KEY_ID …; keyrotor doctor checks them"
	case strings.Contains(text, "AccessDenied"), strings.Contains(text, "UnrecognizedClient"), strings.Contains(text, "InvalidClientTokenId"):
		return now, "keyrotor doctor says which permission is missing and where"
	case strings.Contains(text, "request send failed"), strings.Contains(text, "failed to resolve service endpoint"), strings.Contains(text, "deserialization failed"):
		return now, "see that what answers there is AWS and can be reached: network, proxy, AWS_ENDPOINT_URL, AWS_REGION; then the same command"
	}
	return now, "keyrotor doctor checks credentials, roles, permissions and clock"
}

func orText(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
