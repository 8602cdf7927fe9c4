// Package rotate does the five verbs of a credential change once, for every
// store and every engine:
//
//	create-pending ▶ install ▶ try ▶ promote ▶ (grace) ▶ retire
//	                    └▶ put-back ▶ drop-pending    where the new one is refused (BackOut)
//
// A Store keeps the versions of a secret (Secrets Manager, SSM); an Engine is
// the target that the credential opens (PostgreSQL, IAM). Neither knows the
// other: an Actor joins them, and apply sees only the Actor. Secret values pass
// through the calls of these interfaces and nowhere else.
//
// Where the token of the change stands among the labels decides before any
// login is tried:
//
//	current                 the first four steps are done (even if it is also pending)
//	pending                 ask the target
//	previous, or no label   superseded: keyrotor.ErrConflict, never installed
//	unknown to the store    nothing was stored yet
//
// so that a late resume cannot bring a superseded credential back.
package rotate

import (
	"context"
	"errors"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Store keeps the versions of a secret. A version is named by the token it was
// staged with; labels say which one is current, pending and previous. After a
// call that changed something has returned, Read and Value show it: a store
// over an eventually consistent service waits for that itself. Methods may be
// called concurrently for different targets.
//
// Errors: keyrotor.ErrNotFound for a secret or version that is not there,
// keyrotor.ErrConflict where a method says so, *keyrotor.CallFailed for a
// definite refusal; all else leaves the effect in doubt. Request ids: Answered.
type Store interface {
	// Read tells the labels as they are, and no value. Pending on the version
	// that is current is a rotation that is through, on any other one that is
	// under way.
	Read(ctx context.Context, t keyrotor.Target) (Versions, error)
	// Value is the secret of one version; keyrotor.ErrNotFound when the version
	// holds none, as the placeholder that Secrets Manager registers before it
	// calls a rotation function.
	Value(ctx context.Context, t keyrotor.Target, version string) (keyrotor.Secret, error)
	// Stage stores a new version named by token and moves the label pending to
	// it. Twice with the same value is once, and moves no label again;
	// keyrotor.ErrConflict when the token holds another value already.
	Stage(ctx context.Context, t keyrotor.Target, token string, s keyrotor.Secret) error
	// Promote moves the label current from version from to token, and the
	// label previous to from, in one act; keyrotor.ErrConflict when current is
	// neither of the two. The label pending may stay on token, as it does in
	// Secrets Manager, until the next Stage moves it.
	Promote(ctx context.Context, t keyrotor.Target, token, from string) error
	// Drop takes the labels previous and pending off the version, which may then
	// vanish; nothing happens when the version carries neither.
	Drop(ctx context.Context, t keyrotor.Target, version string) error
}

// Engine is the target of a credential. It reads whose credential it is (user,
// host) from the Secret, and compares them with its own settings before it
// sends a stored value anywhere. Errors and request ids are as with Store; an
// error never repeats a statement that carries a value.
type Engine interface {
	// Mint makes the next credential. It has no effect on the target, except
	// with a Provider. All that names the credential, such as which of two
	// twin users it is for, is chosen here and read from the value ever after.
	Mint(ctx context.Context, current keyrotor.Secret, token string) (keyrotor.Secret, error)
	// Install makes the target accept pending; twice is once.
	Install(ctx context.Context, current, pending keyrotor.Secret) error
	// Try logs in with the credential and does what the application needs. It
	// waits out the target's own propagation of a new credential. ErrLogin when
	// the target refuses the credential; any other error tells nothing of it.
	Try(ctx context.Context, s keyrotor.Secret) error
	// Retire ends old, which current has replaced; twice is once, and nothing
	// happens when old is dead already. It never touches what current uses.
	Retire(ctx context.Context, current, old keyrotor.Secret) error
}

// ErrLogin says that the target answered and does not accept the credential.
var ErrLogin = errors.New("the target does not accept the credential")

// Provider is an Engine whose other side makes the values: IAM, an API vendor.
// Its Mint has an effect, and shows the value only once, so that a crash
// between Mint and Stage leaves a key that nobody can use: an orphan.
type Provider interface {
	Engine
	// KeyID is the id of the key that the credential holds, "" when it holds none.
	KeyID(s keyrotor.Secret) string
	// Keys lists the keys of the account that current belongs to.
	Keys(ctx context.Context, current keyrotor.Secret) ([]Key, error)
	// Deactivate makes a key useless, in a way that a person can take back.
	Deactivate(ctx context.Context, current keyrotor.Secret, id string) error
	// Remove deletes a key; nothing happens when there is none.
	Remove(ctx context.Context, current keyrotor.Secret, id string) error
}

// Key is one key at a Provider.
type Key struct {
	ID      string
	Created time.Time // often whole seconds
	// Label holds the token of the change that made the key, where the
	// provider has a name or description to put it in.
	Label  string
	Active bool
}

// Strategy says how many credentials live side by side.
type Strategy string

// The strategies. Two credentials is for targets with a second slot: Redis,
// MySQL's dual passwords, and providers that mint.
const (
	SingleUser       Strategy = "single-user"
	AlternatingUsers Strategy = "alternating-users"
	TwoCredentials   Strategy = "two-credentials"
)

// Steps are the five steps of a credential change. With a single user the old
// password dies when the new one is installed, so install to promote is a
// stretch in which nobody stops. Before must name the current version, and
// with a provider the ids of its keys: against them a resumed step tells what
// is its own.
func Steps(st Strategy, t keyrotor.Target, p keyrotor.Params, before keyrotor.Before) []keyrotor.Step {
	p.Strategy = string(st)
	verbs := []keyrotor.Verb{keyrotor.CreatePending, keyrotor.Install, keyrotor.Try, keyrotor.Promote, keyrotor.Retire}
	steps := make([]keyrotor.Step, 0, len(verbs))
	for i, v := range verbs {
		s := keyrotor.Step{Number: i + 1, Verb: v, Target: t, Params: p, Before: before}
		if st == SingleUser && v != keyrotor.CreatePending && v != keyrotor.Retire {
			s.Stretch = 1
		}
		steps = append(steps, s)
	}
	return steps
}
