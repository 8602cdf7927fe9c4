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
	found   string // in the words of the second look
	key     *keyrotor.FoundKey
	next    time.Time
	cures   []string // rules that the change was made for
}

// effects joins outcomes with their verifications and the steps of the plan.
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
	out := map[string]effect{}
	for _, o := range r.Outcomes {
		c, planned := changes[o.Change]
		v, verified := checks[o.Change]
		e := effect{state: o.State, cures: c.Why}
		back, undone := r.TakenBack[o.Change]
		verified = verified && (!undone || v.At.After(back.At))
		done := (o.State == keyrotor.Succeeded || o.State == keyrotor.Unchanged) && !undone
		holds := !verified || v.Verdict == keyrotor.Confirmed
		e.on = done && holds && enables(o, c, planned)
		e.rotated = o.State == keyrotor.Succeeded && holds && hasStep(c, keyrotor.RotateNow)
		if verified {
			e.saw(v, o, c)
		}
		if undone { // what was promised is not to be held against what is so now
			e.state, e.other = stateUndone, false
		}
		out[o.Target.ARN] = e
	}
	return out
}

// saw puts what a second look found in the place of what was promised.
func (e *effect) saw(v keyrotor.Verification, o keyrotor.Outcome, c keyrotor.Change) {
	e.check, e.found, e.key = v.Verdict, v.Found, v.Key
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

// The built-in rules of which it is known what cures them. kms-rotation-on is
// the one that the target list shows key by key.
const (
	ruleRotationOn  = "kms-rotation-on"
	ruleRotationOff = "kms-rotation-turned-off"
	rulePeriod      = "kms-period-within-cryptoperiod"
	ruleMaterial    = "kms-material-within-cryptoperiod"
)

// curedBy reports whether this run is known to have ended the failure of a rule.
// Of a rule of the user's own only its period is known.
func (b *builder) curedBy(e effect, rule string) bool {
	r := b.tally.rules[rule]
	switch {
	case rule == ruleRotationOn, rule == ruleRotationOff:
		return e.on
	case rule == ruleMaterial:
		return e.rotated
	case rule != rulePeriod && (r == nil || r.PeriodDays == 0):
		return false
	}
	done := e.state == keyrotor.Succeeded || e.state == keyrotor.Unchanged
	return done && (e.check == "" || e.check == keyrotor.Confirmed) && slices.Contains(e.cures, rule)
}

// countCures counts, rule by rule, how a run changed the number of failures.
func (b *builder) countCures(a keyrotor.Assessment, e effect) {
	for _, f := range a.Findings {
		switch {
		case f.Verdict == keyrotor.Fail && b.curedBy(e, f.Rule):
			b.cured[f.Rule]++
		case f.Verdict == keyrotor.Pass && f.Rule == ruleRotationOn && e.off:
			b.cured[f.Rule]--
		}
	}
}
