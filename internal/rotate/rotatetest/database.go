package rotatetest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
)

// Login is what the secrets of a Database hold.
type Login struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// Seal makes the secret that holds a login.
func Seal(l Login) keyrotor.Secret {
	b, err := json.Marshal(l)
	if err != nil {
		return keyrotor.Secret{}
	}
	return keyrotor.NewSecret(b)
}

func open(s keyrotor.Secret) (Login, error) {
	var l Login
	if err := json.Unmarshal(s.RevealForInstall(), &l); err != nil {
		return l, fmt.Errorf("the value is not a login") // err could quote it
	}
	return l, nil
}

// Database is a target with users, each with the passwords that open it.
type Database struct {
	mu    sync.Mutex
	users map[string][]string
}

// NewDatabase returns a database with the given logins.
func NewDatabase(logins ...Login) *Database {
	d := &Database{users: map[string][]string{}}
	for _, l := range logins {
		d.users[l.User] = append(d.users[l.User], l.Password)
	}
	return d
}

// Opens reports whether the credential logs in.
func (d *Database) Opens(s keyrotor.Secret) bool {
	l, err := open(s)
	if err != nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.users[l.User], l.Password)
}

// Alive counts the passwords that open anything.
func (d *Database) Alive() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, passwords := range d.users {
		n += len(passwords)
	}
	return n
}

// Set is an administrator's act: from now on only these passwords open user.
func (d *Database) Set(user string, passwords ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users[user] = passwords
}

// change is a user's own act: it needs a password that works.
func (d *Database) change(as Login, to func(passwords []string) []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.users[as.User], as.Password) {
		return &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "login", Code: "28P01", Message: "password authentication failed"}, Err: rotate.ErrLogin}
	}
	d.users[as.User] = to(slices.Clone(d.users[as.User]))
	return nil
}

// Try implements a part of rotate.Engine for the engines below.
func (d *Database) Try(_ context.Context, s keyrotor.Secret) error {
	if !d.Opens(s) {
		return rotate.ErrLogin
	}
	return nil
}

func password(random io.Reader) (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// pair opens two secrets.
func pair(a, b keyrotor.Secret) (Login, Login, error) {
	first, err := open(a)
	if err != nil {
		return first, Login{}, err
	}
	second, err := open(b)
	return first, second, err
}

// SingleUser changes the one user's password: the old one dies at once.
type SingleUser struct {
	*Database
	Random io.Reader
}

// Mint implements rotate.Engine.
func (e SingleUser) Mint(_ context.Context, current keyrotor.Secret, _ string) (keyrotor.Secret, error) {
	l, err := open(current)
	if err != nil {
		return keyrotor.Secret{}, err
	}
	l.Password, err = password(e.Random)
	return Seal(l), err
}

// Install implements rotate.Engine.
func (e SingleUser) Install(_ context.Context, current, pending keyrotor.Secret) error {
	old, next, err := pair(current, pending)
	if err != nil {
		return err
	}
	if e.Opens(pending) {
		return nil
	}
	return e.change(old, func([]string) []string { return []string{next.Password} })
}

// Retire implements rotate.Engine: install has done it.
func (e SingleUser) Retire(context.Context, keyrotor.Secret, keyrotor.Secret) error { return nil }

// AlternatingUsers gives each turn's password to the other of two users.
type AlternatingUsers struct {
	*Database
	Twins  [2]string
	Random io.Reader
}

// Mint implements rotate.Engine. Only here are the twins' names looked up.
func (e AlternatingUsers) Mint(_ context.Context, current keyrotor.Secret, _ string) (keyrotor.Secret, error) {
	l, err := open(current)
	if err != nil {
		return keyrotor.Secret{}, err
	}
	twin := e.Twins[0]
	if l.User == twin {
		twin = e.Twins[1]
	}
	secret, err := password(e.Random)
	return Seal(Login{User: twin, Password: secret}), err
}

// Install implements rotate.Engine.
func (e AlternatingUsers) Install(_ context.Context, current, pending keyrotor.Secret) error {
	old, next, err := pair(current, pending)
	if err != nil {
		return err
	}
	if old.User == next.User {
		return fmt.Errorf("%w: both credentials are for user %s", keyrotor.ErrConflict, next.User)
	}
	e.Set(next.User, next.Password)
	return nil
}

// Retire implements rotate.Engine.
func (e AlternatingUsers) Retire(_ context.Context, current, old keyrotor.Secret) error {
	now, gone, err := pair(current, old)
	if err != nil {
		return err
	}
	if now.User != gone.User && e.Opens(old) {
		e.Set(gone.User)
	}
	return nil
}

// TwoPasswords is a user with two slots, as with MySQL or Redis.
type TwoPasswords struct {
	*Database
	Random io.Reader
}

// Mint implements rotate.Engine.
func (e TwoPasswords) Mint(ctx context.Context, current keyrotor.Secret, token string) (keyrotor.Secret, error) {
	return SingleUser(e).Mint(ctx, current, token)
}

// Install implements rotate.Engine: a second retained password would push out
// the one that readers still use, so an installed one is left alone.
func (e TwoPasswords) Install(_ context.Context, current, pending keyrotor.Secret) error {
	old, next, err := pair(current, pending)
	if err != nil {
		return err
	}
	return e.change(old, func([]string) []string {
		return slices.Compact([]string{old.Password, next.Password})
	})
}

// Retire implements rotate.Engine.
func (e TwoPasswords) Retire(_ context.Context, current, old keyrotor.Secret) error {
	now, gone, err := pair(current, old)
	if err != nil || now.Password == gone.Password {
		return err
	}
	return e.change(now, func(passwords []string) []string {
		return slices.DeleteFunc(passwords, func(p string) bool { return p == gone.Password })
	})
}
