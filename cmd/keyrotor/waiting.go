package main

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/report"
)

// A throttled call is repeated for a minute and more before it ends as a gap,
// and nothing is done meanwhile that progress could count.
const (
	waitsEvery    = time.Second
	waitWorthNote = 3 * time.Second
)

// progress is a bar that, where nothing gets done, says what is waited for.
type progress struct {
	*report.Progress
	waits func() []aws.Wait

	mu          sync.Mutex
	done, total int
	stop        chan struct{}
	stopped     sync.WaitGroup
}

// progressOf begins a bar of what happens in an estate; Done ends it.
func (s *session) progressOf(e *aws.Estate) *progress {
	return newProgress(report.NewProgress(s.err, s.errStyle, s.now), e.Waits)
}

func newProgress(bar *report.Progress, waits func() []aws.Wait) *progress {
	p := &progress{Progress: bar, waits: waits, stop: make(chan struct{})}
	p.stopped.Go(p.watch)
	return p
}

// Update is report.Progress's, whose counts stay while something is waited for.
func (p *progress) Update(done, total int, note string) {
	p.mu.Lock()
	p.done, p.total = done, total
	p.mu.Unlock()
	p.Progress.Update(done, total, note)
}

// Done takes the line off the terminal. The bar must not be used afterwards.
func (p *progress) Done() {
	close(p.stop)
	p.stopped.Wait()
	p.Progress.Done()
}

func (p *progress) watch() {
	tick := time.NewTicker(waitsEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		if note := waitNote(p.waits()); note != "" {
			p.mu.Lock()
			done, total := p.done, p.total
			p.mu.Unlock()
			p.Progress.Update(done, total, note)
		}
	}
}

// waitNote names the call that is waited for longest.
func waitNote(waits []aws.Wait) string {
	if len(waits) == 0 || waits[0].For < waitWorthNote {
		return ""
	}
	w := waits[0]
	note := fmt.Sprintf("AWS throttles %s in account %s, %s, for %s now; trying on", w.Call, cmp.Or(w.Account, "of keyrotor"), w.Region, w.For.Truncate(time.Second))
	switch more := len(waits) - 1; {
	case more == 1:
		note += " (and 1 other call)"
	case more > 1:
		note += fmt.Sprintf(" (and %d other calls)", more)
	}
	return note
}
