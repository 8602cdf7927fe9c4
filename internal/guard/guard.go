// Package guard holds reasons to refuse. Plan asks them of what the inventory
// saw, and apply asks them again of a fresh look, so that a change which no
// longer fits its target is left out with a sentence that says why.
//
// The package is pure: it reads no clock, file or network.
package guard

import (
	"github.com/keyrotor/keyrotor"
)

// Verdict is what a guard says of one step. The zero Verdict lets it go on.
type Verdict struct {
	// State is "" to go on, else keyrotor.Skipped, keyrotor.Unchanged, or
	// keyrotor.Waiting where a later look will tell.
	State  keyrotor.OutcomeState
	Reason string
}

// Stops reports whether the step must not be done.
func (v Verdict) Stops() bool { return v.State != "" }

// goOn lets a step be done.
var goOn = Verdict{}

func skip(reason string) Verdict { return Verdict{State: keyrotor.Skipped, Reason: reason} }

func unchanged(reason string) Verdict { return Verdict{State: keyrotor.Unchanged, Reason: reason} }

// Step says whether a step still fits what a fresh look saw of its target.
// Verbs it has no rule for go on: their actors check for themselves.
func Step(s keyrotor.Step, fresh keyrotor.Asset) Verdict {
	if s.Verb == keyrotor.CreateKey {
		return createKey(s, fresh)
	}
	rule, known := kmsRules()[s.Verb]
	if !known {
		return goOn
	}
	if fresh.KMS == nil {
		return skip("a fresh look told nothing of this key")
	}
	if fresh.KMS.AWSManaged() {
		return skip("AWS manages this key; nobody else can configure it")
	}
	if why := Undescribed(fresh); why != "" {
		return skip(why)
	}
	return rule(s, fresh)
}

func kmsRules() map[keyrotor.Verb]func(keyrotor.Step, keyrotor.Asset) Verdict {
	return map[keyrotor.Verb]func(keyrotor.Step, keyrotor.Asset) Verdict{
		keyrotor.EnableRotation:  enableRotation,
		keyrotor.SetPeriod:       setPeriod,
		keyrotor.DisableRotation: disableRotation,
		keyrotor.RotateNow:       rotateNow,
		keyrotor.CreateAlias:     createAlias,
		keyrotor.TagKey:          tagKey,
		keyrotor.UntagKey:        untagKey,
	}
}
