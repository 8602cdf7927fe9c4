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
}

func newBreaker(perAccount, perRun int) *breaker {
	return &breaker{perAccount: perAccount, perRun: perRun, accounts: map[string]int{}, last: map[string]string{}}
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
