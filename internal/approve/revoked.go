package approve

import (
	"errors"
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
)

// VerifyBegun is Verify for a plan that was begun under allowed signers which
// were edited since. What was begun may be finished by the signers then in force,
// as of at; the file of today can only take away: an approval whose key may not
// sign for its principal now does not count, and whoever is one person by either
// file is one person.
func VerifyBegun(p keyrotor.Plan, digestOf func(keyrotor.Plan) (keyrotor.Digest, error), approvals []keyrotor.Approval, then, today *AllowedSigners, at, now time.Time) (Result, error) {
	standing, gone := unrevoked(approvals, today, now)
	first, err := verify(p, digestOf, standing, then, newPersons(then, today), at)
	if err != nil {
		return first, withReasons(err, gone)
	}
	second, err := verify(p, digestOf, standing, today, newPersons(then, today), at)
	if err != nil {
		return second, withReasons(err, gone)
	}
	second.Ignored = append(second.Ignored, gone...)
	if first.Expires.Before(second.Expires) {
		second.Expires = first.Expires
	}
	return second, nil
}

// unrevoked are the approvals whose key still may sign for its principal, and why
// the others do not count.
func unrevoked(approvals []keyrotor.Approval, today *AllowedSigners, now time.Time) (standing []keyrotor.Approval, gone []string) {
	for _, a := range approvals {
		if err := revoked(a, today, now); err != nil {
			gone = append(gone, fmt.Sprintf("approval of %q: the allowed signers of today: %v", a.Principal, err))
			continue
		}
		standing = append(standing, a)
	}
	return standing, gone
}

func revoked(a keyrotor.Approval, today *AllowedSigners, now time.Time) error {
	message, err := Canonical(a.Statement)
	if err != nil {
		return err
	}
	sig, err := openSignature(message, []byte(a.Signature), Namespace)
	if err != nil {
		return err
	}
	return today.Check(a.Principal, sig.PublicKey, Namespace, now)
}

// withReasons adds to a refusal what the file of today took away.
func withReasons(err error, gone []string) error {
	var refusal *keyrotor.Refusal
	if errors.As(err, &refusal) {
		refusal.Why = append(refusal.Why, gone...)
	}
	return err
}
