package applytest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
)

// checkTurn holds after every turn, however it ended.
func (sc *scenario) checkTurn() {
	if n := sc.world.Made(); n > 1 {
		sc.problem("%d were made, want at most one", n)
	}
	if sc.world.Always || !sc.inside() {
		if err := sc.world.Agree(); err != nil {
			sc.problem("after a turn consumers cannot use what they are given: %v", err)
		}
	}
	if sc.world.Kept != nil && sc.inGrace() && !sc.superseded {
		if err := sc.world.Kept(); err != nil {
			sc.problem("the old credential did not live through its grace: %v", err)
		}
	}
}

// inGrace reports whether the journal does not yet allow the old credential to
// end: promotion was not seen, or seen a grace period ago at most.
func (sc *scenario) inGrace() bool {
	seen, grace := sc.promoted()
	return seen.IsZero() || sc.fuse.Now().Before(seen.Add(grace))
}

func (sc *scenario) promoted() (seen time.Time, grace time.Duration) {
	m := sc.memory()
	for _, s := range sc.world.Change.Steps {
		switch s.Verb {
		case keyrotor.Promote:
			seen = m.Receipts[s.Number].At
		case keyrotor.Retire:
			grace = time.Duration(s.Params.GraceHours) * time.Hour
		}
	}
	return seen, grace
}

// checkVisible holds at the moment of the last word: what can be seen by then
// must not be called unproven.
func (sc *scenario) checkVisible() {
	if sc.last.State == keyrotor.Unproven && sc.world.Made() > 0 {
		sc.problem("unproven, though the effect is there to be seen")
	}
}

// checkEnd holds when nothing more will be done.
func (sc *scenario) checkEnd() {
	if n := sc.world.Made(); n > 1 {
		sc.problem("%d were made, want at most one", n)
	}
	if err := sc.world.Agree(); err != nil {
		sc.problem("in the end consumers cannot use what they are given: %v", err)
	}
	if sc.world.Strays != nil {
		if err := sc.world.Strays(strings.Join(sc.journal.Lines(), "\n")); err != nil {
			sc.problem("alive and unknown: %v", err)
		}
	}
	sc.checkWord()
	sc.checkRecord()
}

// checkWord holds the last outcome against the world.
func (sc *scenario) checkWord() {
	o := sc.last
	if o.State != keyrotor.Succeeded && o.Reason == "" {
		sc.problem("%s without a reason", o.State)
	}
	switch o.State {
	case keyrotor.Succeeded:
		if sc.world.Made() != 1 {
			sc.problem("succeeded with %d made", sc.world.Made())
		}
		if sc.world.Gone != nil {
			if err := sc.world.Gone(); err != nil {
				sc.problem("succeeded, and the old credential is alive: %v", err)
			}
		}
		sc.checkReceipts(o)
	case keyrotor.Unproven:
		if !slices.ContainsFunc(sc.world.Change.Steps, func(s keyrotor.Step) bool { return s.Verb.OnceOnly() }) {
			sc.problem("unproven, of calls that may be repeated: %s", o.Reason)
		}
		if !sc.fuse.fired {
			sc.problem("unproven without a fault: %s", o.Reason)
		}
	case keyrotor.NotStarted:
		if !sc.expired || sc.begun() || sc.world.Made() > 0 {
			sc.problem("ended as not started: %s", o.Reason)
		}
	case keyrotor.Failed, keyrotor.Skipped:
		if !sc.superseded && !(sc.world.Mend == nil && sc.failedAsExpected()) {
			sc.problem("ended as %s: %s", o.State, o.Reason)
		}
		if o.State == keyrotor.Skipped && sc.begun() && sc.world.Made() > 0 && !strings.Contains(o.Reason, token(sc.world.Change.ID)) {
			sc.problem("skipped, though something was made that it does not name: %s", o.Reason)
		}
		if sc.superseded && o.State == keyrotor.Failed {
			sc.problem("superseded, and there is no end to trying: %s", o.Reason)
		}
	case keyrotor.RolledBack:
		sc.checkRestored()
	default:
		sc.problem("never ended: %s: %s", o.State, o.Reason)
	}
}

// checkRestored: rolled back means that all is as it was, by a way that the
// record knows, and that a later change can begin anew.
func (sc *scenario) checkRestored() {
	if sc.world.Restored == nil || !(sc.world.Refuses || sc.fuse.refusals > 0) {
		sc.problem("rolled back, though nothing was refused: %s", sc.last.Reason)
		return
	}
	if err := sc.world.Restored(); err != nil {
		sc.problem("rolled back, and not as it was: %v", err)
	}
	m := sc.memory()
	for _, s := range sc.world.Change.BackOut {
		if _, ok := m.Receipts[s.Number]; !ok {
			sc.problem("rolled back without a receipt for step %d (%s)", s.Number, s.Verb)
		}
	}
}

// checkReceipts: of a success every step has one, and those of our own effects
// say so, for undo reads them.
func (sc *scenario) checkReceipts(o keyrotor.Outcome) {
	for _, s := range sc.world.Change.Steps {
		i := slices.IndexFunc(o.Receipts, func(r keyrotor.Receipt) bool { return r.Step == s.Number })
		switch {
		case i < 0:
			sc.problem("succeeded without a receipt for step %d (%s)", s.Number, s.Verb)
		case o.Receipts[i].Found && slices.Contains(sc.world.Ours, s.Verb):
			sc.problem("the receipt of step %d (%s) disowns our own effect", s.Number, s.Verb)
		case !o.Receipts[i].Found && sc.world.Names[s.Verb] != "" && o.Receipts[i].Result[sc.world.Names[s.Verb]] == "":
			sc.problem("the receipt of step %d (%s) does not name the %s", s.Number, s.Verb, sc.world.Names[s.Verb])
		case o.Receipts[i].Recovered && !sc.fuse.fired:
			sc.problem("the receipt of step %d (%s) speaks of a recovery where nothing went wrong", s.Number, s.Verb)
		}
	}
}

// checkRecord reads the journal as an auditor does.
func (sc *scenario) checkRecord() {
	intents := map[int]apply.Intent{}
	receipts := map[int]keyrotor.Receipt{}
	finals, unproven := 0, 0
	sc.journal.each(func(l line) {
		switch {
		case l.Intent != nil:
			intents[l.Intent.Step] = *l.Intent
		case l.Receipt != nil:
			r := *l.Receipt
			if !sc.announced(intents, r.Step) && !r.Found {
				sc.problem("the record has an effect without an intent: step %d (%s)", r.Step, r.Verb)
			}
			if before, twice := receipts[r.Step]; twice && !before.At.Equal(r.At) {
				sc.problem("the record has two different receipts for step %d (%s)", r.Step, r.Verb)
			}
			receipts[r.Step] = r
		case l.Outcome != nil && l.Outcome.State == keyrotor.Unproven:
			unproven++
		case l.Outcome != nil && l.Outcome.State.Final():
			finals++
		}
	})
	if sc.last.State.Final() && finals+unproven == 0 {
		sc.problem("the last word was never written down")
	}
	// A later turn may see what an earlier one could not tell, but says neither twice.
	if finals > 1 || unproven > 1 {
		sc.problem("the record has %d last words, and %d times that it cannot be told", finals, unproven)
	}
	if m := sc.memory(); m.Outcome != nil && sc.last.State.Final() && m.Outcome.State != sc.last.State {
		sc.problem("the record ends with %s, and what was said is %s", m.Outcome.State, sc.last.State)
	}
	if sc.last.State == keyrotor.Succeeded || sc.last.State == keyrotor.RolledBack {
		for n := range sc.memory().Open {
			sc.problem("the intent of step %d has neither receipt nor refusal", n)
		}
		sc.checkGrace(receipts)
	}
}

// announced reports whether the record holds the intent of a step. On the way
// back inside a stretch, where a full journal stops nobody, the intents of the
// stretch's door stand for it.
func (sc *scenario) announced(intents map[int]apply.Intent, step int) bool {
	if _, own := intents[step]; own {
		return true
	}
	back := sc.world.Change.BackOut
	i := slices.IndexFunc(back, func(s keyrotor.Step) bool { return s.Number == step })
	if i < 0 || back[i].Stretch == 0 {
		return false
	}
	return !slices.ContainsFunc(sc.world.Change.Steps, func(s keyrotor.Step) bool {
		_, ok := intents[s.Number]
		return s.Stretch == back[i].Stretch && !ok
	})
}

func (sc *scenario) checkGrace(receipts map[int]keyrotor.Receipt) {
	seen, grace := sc.promoted()
	for _, r := range receipts {
		if r.Verb == keyrotor.Retire && !r.Found && r.At.Before(seen.Add(grace)) {
			sc.problem("retired %s after promotion, want %s", r.At.Sub(seen), grace)
		}
	}
}

// checkSeen: once a change has succeeded, Check sees every step of it.
func (sc *scenario) checkSeen() {
	if sc.last.State != keyrotor.Succeeded {
		return
	}
	sc.fuse.set(0, fine, 0)
	actor := watched{sc.world.Actor(), sc.fuse}
	for _, s := range sc.world.Change.Steps {
		s.Token, s.After = token(sc.world.Change.ID), sc.fuse.Now().Add(-10000*time.Hour)
		if done, err := actor.Check(context.Background(), s); !done {
			sc.problem("step %d (%s) was done, and Check does not see it: %v", s.Number, s.Verb, err)
		}
	}
}
