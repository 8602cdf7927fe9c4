package main

import (
	"cmp"
	"errors"
	"io"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// output remembers the first error of writing results: a report that did not
// reach a full disk must not end as a success, whoever printed it.
type output struct {
	to     io.Writer
	failed error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.to.Write(b)
	if err != nil && o.failed == nil {
		o.failed = &unprinted{err}
	}
	if err != nil {
		err = o.failed // the one error by which beside knows it
	}
	return n, err
}

// unprinted is why results could not be written. It says nothing of the work:
// that was done, and is kept.
type unprinted struct{ err error }

func (u *unprinted) Error() string { return "the result could not be printed: " + u.err.Error() }
func (u *unprinted) Unwrap() error { return u.err }

// beside is what failed beside the printing of results; nil when that was all.
func beside(err error) error {
	var printing *unprinted
	if !errors.As(err, &printing) {
		return err
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return nil
	}
	var others []error
	for _, e := range joined.Unwrap() {
		others = append(others, beside(e))
	}
	return errors.Join(others...)
}

// keeping is what a command has kept, and what shows it to whom the results did
// not reach.
type keeping struct{ what, next string }

// keeps remembers what this command has kept, for the case that its results
// cannot be printed.
func (p *program) keeps(what, next string) { p.kept = keeping{report.Clean(what), next} }

// notPrinted says what holds where the work was done and its results reached
// nobody.
func (p *program) notPrinted(err error) error {
	return &keyrotor.Problem{
		Err:  err,
		Now:  cmp.Or(p.kept.what, "the command itself was carried out"),
		Next: cmp.Or(p.kept.next, "the same command again, with its output where there is room"),
	}
}
