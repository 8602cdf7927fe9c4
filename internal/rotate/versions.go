package rotate

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// Versions says which version of a secret carries which label; "" for none.
// One version may carry several: pending may stay on the version that is current.
type Versions struct {
	Current  string
	Pending  string
	Previous string
	// Bare are the versions known to the store that carry none of the three.
	Bare []string
}

// standing is where a token stands among the labels.
type standing int

const (
	absent standing = iota // unknown to the store
	pending
	current
	superseded // previous, or known and without a label
)

func (v Versions) stand(token string) standing {
	switch {
	case token == v.Current:
		return current
	case token == v.Previous:
		return superseded // even if somebody labelled it pending again
	case token == v.Pending:
		return pending
	case slices.Contains(v.Bare, token):
		return superseded
	}
	return absent
}

// underWay reports whether some rotation was begun and not ended. A pending label
// on the current version is what a rotation that is through has left behind.
func (v Versions) underWay() bool { return v.Pending != "" && v.Pending != v.Current }

// conflict says that the labels are not as the step's change left or planned
// them, and nil when they are. It is asked before any value is read or any
// login tried; a token that is current is past all of it.
func (v Versions) conflict(s keyrotor.Step) error {
	if s.Verb == keyrotor.PutBack || s.Verb == keyrotor.DropPending {
		return v.conflictBack(s)
	}
	at := v.stand(s.Token)
	switch {
	case at == current:
		return nil
	case at == superseded && s.Verb == keyrotor.Retire:
		return fmt.Errorf("%w: %w: version %s was superseded before %s was retired, %s is current",
			keyrotor.ErrConflict, keyrotor.ErrSuperseded, s.Token, cmp.Or(s.Before.VersionID, "the old version"), v.Current)
	case at == superseded:
		return fmt.Errorf("%w: %w: version %s was superseded, %s is current", keyrotor.ErrConflict, keyrotor.ErrSuperseded, s.Token, v.Current)
	case v.Current == "":
		return fmt.Errorf("%w: there is no current version to rotate from", keyrotor.ErrConflict)
	case s.Before.VersionID != "" && v.Current != s.Before.VersionID:
		return fmt.Errorf("%w: %w: version %s is current, the plan saw %s; version %s is not used",
			keyrotor.ErrConflict, keyrotor.ErrSuperseded, v.Current, s.Before.VersionID, s.Token)
	case at == absent && v.underWay():
		return fmt.Errorf("%w: another rotation is not finished, version %s is pending", keyrotor.ErrConflict, v.Pending)
	case at == absent && s.Verb != keyrotor.CreatePending:
		return fmt.Errorf("%w: version %s is not in the store any more", keyrotor.ErrConflict, s.Token)
	}
	return nil
}
