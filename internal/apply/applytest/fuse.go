package applytest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/keyrotor/keyrotor"
)

// mode is what goes wrong at a touch.
type mode string

const (
	fine        mode = ""
	crashBefore mode = "crash before"
	crashAfter  mode = "crash after"
	crashLater  mode = "crash, and the effect lands later:"
	crashTorn   mode = "crash half way through" // of a record of several lines
	lostBefore  mode = "no answer, no effect:"
	lostAfter   mode = "no answer after"
	lostLater   mode = "no answer, and the effect lands later:"
	refused     mode = "definite refusal of"
	lostBlind   mode = "no answer, four looks refused, and the effect lands later:"
	lostBlinder mode = "no answer, six looks refused, and the effect lands later:"
)

// looksRefused is how many looks after a lost answer are refused for certain:
// all those that a step inside a stretch takes in its tries, or those and the
// ones of what is done next.
func (m mode) looksRefused() int {
	switch m {
	case lostBlind:
		return 4
	case lostBlinder:
		return 6
	default: // every look is answered
	}
	return 0
}

// landsLater reports whether the effect comes after a delay.
func (m mode) landsLater() bool {
	return m == crashLater || m == lostLater || m.looksRefused() > 0
}

func (m mode) crashes() bool { return strings.HasPrefix(string(m), "crash") }

// touchKind says which modes make sense at a touch.
type touchKind int

const (
	readTouch touchKind = iota
	writeTouch
	recordTouch
	batchTouch // a record of several lines
)

func (k touchKind) modes() []mode {
	switch k {
	case readTouch:
		return []mode{crashBefore, lostBefore, refused}
	case writeTouch:
		return []mode{crashBefore, crashAfter, crashLater, lostBefore, lostAfter, lostLater, lostBlind, lostBlinder, refused}
	case batchTouch:
		return []mode{crashBefore, crashTorn, crashAfter, lostBefore, lostAfter}
	case recordTouch:
		return []mode{crashBefore, crashAfter, lostBefore, lostAfter}
	}
	return nil
}

var (
	errCrashed = errors.New("the process is dead")
	errNoReply = errors.New("connection reset by peer")
)

// touchTakes makes time pass, so that a late effect lands between two touches.
const touchTakes = 100 * time.Millisecond

// Fuse stands between an actor and its world, and between apply and its
// journal. It counts touches, fails at the one it is set to, lets late effects
// land, and owns the clock of the world.
type Fuse struct {
	mu    sync.Mutex
	now   time.Time
	count int
	names []string
	kinds []touchKind

	at    int // which touch fails, from 1; 0 for none
	mode  mode
	late  time.Duration
	dead  bool
	fired bool
	blind int // looks still to be refused
	// refusals counts the touches that were refused, over all turns.
	refusals int
	// onFire is called when the touch is reached.
	onFire func()

	waiting  []landing
	writes   int      // effects begun
	breaches []string // laws broken at a touch
	// mayWrite says whether an intent of the change is durable.
	mayWrite func() bool
}

type landing struct {
	at   time.Time
	name string
	act  func() error
}

func newFuse() *Fuse {
	return &Fuse{now: time.Date(2026, 11, 21, 10, 15, 2, 300e6, time.UTC), mayWrite: func() bool { return true }}
}

// set arms the fuse for the touch at, counted from now over all turns; 0 for
// none.
func (f *Fuse) set(at int, m mode, late time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.mode, f.late = at, m, late
	f.count, f.names, f.kinds, f.dead, f.fired, f.onFire, f.blind = 0, nil, nil, false, false, nil, 0
}

// Now is the clock of the world: actors and providers under test use it.
func (f *Fuse) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Sleep lets time pass, and effects land that are due.
func (f *Fuse) Sleep(_ context.Context, d time.Duration) error {
	if f.isDead() {
		return errCrashed
	}
	f.pass(d)
	return nil
}

func (f *Fuse) isDead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

func (f *Fuse) pass(d time.Duration) {
	f.mu.Lock()
	end := f.now.Add(d)
	var due []landing
	rest := f.waiting[:0:0]
	for _, l := range f.waiting {
		if l.at.After(end) {
			rest = append(rest, l)
		} else {
			due = append(due, l)
		}
	}
	f.waiting = rest
	f.mu.Unlock()
	for _, l := range due {
		f.mu.Lock()
		f.now = l.at
		f.mu.Unlock()
		_ = l.act() // nobody is there any more to hear the error
	}
	f.mu.Lock()
	f.now = end
	f.mu.Unlock()
}

// land lets every late effect happen now.
func (f *Fuse) land() {
	f.mu.Lock()
	var longest time.Duration
	for _, l := range f.waiting {
		longest = max(longest, l.at.Sub(f.now))
	}
	f.mu.Unlock()
	f.pass(longest)
}

// Read is a touch that changes nothing.
func (f *Fuse) Read(name string, act func() error) error { return f.touch(name, readTouch, act) }

// Write is a touch that changes the world. Doing so while no intent of the
// change is durable breaks the law that intent comes before effect.
func (f *Fuse) Write(name string, act func() error) error { return f.touch(name, writeTouch, act) }

func (f *Fuse) touch(name string, kind touchKind, act func() error) error {
	if f.isDead() {
		return errCrashed
	}
	f.pass(touchTakes)
	m := f.enter(name, kind)
	switch m {
	case crashBefore, crashTorn:
		return errCrashed
	case crashAfter:
		_ = act() // the answer is lost
		return errCrashed
	case lostBefore:
		return errNoReply
	case lostAfter:
		_ = act()
		return errNoReply
	case crashLater, lostLater, lostBlind, lostBlinder:
		f.mu.Lock()
		f.waiting = append(f.waiting, landing{f.now.Add(f.late), name, act})
		f.mu.Unlock()
		if m == crashLater {
			return errCrashed
		}
		return errNoReply
	case refused:
		return &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: name, Code: "Throttled", Message: "try again"}}
	case fine:
	}
	return act()
}

// enter counts the touch and says what goes wrong with it.
func (f *Fuse) enter(name string, kind touchKind) mode {
	if kind == writeTouch && !f.mayWrite() {
		f.breach("%s without a durable intent", name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	f.names, f.kinds = append(f.names, name), append(f.kinds, kind)
	if kind == writeTouch {
		f.writes++
	}
	if f.blind > 0 && kind == readTouch {
		f.blind--
		f.refusals++
		return refused
	}
	if f.count != f.at {
		return fine
	}
	f.fired, f.dead, f.blind = true, f.mode.crashes(), f.mode.looksRefused()
	if f.mode == refused {
		f.refusals++
	}
	if f.onFire != nil {
		f.onFire()
	}
	return f.mode
}

// begun counts the effects begun so far, and names the touch that was last.
func (f *Fuse) begun() (writes int, last string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.names) > 0 {
		last = f.names[len(f.names)-1]
	}
	return f.writes, last
}

// revive is a new process after the crash of the last.
func (f *Fuse) revive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = false
}

func (f *Fuse) breach(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.breaches = append(f.breaches, fmt.Sprintf(format, args...))
}
