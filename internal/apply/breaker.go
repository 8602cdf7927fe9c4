package apply

import (
	"fmt"
	"sync"

	"github.com/keyrotor/keyrotor"
)

// breaker counts failures: an account that keeps failing is left alone first,
// then the whole run.
type breaker struct {
	perAccount, perRun int

	mu       sync.Mutex
	accounts map[string]int
	total    int
	last     map[string]string // account ▶ last failure
	halted   string
	slots    map[string]chan struct{}
}

func newBreaker(perAccount, perRun int) *breaker {
	return &breaker{perAccount: perAccount, perRun: perRun, accounts: map[string]int{}, last: map[string]string{}, slots: map[string]chan struct{}{}}
}

// enter waits for a place among the changes under way in the account and
// returns how to leave it. There are as many places as failures that stop the
// account: with more under way, they would all fail before any is counted.
func (b *breaker) enter(account string) (leave func()) {
	b.mu.Lock()
	slot := b.slots[account]
	if slot == nil {
		slot = make(chan struct{}, b.perAccount)
		b.slots[account] = slot
	}
	b.mu.Unlock()
	slot <- struct{}{}
	return func() { <-slot }
}

func (b *breaker) count(o keyrotor.Outcome) {
	if o.State != keyrotor.Failed {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[o.Target.Account]++
	b.total++
	b.last[o.Target.Account] = o.Reason
}

// halt stops the run for a reason that is not a count of failures.
func (b *breaker) halt(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.halted == "" {
		b.halted = reason
	}
}

// open says why no change of the account may start; "" when it may.
func (b *breaker) open(account string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.halted != "":
		return b.halted
	case b.total >= b.perRun:
		return fmt.Sprintf("the run stopped after %d failures", b.total)
	case b.accounts[account] >= b.perAccount:
		return fmt.Sprintf("account %s stopped after %d failures: %s", account, b.accounts[account], b.last[account])
	}
	return ""
}

// run says why the whole run is stopped; "" when it is not.
func (b *breaker) run() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.halted != "" {
		return b.halted
	}
	if b.total >= b.perRun {
		return fmt.Sprintf("the run stopped after %d failures", b.total)
	}
	return ""
}
