package apply

import (
	"errors"

	"github.com/keyrotor/keyrotor"
)

// withoutEffect reports whether an error of Do says for certain that the call
// changed nothing. A refusal inside a doubt is an earlier one: the doubt counts.
// A doubt inside a refusal tells only that nobody answered a call that changes
// nothing anyway.
func withoutEffect(err error) bool {
	var (
		refused *keyrotor.CallFailed
		notYet  *keyrotor.NotYet
		doubt   *keyrotor.InDoubt
	)
	if errors.As(err, &refused) {
		if !errors.As(err, &doubt) {
			return true
		}
		var inside *keyrotor.CallFailed
		return !errors.As(doubt.Err, &inside) && errors.As(refused.Err, &doubt)
	}
	if errors.As(err, &doubt) {
		return false
	}
	return errors.As(err, &notYet) || errors.Is(err, keyrotor.ErrConflict) || errors.Is(err, keyrotor.ErrNotFound)
}

// inDoubt gives an error of Do that is not known to be without effect the type
// that says so, or what is joined to it later, such as the refusal of a look,
// would be taken for the answer to the call.
func inDoubt(err error) error {
	var doubt *keyrotor.InDoubt
	if errors.As(err, &doubt) {
		return err
	}
	return &keyrotor.InDoubt{Err: err}
}

// answered reports whether somebody refused a step. A call that found nobody
// tells nothing of whether the next will be refused.
func answered(err error) bool {
	var (
		refused *keyrotor.CallFailed
		doubt   *keyrotor.InDoubt
	)
	return errors.As(err, &refused) && !errors.As(err, &doubt)
}

// lookFailed is the error of a step that made no call, for it could not look.
type lookFailed struct {
	which string
	err   error
}

func (l *lookFailed) Error() string { return l.which + ": " + l.err.Error() }
func (l *lookFailed) Unwrap() error { return l.err }

// unseen is the error that a step's tries ended with. Where a call of theirs has
// no answer, a refused look after it is none either. The last step of a stretch
// is left out, for turnBack waits until it knows what became of that.
func unseen(c keyrotor.Change, at int, doubt bool, err error) error {
	var look *lookFailed
	if doubt && answered(err) && at != lastOfStretch(c, c.Steps[at].Stretch) && errors.As(err, &look) {
		return inDoubt(err)
	}
	return err
}
