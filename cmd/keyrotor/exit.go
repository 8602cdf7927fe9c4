package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
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
		exitFindings: "findings: rules at or above --fail-on, tests of rules, or a record that was changed",
		exitPart:     "done in part: gaps, failed or discrepant changes",
		exitWaiting:  "waiting: a later run of the same command goes on",
	}
}

// canEnd are the codes beside 0, 1 and 2 that each command can end with. Its help
// names them, and the scripts of the tests hold every command to it.
func canEnd() map[string][]int {
	return map[string][]int{
		"keyrotor":                 {exitRefused, exitFindings, exitPart, exitWaiting},
		"keyrotor scan":            {exitRefused, exitPart, exitWaiting},
		"keyrotor assess":          {exitRefused, exitFindings, exitPart},
		"keyrotor plan":            {exitRefused, exitPart, exitWaiting},
		"keyrotor plan show":       {exitRefused},
		"keyrotor plan set-period": {exitRefused},
		"keyrotor plan rotate-now": {exitRefused},
		"keyrotor plan tag":        {exitRefused},
		"keyrotor plan create-key": {exitRefused},
		"keyrotor approve":         {exitRefused, exitWaiting},
		"keyrotor apply":           {exitRefused, exitPart, exitWaiting},
		"keyrotor verify":          {exitRefused, exitPart, exitWaiting},
		"keyrotor report":          {exitRefused},
		"keyrotor demo":            {exitRefused, exitPart, exitWaiting},
		"keyrotor explain":         {exitRefused},
		"keyrotor diff":            {exitRefused, exitPart},
		"keyrotor rules test":      {exitFindings},
		"keyrotor waivers sign":    {exitRefused},
		"keyrotor evidence verify": {exitFindings},
		"keyrotor doctor":          {exitRefused, exitPart, exitWaiting},
		"keyrotor config check":    {exitRefused},
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

// usageNext is a usage error that knows the way out.
func usageNext(next, format string, args ...any) error {
	return &keyrotor.Problem{Err: usage(format, args...), Now: "nothing was read or changed", Next: next}
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
