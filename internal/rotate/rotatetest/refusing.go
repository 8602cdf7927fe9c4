package rotatetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/rotate"
)

// Refusal is what a refusing target does with the credentials it is given.
type Refusal struct {
	// Deaf: installing a new credential is answered with success, and does nothing.
	Deaf bool
	// Forgets is how many times putting the old credential back is answered with
	// success, and does nothing.
	Forgets int
	// NeverBack: the old credential is refused when it is put back, as by a
	// history of passwords.
	NeverBack bool
	// Mends: a person asked for help makes the target accept the new credential;
	// else that person lets the old one be put back.
	Mends bool
}

// refusing is an engine that lets nobody in with a new credential.
type refusing struct {
	rotate.Engine
	Refusal
	old     keyrotor.Secret
	accepts func(keyrotor.Secret) bool
}

func (r *refusing) known(s keyrotor.Secret) bool { return s.Same(r.old) || r.accepts(s) }

// Install implements rotate.Engine.
func (r *refusing) Install(ctx context.Context, current, pending keyrotor.Secret) error {
	switch {
	case !pending.Same(r.old) && r.Deaf:
		return nil
	case pending.Same(r.old) && r.NeverBack:
		return &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "alter user", Code: "PasswordReused", Message: "the password was used before"}}
	case pending.Same(r.old) && r.Forgets > 0:
		r.Forgets--
		return nil
	}
	return r.Engine.Install(ctx, current, pending)
}

// Try implements rotate.Engine.
func (r *refusing) Try(ctx context.Context, s keyrotor.Secret) error {
	if !r.known(s) {
		return rotate.ErrLogin
	}
	return r.Engine.Try(ctx, s)
}

// refusingProvider is a Provider whose new keys nobody lets in.
type refusingProvider struct {
	rotate.Provider
	refusing *refusing
}

// Try implements rotate.Engine.
func (r refusingProvider) Try(ctx context.Context, s keyrotor.Secret) error {
	return r.refusing.Try(ctx, s)
}

// refuse makes the engine of a credential refuse what is new, until mended.
func (c *credential) refuse(how Refusal) {
	mended := false
	r := &refusing{Engine: c.engine, Refusal: how, old: c.store.Values(c.target)[first]}
	r.accepts = func(keyrotor.Secret) bool { return mended || c.others }
	process := c.process
	c.engine, c.process = r.around(c.engine), func() rotate.Engine { return r.around(process()) }
	c.mend = func() error {
		mended = how.Mends
		r.NeverBack = r.NeverBack && how.Mends
		return nil
	}
}

// around puts the refusal in front of an engine.
func (r *refusing) around(e rotate.Engine) rotate.Engine {
	if p, ok := e.(rotate.Provider); ok {
		return refusingProvider{p, r}
	}
	r.Engine = e
	return r
}

// RefusingSingleUser is a single user whose new password the target does
// not accept.
func (ws Worlds) RefusingSingleUser(f *applytest.Fuse, how Refusal) applytest.World {
	c, db := ws.singleUser()
	c.refuse(how)
	w := c.databaseWorld(f, db)
	w.Refuses = true
	w.Late = []time.Duration{150 * time.Millisecond, 2 * time.Second, 20 * time.Second}
	if how.NeverBack {
		w.MayFail, w.Mend = c.saysWhatStands, c.mend
	}
	return w
}

// RefusingAlternatingUsers is two users who take turns; the target does
// not accept the new password until somebody mends that.
func (ws Worlds) RefusingAlternatingUsers(f *applytest.Fuse) applytest.World {
	c, db := ws.alternatingUsers()
	c.refuse(Refusal{Mends: true})
	w := c.databaseWorld(f, db)
	w.MayFail, w.Mend = c.waitsUntouched, c.mend
	return w
}

// RefusingProvider is a provider that does not let its own new key in
// until somebody mends that.
func (ws Worlds) RefusingProvider(f *applytest.Fuse, labels bool) applytest.World {
	c, p := ws.provider(f, 100, labels)
	c.refuse(Refusal{Mends: true})
	w := c.providerWorld(f, p)
	w.MayFail, w.Mend = c.waitsUntouched, c.mend
	return w
}

// restored: consumers use the old credential, and nothing stands in the way of
// the next change.
func (c *credential) restored() error {
	v, err := c.store.Read(context.Background(), c.target)
	if err != nil {
		return err
	}
	if (v.Current != first && !c.others) || (v.Pending != "" && v.Pending != v.Current) {
		return fmt.Errorf("version %q is current and %q pending, want %s and no other", v.Current, v.Pending, first)
	}
	return c.agree() // with what others have made since, if they have
}

// saysWhatStands accepts a failure to go either way that names both versions
// and what the target does with them.
func (c *credential) saysWhatStands(o keyrotor.Outcome) bool {
	return strings.Contains(o.Reason, "PasswordReused") && strings.Contains(o.Reason, "version "+first+", which consumers read, does not log in")
}

// waitsUntouched accepts a refused login where the old credential lives on and
// the pending version holds the new one.
func (c *credential) waitsUntouched(o keyrotor.Outcome) bool {
	v, err := c.store.Read(context.Background(), c.target)
	if err != nil || v.Current != first || v.Pending == "" || v.Pending == first || c.agree() != nil {
		return false
	}
	return o.Error != nil && o.Error.Code == "LoginRefused" && slices.Contains([]string{"install", "try", "promote"}, verbOf(o.Reason))
}

// verbOf reads the verb from "step 3 (try): …".
func verbOf(reason string) string {
	_, rest, _ := strings.Cut(reason, "(")
	verb, _, _ := strings.Cut(rest, ")")
	return verb
}
