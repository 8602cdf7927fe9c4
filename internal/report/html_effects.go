package report

import (
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// effect is what became of a key in this run, as far as it is known. Whether it
// rotates is what a second look found, not whether that look agreed: a key that
// was given another period since rotates all the same.
type effect struct {
	on      bool // rotation is on now
	off     bool // a second look found it off
	other   bool // on, with another period than was promised
	rotated bool // it has new material, confirmed where it was verified
	state   keyrotor.OutcomeState
	check   keyrotor.VerificationVerdict
	found   string    // in the words of the second look
	looked  time.Time // when that was
	key     *keyrotor.FoundKey
	next    time.Time
	cures   []string // rules that a change was made for which is done and not found otherwise
}

// effects joins outcomes with their verifications and the steps of the plan. A
// plan may hold two changes of one key, to switch rotation on and to rotate once.
func effects(r Run) map[string]effect {
	checks := map[keyrotor.ChangeID]keyrotor.Verification{}
	for _, v := range r.Verifications {
		checks[v.Change] = v
	}
	changes := map[keyrotor.ChangeID]keyrotor.Change{}
	if r.Plan != nil {
		for _, c := range r.Plan.Changes {
			changes[c.ID] = c
		}
	}
	undone := lastUndone(r)
	out := map[string]effect{}
	for _, o := range r.Outcomes {
		c, planned := changes[o.Change]
		var look *keyrotor.Verification
		if v, verified := checks[o.Change]; verified {
			look = &v
		}
		back, wasUndone := r.TakenBack[o.Change]
		if wasUndone && look != nil && !look.At.After(back.At) {
			look = nil
		}
		if at, other := undone[o.Target.ARN]; other && look != nil && !look.At.After(at) {
			look = withoutRotation(*look)
		}
		e := effectOf(o, c, look, planned, wasUndone)
		if earlier, two := out[o.Target.ARN]; two {
			e = earlier.and(e)
		}
		out[o.Target.ARN] = e
	}
	return out
}

// effectOf is what became of one change of a key.
func effectOf(o keyrotor.Outcome, c keyrotor.Change, look *keyrotor.Verification, planned, undone bool) effect {
	e := effect{state: o.State}
	done := (o.State == keyrotor.Succeeded || o.State == keyrotor.Unchanged) && !undone
	holds := look == nil || look.Verdict == keyrotor.Confirmed
	if done && holds {
		e.cures = c.Why
	}
	e.on = done && holds && enables(o, c, planned)
	e.rotated = o.State == keyrotor.Succeeded && holds && hasStep(c, keyrotor.RotateNow)
	if look != nil {
		e.saw(*look, o, c)
	}
	if undone { // what was promised is not to be held against what is so now
		e.state, e.other = stateUndone, false
	}
	return e
}

// lastUndone is, key by key, when a later run last took something back.
func lastUndone(r Run) map[string]time.Time {
	at := map[string]time.Time{}
	for _, o := range r.Outcomes {
		if t, undone := r.TakenBack[o.Change]; undone && t.At.After(at[o.Target.ARN]) {
			at[o.Target.ARN] = t.At
		}
	}
	return at
}

// withoutRotation is a look that tells of rotation no longer: another change of
// the key was taken back after it. Its material is what it was.
func withoutRotation(v keyrotor.Verification) *keyrotor.Verification {
	v.Next = nil
	if v.Key != nil {
		key := *v.Key
		key.Rotation = nil
		v.Key = &key
	}
	return &v
}

// and joins what two changes made of one key. What is so now is what the last look
// saw; without one, what either change did.
func (e effect) and(f effect) effect {
	first, last := e, f
	if first.looked.After(last.looked) {
		first, last = last, first
	}
	out := last
	if !last.on && !last.off { // the last look says nothing of rotation
		out.on, out.off = first.on, first.off
	}
	out.other = e.other || f.other
	out.rotated = e.rotated || f.rotated
	if badness(first.state) < badness(last.state) {
		out.state = first.state
	}
	if checkRank(first.check) < checkRank(last.check) {
		out.check, out.found = first.check, first.found
	}
	if last.key == nil || last.key.Rotation == nil && first.key != nil && first.key.Rotation != nil {
		out.key = first.key
	}
	if out.next.IsZero() {
		out.next = first.next
	}
	out.cures = slices.Concat(e.cures, f.cures)
	return out
}

// badness orders states, the one to show for a key with several changes first.
// What was taken back comes before all: nothing of it is so any more.
func badness(st keyrotor.OutcomeState) int {
	if st == stateUndone {
		return -1
	}
	return trouble(st)
}

// checkRank orders what second looks said, the worst first.
func checkRank(v keyrotor.VerificationVerdict) int {
	switch v {
	case keyrotor.Discrepant:
		return 0
	case keyrotor.Unreadable:
		return 1
	case keyrotor.Confirmed:
		return 2
	}
	return 3
}

// saw puts what a second look found in the place of what was promised.
func (e *effect) saw(v keyrotor.Verification, o keyrotor.Outcome, c keyrotor.Change) {
	e.check, e.found, e.key, e.looked = v.Verdict, v.Found, v.Key, v.At
	if v.Next != nil {
		e.next = *v.Next
	}
	if v.Key == nil {
		return
	}
	if r := v.Key.Rotation; r != nil {
		e.on, e.off = r.On, !r.On
		want := promisedPeriod(c)
		e.other = r.On && want > 0 && r.PeriodDays > 0 && r.PeriodDays != want
		if r.Next != nil && e.next.IsZero() {
			e.next = *r.Next
		}
	}
	if o.State == keyrotor.Succeeded && hasStep(c, keyrotor.RotateNow) && !o.Started.IsZero() {
		e.rotated = e.rotated || !v.Key.MaterialSince.Before(o.Started.Add(-time.Hour)) // clocks differ
	}
}

// promisedPeriod is the rotation period that a change sets, 0 when it sets none.
func promisedPeriod(c keyrotor.Change) int {
	for _, st := range c.Steps {
		if st.Verb == keyrotor.EnableRotation || st.Verb == keyrotor.SetPeriod {
			return st.Params.PeriodDays
		}
	}
	return 0
}

func hasStep(c keyrotor.Change, verb keyrotor.Verb) bool {
	return slices.ContainsFunc(c.Steps, func(s keyrotor.Step) bool { return s.Verb == verb })
}

// enables reports whether a change switched rotation on; without the plan at
// hand its recipe has to tell.
func enables(o keyrotor.Outcome, c keyrotor.Change, planned bool) bool {
	if planned {
		return hasStep(c, keyrotor.EnableRotation)
	}
	return strings.HasPrefix(o.Recipe, "enable-rotation")
}
