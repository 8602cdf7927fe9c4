// Package verify holds what a change promised against a second, fresh look. It
// shares no code with what made the change.
//
// The package is pure: one call compares once. KMS is eventually consistent,
// so its caller looks again, with patience and a limit, until Settled.
package verify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Compare says what a fresh look says of an outcome. fresh is nil when there
// was none; readErr is why it could not be had.
func Compare(run keyrotor.RunID, change keyrotor.Change, outcome keyrotor.Outcome, fresh *keyrotor.Asset, readErr error, now time.Time) keyrotor.Verification {
	v := keyrotor.Verification{
		Schema: keyrotor.SchemaVerification, Version: keyrotor.SchemaVersion, Run: run,
		Change: change.ID, Target: target(change, fresh), Promised: Promise(change),
		Verdict: keyrotor.Confirmed, At: now.UTC(), Looks: 1,
	}
	switch {
	case errors.Is(readErr, keyrotor.ErrNotFound):
		return is(v, keyrotor.Discrepant, "does not exist", "the service knows no such key")
	case readErr != nil:
		return is(v, keyrotor.Unreadable, "could not be read", readErr.Error())
	case fresh == nil:
		return is(v, keyrotor.Unreadable, "was not looked at", "")
	case fresh.KMS == nil:
		return is(v, keyrotor.Unreadable, "is of a kind that cannot be compared", "")
	}
	v.Key = seen(fresh.KMS)
	l := look{Verification: &v, change: change, outcome: outcome, asset: *fresh, key: fresh.KMS, now: now}
	switch {
	case outcome.State != keyrotor.RolledBack:
		l.compare(change.Steps)
	case len(change.Undo) == 0:
		v.Promised = "as before"
		return is(v, keyrotor.Unreadable, "cannot be compared", "the plan does not say how it was before")
	default:
		v.Promised = "as before: " + promises(change.Undo)
		l.compare(change.Undo)
	}
	v.Found = strings.Join(l.found, ", ")
	return v
}

// seen keeps what was found apart from what it is compared with.
func seen(k *keyrotor.KMSFacts) *keyrotor.FoundKey {
	found := &keyrotor.FoundKey{State: k.State, Rotation: k.Rotation}
	found.MaterialSince, _ = k.MaterialSince()
	return found
}

// Settled reports whether another look can only say the same: a confirmed
// verification needs none, everything else may be KMS taking its time.
func Settled(v keyrotor.Verification) bool { return v.Verdict == keyrotor.Confirmed }

func is(v keyrotor.Verification, verdict keyrotor.VerificationVerdict, found, detail string) keyrotor.Verification {
	v.Verdict, v.Found = verdict, found
	if detail != "" {
		v.Details = append(v.Details, detail)
	}
	return v
}

// target names a key that the change has made, once it is known.
func target(c keyrotor.Change, fresh *keyrotor.Asset) keyrotor.Target {
	if c.Target.ID == "" && fresh != nil && fresh.ID != "" {
		return fresh.Target()
	}
	return c.Target
}

// look is one comparison on its way.
type look struct {
	*keyrotor.Verification
	change  keyrotor.Change
	outcome keyrotor.Outcome
	asset   keyrotor.Asset
	key     *keyrotor.KMSFacts
	now     time.Time
	found   []string
}

func (l *look) compare(steps []keyrotor.Step) {
	switch l.key.State {
	case "PendingDeletion", "PendingReplicaDeletion":
		// Its rotation reads as off while it waits, whatever was set before.
		l.find("pending deletion")
		l.discrepant("the key is pending deletion: its settings are locked and cannot be compared")
		return
	case "Enabled", "":
	default:
		l.detail("the key is in state %s: it does not rotate until it is enabled again", l.key.State)
	}
	for _, s := range steps {
		switch s.Verb {
		case keyrotor.EnableRotation, keyrotor.SetPeriod:
			l.rotates(s)
		case keyrotor.DisableRotation:
			l.rotatesNot()
		case keyrotor.RotateNow:
			l.rotated(s)
		case keyrotor.CreateKey:
			l.created(s)
		case keyrotor.CreateAlias:
			l.aliased(s.Params.Alias)
		case keyrotor.TagKey:
			l.tagged(s)
		case keyrotor.UntagKey:
			l.untagged(s)
		default:
			l.unreadable("cannot compare the step %s", s.Verb)
		}
	}
}

func (l *look) find(format string, args ...any) {
	l.found = append(l.found, fmt.Sprintf(format, args...))
}

func (l *look) detail(format string, args ...any) {
	l.Details = append(l.Details, fmt.Sprintf(format, args...))
}

func (l *look) discrepant(format string, args ...any) {
	l.Verdict = keyrotor.Discrepant
	l.detail(format, args...)
}

// unreadable never softens a discrepancy that another step has shown.
func (l *look) unreadable(format string, args ...any) {
	if l.Verdict == keyrotor.Confirmed {
		l.Verdict = keyrotor.Unreadable
	}
	l.detail(format, args...)
}
