package applytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
)

// mostTurns is how many turns a change may take: what needs more never ends.
const mostTurns = 10

// scenario is one life of one world.
type scenario struct {
	title   string
	fuse    *Fuse
	world   World
	journal *Journal
	record  apply.Journal // journal, perhaps with something around it
	plan    keyrotor.Plan
	twice   bool // every Do is made twice

	last       keyrotor.Outcome
	expired    bool // the approval has
	superseded bool
	mended     int
	story      []string // what each turn came to
	problems   []string
}

func (r *matrix) scenario(title string) *scenario {
	f := newFuse()
	sc := &scenario{title: title, fuse: f, world: r.Make(f), journal: &Journal{}}
	sc.journal.Touch = func(name string, batch bool, act func() error) error {
		if batch {
			return sc.tornable(name, act)
		}
		return f.touch(name, recordTouch, act)
	}
	sc.record = sc.journal
	if r.Journal != nil {
		sc.record = r.Journal(sc.journal)
	}
	f.mayWrite = func() bool { return len(sc.memory().Open) > 0 }
	sc.plan = keyrotor.Plan{
		Schema: keyrotor.SchemaPlan, Version: keyrotor.SchemaVersion, Run: "20261121T101502Z-5f3c",
		Changes: []keyrotor.Change{sc.world.Change}, Digest: "sha256:suite",
		Waves: []keyrotor.Wave{{Number: 1, Changes: []keyrotor.ChangeID{sc.world.Change.ID}}},
	}
	return sc
}

// tornable is a record of several lines, of which a crash may keep the first.
func (sc *scenario) tornable(name string, act func() error) error {
	before := sc.journal.size()
	err := sc.fuse.touch(name, batchTouch, act)
	if sc.fuse.isDead() && sc.fuse.mode == crashTorn {
		_ = act() // as far as it got
		sc.journal.keep(before + 1)
	}
	return err
}

func (sc *scenario) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(sc.problems, text) {
		sc.problems = append(sc.problems, text)
	}
}

// memory is what the journal alone knows of the change.
func (sc *scenario) memory() *apply.Memory {
	if m := sc.journal.Past()[sc.world.Change.ID]; m != nil {
		return m
	}
	return &apply.Memory{}
}

// inside reports whether the journal says that a stretch was left half way. A
// stretch whose intents are not all durable was never entered.
func (sc *scenario) inside() bool {
	m := sc.memory()
	open, unknown := map[int]bool{}, map[int]bool{}
	for _, s := range sc.world.Change.Steps {
		_, o := m.Open[s.Number]
		_, r := m.Receipts[s.Number]
		open[s.Stretch] = open[s.Stretch] || o
		unknown[s.Stretch] = unknown[s.Stretch] || (!o && !r)
	}
	for stretch := range open {
		if stretch != 0 && open[stretch] && !unknown[stretch] {
			return true
		}
	}
	return false
}

// begun reports whether the journal knows of anything that may have happened.
func (sc *scenario) begun() bool {
	m := sc.memory()
	for _, r := range m.Receipts {
		if !r.Found {
			return true
		}
	}
	return len(m.Open) > 0
}

// turnOptions is what is special about one turn.
type turnOptions struct {
	frozen    bool
	cancelled bool
}

// turn is one process: an Executor built from the journal's lines alone.
func (sc *scenario) turn(opt turnOptions) {
	sc.fuse.revive()
	sc.fuse.pass(time.Second)
	actor := apply.Actor(watched{sc.world.Actor(), sc.fuse})
	if sc.twice {
		actor = repeating{actor}
	}
	e := &apply.Executor{
		Actor:   func(keyrotor.Step) (apply.Actor, bool) { return actor, true },
		Journal: sc.record, Past: sc.journal.Past(), Guard: sc.world.Guard,
		Token: token, Now: sc.fuse.Now, Sleep: sc.fuse.Sleep,
	}
	if sc.world.Look != nil {
		e.Look = func(_ context.Context, s keyrotor.Step) (keyrotor.Asset, error) { return sc.world.Look(s.Target) }
	}
	if opt.frozen {
		e.Frozen = func(time.Time) string { return "the year's end" }
	}
	if sc.expired {
		e.Expires = sc.fuse.Now().Add(-time.Hour)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if opt.cancelled {
		cancel()
	}
	res, err := e.Run(ctx, sc.plan)
	if len(res.Outcomes) != 1 {
		sc.problem("a turn came to %d outcomes, want 1", len(res.Outcomes))
		return
	}
	sc.last = res.Outcomes[0]
	word := string(sc.last.State)
	if sc.fuse.isDead() {
		word = fmt.Sprintf("crash at %s", sc.fuse.names[len(sc.fuse.names)-1])
	} else if sc.last.Reason != "" {
		word += " (" + sc.last.Reason + ")"
	} else if err != nil {
		word += " (" + err.Error() + ")"
	}
	sc.story = append(sc.story, word)
	sc.checkTurn()
}

// token is the same for a change in every turn, and of the length that Secrets
// Manager demands.
func token(id keyrotor.ChangeID) string { return "token-0123456789abcdef-0123456789-" + string(id) }

// wait lets the time pass that the last outcome asks for.
func (sc *scenario) wait() {
	d := time.Minute
	if u := sc.last.Until; sc.last.State == keyrotor.Waiting && u != nil {
		d = max(u.Sub(sc.fuse.Now()), 0)
	}
	sc.fuse.pass(d)
}

// ended reports whether nothing is left to do, by what the journal says.
func (sc *scenario) ended() bool {
	o := sc.memory().Outcome
	return o != nil && o.State.Final()
}

// untilFired takes turns until the fault has happened or all is done.
func (sc *scenario) untilFired() {
	for n := 0; n < mostTurns && !sc.fuse.fired && !sc.ended(); n++ {
		if len(sc.story) > 0 && !sc.fuse.isDead() {
			sc.wait()
		}
		sc.turn(turnOptions{})
		sc.mend()
	}
}

// mend does what the reason of a failure asks a person to do, once for each
// crash that a scenario may hold.
func (sc *scenario) mend() {
	if sc.world.Mend == nil || sc.mended == 2 || !sc.failedAsExpected() {
		return
	}
	sc.mended++
	if err := sc.world.Mend(); err != nil {
		sc.problem("mending: %v", err)
	}
}

// during is the turn, or the event, between a crash and the resume.
func (sc *scenario) during(between interlude) {
	if sc.ended() || between == nothing {
		return
	}
	inside, writes := sc.inside(), sc.fuse.writes
	switch between {
	case nothing:
	case freeze:
		sc.turn(turnOptions{frozen: true})
	case cancelled:
		sc.turn(turnOptions{cancelled: true})
	case expiry:
		sc.expired = true
		return
	case fullDisk:
		sc.journal.SetFull(true)
		sc.turn(turnOptions{})
		sc.journal.SetFull(false)
		// An effect whose intent was durable before may still be made, and one
		// inside a stretch must be.
		if err := sc.world.Agree(); err != nil && !sc.failedAsExpected() {
			sc.problem("a full journal left consumers locked out: %v", err)
		}
		return
	case supersede:
		sc.fuse.land() // calls in flight land in seconds, other people come later
		if err := sc.world.Supersede(); err != nil {
			sc.problem("superseding: %v", err)
		}
		sc.superseded, sc.last = true, keyrotor.Outcome{} // said of another world
		return
	}
	if !inside && sc.fuse.writes > writes {
		sc.problem("%s: effects began outside a stretch", between)
	}
	if inside && sc.inside() && !sc.failedAsExpected() {
		sc.problem("%s: the turn left a consumer locked out inside a stretch", between)
	}
}

// finish takes turns until the change has ended, and judges the end.
func (sc *scenario) finish() {
	for n := 0; n < mostTurns && !sc.ended() && !sc.refusedForGood(); n++ {
		if len(sc.story) > 0 {
			sc.wait()
		}
		sc.turn(turnOptions{})
		sc.mend()
	}
	sc.checkVisible()
	sc.fuse.land()
	sc.checkEnd()
	for _, b := range sc.fuse.breaches {
		sc.problem("%s", b)
	}
}

func (sc *scenario) failedAsExpected() bool {
	return sc.last.State == keyrotor.Failed && sc.world.MayFail != nil && sc.world.MayFail(sc.last)
}

// refusedForGood reports whether the last turn said no, and every later one will.
func (sc *scenario) refusedForGood() bool {
	if len(sc.story) == 0 || sc.fuse.isDead() {
		return false
	}
	return sc.expired && sc.last.State == keyrotor.NotStarted && strings.Contains(sc.last.Reason, "expired")
}
