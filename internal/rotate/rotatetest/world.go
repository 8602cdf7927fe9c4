package rotatetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
	"github.com/keyrotor/keyrotor/internal/rotate"
)

// first is the version that a world's secret starts with, other the one that
// another rotation makes.
const (
	first = "version-0"
	other = "version-of-others"
)

// GraceHours is the grace of every world here.
const GraceHours = 24

// Worlds makes fresh worlds over a Store. The zero Worlds are of a store that
// takes the label pending off at promotion.
type Worlds struct {
	// PendingStays is the Store's; the secret then has been rotated before, so
	// that its first version bears the label from the start.
	PendingStays bool
}

// credential is what the worlds below have in common.
type credential struct {
	strategy rotate.Strategy
	target   keyrotor.Target
	store    *Store
	engine   rotate.Engine                                  // as it is, for probes
	process  func() rotate.Engine                           // as each new process builds it
	before   keyrotor.Before                                // what the plan saw
	replace  func(keyrotor.Secret) (keyrotor.Secret, error) // other hands make and install a credential
	others   bool                                           // they have
	mend     func() error                                   // what a person does about a refusal
}

func (ws Worlds) credential(st rotate.Strategy, start keyrotor.Secret) *credential {
	c := &credential{
		strategy: st, store: NewStore(), before: keyrotor.Before{VersionID: first},
		target: keyrotor.Target{Kind: "secret", Partition: "aws", Account: "111111111111", Region: "eu-central-1", ID: "app/db", Name: "app/db"},
	}
	c.store.PendingStays = ws.PendingStays
	c.store.Put(c.target, first, start)
	return c
}

func (c *credential) world(f *applytest.Fuse) applytest.World {
	ours := []keyrotor.Verb{keyrotor.CreatePending, keyrotor.Install, keyrotor.Promote, keyrotor.Retire}
	if _, mints := c.engine.(rotate.Provider); mints {
		ours = slices.DeleteFunc(ours, func(v keyrotor.Verb) bool { return v == keyrotor.Install })
	}
	w := applytest.World{
		Change: keyrotor.Change{
			ID: "c1", Recipe: "rotate-secret", Target: c.target,
			Steps:   rotate.Steps(c.strategy, c.target, keyrotor.Params{GraceHours: GraceHours}, c.before),
			BackOut: rotate.BackOut(c.strategy, c.target, keyrotor.Params{GraceHours: GraceHours}, c.before),
		},
		Actor: func() apply.Actor {
			return &rotate.Actor{Store: FaultyStore{c.store, f}, Engine: FaultyEngine(c.process(), f), Now: f.Now}
		},
		Ours: ours, Names: map[keyrotor.Verb]string{keyrotor.CreatePending: "version", keyrotor.Promote: "version"}, Made: c.made, Agree: c.agree, Always: c.strategy != rotate.SingleUser,
		Kept: c.kept, Gone: c.gone, Supersede: c.supersede,
	}
	if len(w.Change.BackOut) > 0 {
		w.Restored = c.restored
	}
	return w
}

func (c *credential) made() int {
	n := c.store.Staged(c.target) - 1
	if c.others {
		n--
	}
	return n
}

// agree logs in with what the store calls current, as a consumer does.
func (c *credential) agree() error {
	ctx := context.Background()
	v, err := c.store.Read(ctx, c.target)
	if err != nil {
		return err
	}
	if c.others && v.Current != other {
		return fmt.Errorf("version %s is current, want %s", v.Current, other)
	}
	secret, err := c.store.Value(ctx, c.target, v.Current)
	if err != nil {
		return err
	}
	return c.engine.Try(ctx, secret)
}

// kept: with a single user the old password dies at installation, but its
// version stays, so that it can be put back.
func (c *credential) kept() error {
	ctx := context.Background()
	v, err := c.store.Read(ctx, c.target)
	if err != nil {
		return err
	}
	if v.Current != first && v.Previous != first {
		return errors.New("the old version lost its label")
	}
	secret, err := c.store.Value(ctx, c.target, first)
	if err != nil || c.strategy == rotate.SingleUser {
		return err
	}
	return c.engine.Try(ctx, secret)
}

func (c *credential) gone() error {
	ctx := context.Background()
	v, err := c.store.Read(ctx, c.target)
	if err != nil {
		return err
	}
	if v.Current == first || v.Previous == first || v.Pending == first {
		return errors.New("the old version has a label")
	}
	secret, err := c.store.Value(ctx, c.target, first)
	if err != nil {
		return err
	}
	if c.engine.Try(ctx, secret) == nil {
		return errors.New("the old credential logs in")
	}
	return nil
}

// supersede is a complete rotation by somebody else's tool.
func (c *credential) supersede() error {
	ctx := context.Background()
	v, err := c.store.Read(ctx, c.target)
	if err != nil {
		return err
	}
	current, err := c.store.Value(ctx, c.target, v.Current)
	if err != nil {
		return err
	}
	next, err := c.replace(current)
	if err != nil {
		return err
	}
	if err := c.store.Stage(ctx, c.target, other, next); err != nil {
		return err
	}
	c.others = true
	return c.store.Promote(ctx, c.target, other, v.Current)
}

// random is the same for every world, so that a failure can be repeated.
func random() io.Reader { return rand.NewChaCha8([32]byte{}) }

// SingleUser is one user of a database, whose old password dies at once. A
// promotion of it may land long after its call, and take up a version that was
// dropped meanwhile.
func (ws Worlds) SingleUser(f *applytest.Fuse) applytest.World {
	c, db := ws.singleUser()
	c.store.Keeps = true
	w := c.databaseWorld(f, db)
	// In time to be waited for; and after that, while the old one is back already.
	w.LateAt = map[string][]time.Duration{"store.Promote": {90 * time.Second, 150 * time.Second}}
	return w
}

func (ws Worlds) singleUser() (*credential, *Database) {
	start := Login{User: "app", Password: "start"}
	db := NewDatabase(start)
	c := ws.credential(rotate.SingleUser, Seal(start))
	engine := SingleUser{db, random()}
	c.engine, c.process = engine, func() rotate.Engine { return engine }
	c.replace = func(keyrotor.Secret) (keyrotor.Secret, error) {
		db.Set("app", "others") // as an administrator: the current password may be dead
		return Seal(Login{User: "app", Password: "others"}), nil
	}
	return c, db
}

// AlternatingUsers is two users of a database who take turns. Each new
// process is configured with another name for the second: only the one that
// was chosen at mint may count.
func (ws Worlds) AlternatingUsers(f *applytest.Fuse) applytest.World {
	c, db := ws.alternatingUsers()
	return c.databaseWorld(f, db)
}

func (ws Worlds) alternatingUsers() (*credential, *Database) {
	start := Login{User: "app", Password: "start"}
	db := NewDatabase(start)
	c := ws.credential(rotate.AlternatingUsers, Seal(start))
	source := random()
	processes := 0
	c.engine = AlternatingUsers{Database: db, Random: source}
	c.process = func() rotate.Engine {
		processes++
		return AlternatingUsers{db, [2]string{"app", fmt.Sprintf("app_%d", processes)}, source}
	}
	c.replace = func(current keyrotor.Secret) (keyrotor.Secret, error) {
		l, err := open(current)
		if err != nil {
			return keyrotor.Secret{}, err
		}
		twin := "app_others"
		if l.User != "app" {
			twin = "app"
		}
		db.Set(twin, "others")
		return Seal(Login{User: twin, Password: "others"}), nil
	}
	return c, db
}

// TwoPasswords is one user of a database with two slots for passwords.
func (ws Worlds) TwoPasswords(f *applytest.Fuse) applytest.World {
	start := Login{User: "app", Password: "start"}
	db := NewDatabase(start)
	c := ws.credential(rotate.TwoCredentials, Seal(start))
	engine := TwoPasswords{db, random()}
	c.engine, c.process = engine, func() rotate.Engine { return engine }
	c.replace = func(current keyrotor.Secret) (keyrotor.Secret, error) {
		l, err := open(current)
		if err != nil {
			return keyrotor.Secret{}, err
		}
		db.Set("app", l.Password, "others")
		return Seal(Login{User: "app", Password: "others"}), nil
	}
	return c.databaseWorld(f, db)
}

// databaseWorld adds the search for passwords that open the database and are
// in no version of the secret.
func (c *credential) databaseWorld(f *applytest.Fuse, db *Database) applytest.World {
	w := c.world(f)
	w.Strays = func(string) error {
		known := map[Login]bool{}
		for _, value := range c.store.Values(c.target) {
			if l, err := open(value); err == nil && db.Opens(value) {
				known[l] = true
			}
		}
		if alive := db.Alive(); alive > len(known) {
			return fmt.Errorf("%d passwords open the database, the secret knows %d", alive, len(known))
		}
		return nil
	}
	return w
}
