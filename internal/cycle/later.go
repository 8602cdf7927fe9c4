package cycle

import (
	"cmp"
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Setting is how a run of ours left the automatic rotation of a key.
type Setting struct {
	By keyrotor.RunID
	At time.Time
	On bool
	// PeriodDays is 0 where rotation is off.
	PeriodDays int
}

func (s Setting) String() string {
	if !s.On {
		return "switched off by run " + string(s.By)
	}
	return fmt.Sprintf("set to %d d by run %s", s.PeriodDays, s.By)
}

// Settings are how a run left the keys whose rotation it set itself, by ARN.
func Settings(p keyrotor.Plan, did []keyrotor.Outcome) map[string]Setting {
	steps := map[keyrotor.ChangeID]map[int]keyrotor.Step{}
	for _, c := range p.Changes {
		steps[c.ID] = map[int]keyrotor.Step{}
		for _, s := range c.Steps {
			steps[c.ID][s.Number] = s
		}
	}
	left := map[string]Setting{}
	for _, o := range did {
		for _, r := range o.Receipts {
			s, known := steps[o.Change][r.Step]
			if !known || s.Target.ARN == "" || r.Found || o.State == keyrotor.RolledBack || r.At.Before(left[s.Target.ARN].At) {
				continue
			}
			switch s.Verb {
			case keyrotor.EnableRotation, keyrotor.SetPeriod:
				left[s.Target.ARN] = Setting{By: p.Run, At: r.At, On: true, PeriodDays: cmp.Or(s.Params.PeriodDays, keyrotor.DefaultRotationPeriodDays)}
			case keyrotor.DisableRotation:
				left[s.Target.ARN] = Setting{By: p.Run, At: r.At}
			default: // leaves the schedule as it is
			}
		}
	}
	return left
}

// Holds reports whether a fresh look found the key as the run left it. In other
// states than enabled a key's rotation reads as off, whoever left it how.
func (s Setting) Holds(k *keyrotor.KMSFacts) bool {
	return k != nil && s.holds(k.State, k.Rotation)
}

// explains reports whether what a verification found is what the run left.
func (s Setting) explains(v keyrotor.Verification) bool {
	return v.Key != nil && s.holds(v.Key.State, v.Key.Rotation)
}

func (s Setting) holds(state string, r *keyrotor.RotationFacts) bool {
	return state == "Enabled" && r != nil && r.On == s.On && (!s.On || r.PeriodDays == s.PeriodDays)
}
