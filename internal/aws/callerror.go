package aws

import (
	"errors"
	"fmt"
	"net"

	"github.com/keyrotor/keyrotor"
)

// callError puts the error of a KMS call into the words of the house. A nil
// trace stands for a call that reads: there an absent answer is a failure like
// any other. For a call that changes something an absent or internal answer is
// *InDoubt, unless it is certain that nothing left the house.
//
//	refused by the service, or never sent     *CallFailed (given up by the caller: code Canceled)
//	no answer, 5xx, cut connection, no code   *InDoubt
func callError(call string, err error, t *trace) error {
	if err == nil {
		return nil
	}
	if t != nil && t.inDoubt(call) {
		return &keyrotor.InDoubt{Err: fmt.Errorf("%s: %w", call, err)}
	}
	failed := failedCall(call, err)
	code := codeOf(err)
	c := &keyrotor.CallFailed{
		CallError: keyrotor.CallError{Call: failed, Code: code, Message: errorMessage(err), RequestID: requestID(err)},
		Stop:      accessDenied(code) || badCredentials(code) || failed == callAssumeRole,
		Err:       err,
	}
	switch code {
	case "NotFoundException":
		c.Err = errors.Join(keyrotor.ErrNotFound, err)
	case "AlreadyExistsException":
		c.Err = errors.Join(keyrotor.ErrConflict, err)
	}
	if code == "Canceled" && t == nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return c
}

// doubtful reports whether an attempt that left the house may have taken effect
// although it ended in err.
func doubtful(err error) bool {
	if err == nil {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return false // no connection, no request
	}
	switch code := errorCode(err); {
	case isUnbelievable(err):
		return true
	case code == "KMSInternalException", code == "DependencyTimeoutException":
		return true
	case !namesCode(err):
		return true // by whatever status: AWS did not say that it refused
	case isThrottle(err):
		return false
	}
	return httpStatus(err) >= 500
}
