package apply

import (
	"fmt"
	"sync"

	"github.com/keyrotor/keyrotor"
)

// breaker counts failures: an account that keeps failing is left alone first,
// then the whole run. The counts are bounds, not hopes: each change under way
// may fail too, so a new one is let in only while the failures and the changes
// under way together are below the limit. While nothing fails this leaves room
// for as many at a time as failures that stop the account.
type breaker struct {
	perAccount, perRun int

	mu       sync.Mutex
	moved    *sync.Cond // something failed, or left
	accounts map[string]*account
	total    account
	halted   string
}

// account is what the breaker knows of an account, or of the run.
type account struct {
	failed, underWay int
	last             string // the last failure
}

func (a *account) room(limit int) bool { return a.failed+a.underWay < limit }

func newBreaker(perAccount, perRun int) *breaker {
	b := &breaker{perAccount: perAccount, perRun: perRun, accounts: map[string]*account{}}
	b.moved = sync.NewCond(&b.mu)
	return b
}

func (b *breaker) account(id string) *account {
	if b.accounts[id] == nil {
		b.accounts[id] = &account{}
	}
	return b.accounts[id]
}

// leave ends what next began and counts a failure, in one: between the two
// nobody may slip in. What was rolled back did fail.
func (b *breaker) leave(o keyrotor.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range []*account{b.account(o.Target.Account), &b.total} {
		a.underWay--
		if o.State == keyrotor.Failed || o.State == keyrotor.RolledBack {
			a.failed++
			a.last = o.Reason
		}
	}
	b.moved.Broadcast()
}

// halt stops the run for a reason that is not a count of failures.
func (b *breaker) halt(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.halted == "" {
		b.halted = reason
	}
	b.moved.Broadcast()
}

// open says why no change of the account may start; "" when none of the
// reasons has come about.
func (b *breaker) open(a *account, id string) string {
	if reason := b.runOpen(); reason != "" {
		return reason
	}
	if a.failed >= b.perAccount {
		return fmt.Sprintf("account %s stopped after %d failures: %s", id, a.failed, a.last)
	}
	return ""
}

func (b *breaker) runOpen() string {
	switch {
	case b.halted != "":
		return b.halted
	case b.total.failed >= b.perRun:
		return fmt.Sprintf("the run stopped after %d failures", b.total.failed)
	}
	return ""
}

// run says why the whole run is stopped; "" when it is not.
func (b *breaker) run() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runOpen()
}
