// Package applytest is the suite that every actor must pass. It runs a change
// again and again, each time with something going wrong at another touch of the
// world or of the journal (a crash before, after or half way; an answer that is
// lost; an effect that lands late; a refusal), goes on as a restarted process
// would, from the journal's lines alone, and then holds what it finds against
// the laws: one effect and not two, a credential that works, the old one alive
// for its grace, nothing alive unknown, a record without a hole, honest words.
//
// It needs no package testing, so that a command can run it.
package applytest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/guard"
)

// T is what the suite needs of a test.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// World is a fresh world with one change to make in it, and probes to look at
// it from outside. Probes are not touches: nothing goes wrong with them.
type World struct {
	Change keyrotor.Change
	// Actor builds the actor anew, as a restarted process does, with every
	// touch of the world going through the Fuse that the world was made with.
	Actor func() apply.Actor
	// Look and Guard are as in apply.Executor; nil for an actor that checks
	// everything itself.
	Look  func(keyrotor.Target) (keyrotor.Asset, error)
	Guard func(keyrotor.Step, keyrotor.Asset) guard.Verdict

	// Ours are the verbs whose effect only this change can have made: their
	// receipts must not say that the world was so already.
	Ours []keyrotor.Verb
	// Names are results that the receipts of a verb must name, even where the
	// answer of the call was lost.
	Names map[keyrotor.Verb]string
	// Made counts what must come into being once: values stored, keys, rotations.
	Made func() int
	// Agree is nil when consumers can use what they are given now.
	Agree func() error
	// Always: Agree holds at every moment, not only outside a stretch.
	Always bool
	// Kept is nil while the old credential works, Gone once it does not.
	// Both are nil for changes that retire nothing.
	Kept, Gone func() error
	// Strays is nil when nothing is alive that neither the world's own record
	// nor ours, given as text, names.
	Strays func(record string) error
	// Supersede completes another rotation by other hands; Agree expects its
	// result from then on. Nil where there is no such thing.
	Supersede func() error
	// MayFail accepts an end in failure that nobody can prevent, and Mend does
	// what its reason asks a person to do. Nil: no failure is accepted.
	MayFail func(keyrotor.Outcome) bool
	Mend    func() error
	// Restored is nil when all is as it was before the change, and ready for the
	// next. Nil for a world in which nothing can make a change roll back.
	Restored func() error
	// Refuses: the world itself refuses the change, so that rolling it back is right
	// though nothing went wrong. In any other world a rollback needs a fault.
	Refuses bool
	// Late are the delays after which lost calls may still land: default 150 ms, 2 s.
	// LateAt are further ones for a touch by its name.
	Late   []time.Duration
	LateAt map[string][]time.Duration
}

// Suite is the matrix for one sort of world.
type Suite struct {
	// Make makes a fresh world whose touches go through f.
	Make func(f *Fuse) World
	// Journal, when set, is put around the suite's own journal.
	Journal func(apply.Journal) apply.Journal
	// Most is how many failures are told before the suite gives up: default 5.
	Most int
}

// Tally counts what a Suite ran.
type Tally struct {
	Touches   int
	Scenarios int
	Failed    int
}

// String is a line for a log.
func (t Tally) String() string {
	return fmt.Sprintf("%d touches, %d scenarios, %d failed", t.Touches, t.Scenarios, t.Failed)
}

// interlude is what happens between a crash and the resume.
type interlude string

const (
	nothing   interlude = "nothing in between"
	freeze    interlude = "then a freeze, then none"
	expiry    interlude = "then the approval expired"
	fullDisk  interlude = "then a full journal, then room again"
	cancelled interlude = "then an interrupted turn"
	supersede interlude = "then another rotation superseded it"
)

// Run runs the whole matrix and reports to t.
func (s Suite) Run(t T) Tally {
	t.Helper()
	run := &matrix{Suite: s, t: t}
	if s.Most == 0 {
		run.Most = 5
	}
	clean, names := run.clean()
	run.tally.Touches = len(clean)
	run.repeated()
	for at, kind := range clean {
		for _, m := range kind.modes() {
			run.oneFault(at+1, kind, m, names[at])
		}
		run.diskFillsUp(at + 1)
		run.twoCrashes(at+1, kind)
		if run.tally.Failed >= run.Most {
			t.Errorf("gave up at touch %d of %d: %s", at+1, len(clean), run.tally)
			break
		}
	}
	return run.tally
}

type matrix struct {
	Suite
	t     T
	tally Tally
}

// judge counts the scenario and tells of its problems.
func (r *matrix) judge(sc *scenario) {
	r.t.Helper()
	r.tally.Scenarios++
	if len(sc.problems) == 0 {
		return
	}
	r.tally.Failed++
	if r.tally.Failed <= r.Most {
		r.t.Errorf("%s:\n\t%s\n\tturns: %s", sc.title, strings.Join(sc.problems, "\n\t"), strings.Join(sc.story, " ▶ "))
	}
}

// clean runs without a fault and returns the kinds of touches it took, and their
// names.
func (r *matrix) clean() ([]touchKind, []string) {
	r.t.Helper()
	sc := r.scenario("no fault at all")
	sc.finish()
	kinds, names := sc.fuse.kinds, sc.fuse.names
	sc.checkSeen()
	r.judge(sc)
	return kinds, names
}

// repeated does every step twice with one token.
func (r *matrix) repeated() {
	r.t.Helper()
	sc := r.scenario("every step done twice with one token")
	sc.twice = true
	sc.finish()
	r.judge(sc)
}

// oneFault lets one touch go wrong, with each interlude.
func (r *matrix) oneFault(at int, kind touchKind, m mode, name string) {
	r.t.Helper()
	delays := []time.Duration{0}
	if m.landsLater() {
		delays = r.Make(newFuse()).delays(name)
	}
	// What a look or a crash before a touch leaves behind is what a crash after
	// the last change left: the interludes are tried there.
	betweens := []interlude{nothing, freeze, expiry, fullDisk, cancelled, supersede}
	if kind == readTouch || m == crashBefore || m.looksRefused() > 0 {
		betweens = betweens[:1]
	}
	for _, late := range delays {
		for _, between := range betweens {
			sc := r.scenario(fmt.Sprintf("%s touch %d, %s", m, at, between))
			if between == supersede && sc.world.Supersede == nil {
				continue
			}
			sc.fuse.set(at, m, late)
			sc.untilFired()
			sc.during(between)
			sc.finish()
			r.judge(sc)
		}
	}
}

// delays are those after which a lost call of a touch may land.
func (w World) delays(touch string) []time.Duration {
	late := w.Late
	if late == nil {
		late = []time.Duration{150 * time.Millisecond, 2 * time.Second}
	}
	return slices.Concat(late, w.LateAt[touch])
}

// diskFillsUp lets the journal be full from a touch on until the turn ends.
func (r *matrix) diskFillsUp(at int) {
	r.t.Helper()
	sc := r.scenario(fmt.Sprintf("the journal is full from touch %d on", at))
	sc.fuse.set(at, fine, 0)
	sc.fuse.onFire = func() { sc.journal.SetFull(true) }
	sc.untilFired()
	if err := sc.world.Agree(); err != nil && !sc.failedAsExpected() {
		sc.problem("a full journal locked consumers out: %v", err)
	}
	sc.journal.SetFull(false)
	sc.finish()
	r.judge(sc)
}

// twoCrashes crashes after a touch, and again after every touch of what
// follows. A crash before a touch leaves the world as one after the touch
// before it does, and a look leaves it as it was, so neither is run again.
func (r *matrix) twoCrashes(at int, kind touchKind) {
	r.t.Helper()
	if kind == readTouch {
		return
	}
	first := func(title string) *scenario {
		sc := r.scenario(title)
		sc.fuse.set(at, crashAfter, 0)
		sc.untilFired()
		return sc
	}
	rest := first("what follows the first crash")
	rest.fuse.set(0, fine, 0)
	rest.untilFired()
	for i, next := range rest.fuse.kinds {
		if next == readTouch {
			continue
		}
		sc := first(fmt.Sprintf("%s touch %d, then %s touch %d", crashAfter, at, crashAfter, i+1))
		sc.fuse.set(i+1, crashAfter, 0)
		sc.untilFired()
		sc.finish()
		r.judge(sc)
	}
}
