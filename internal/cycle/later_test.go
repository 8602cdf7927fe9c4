package cycle_test

import (
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
)

func TestARunTellsHowItLeftTheKeysThatItSetItself(t *testing.T) {
	at := keyrotor.Target{ID: "k1", ARN: "arn:k1"}
	step := func(n int, v keyrotor.Verb, days int) keyrotor.Step {
		return keyrotor.Step{Number: n, Verb: v, Target: at, Params: keyrotor.Params{PeriodDays: days}}
	}
	receipt := func(n int, v keyrotor.Verb) keyrotor.Receipt {
		return keyrotor.Receipt{Change: "c", Step: n, Verb: v, At: noon.Add(time.Duration(n) * time.Minute)}
	}
	found := receipt(1, keyrotor.EnableRotation)
	found.Found = true
	for name, c := range map[string]struct {
		steps    []keyrotor.Step
		receipts []keyrotor.Receipt
		state    keyrotor.OutcomeState
		want     string // "" for nothing
	}{
		"a period":                      {[]keyrotor.Step{step(1, keyrotor.SetPeriod, 180)}, []keyrotor.Receipt{receipt(1, keyrotor.SetPeriod)}, keyrotor.Succeeded, "set to 180 d by run R"},
		"on, with no period named":      {[]keyrotor.Step{step(1, keyrotor.EnableRotation, 0)}, []keyrotor.Receipt{receipt(1, keyrotor.EnableRotation)}, keyrotor.Succeeded, "set to 365 d by run R"},
		"off":                           {[]keyrotor.Step{step(1, keyrotor.DisableRotation, 0)}, []keyrotor.Receipt{receipt(1, keyrotor.DisableRotation)}, keyrotor.Succeeded, "switched off by run R"},
		"the last of several":           {[]keyrotor.Step{step(1, keyrotor.EnableRotation, 365), step(2, keyrotor.SetPeriod, 90)}, []keyrotor.Receipt{receipt(1, keyrotor.EnableRotation), receipt(2, keyrotor.SetPeriod)}, keyrotor.Succeeded, "set to 90 d by run R"},
		"done before it failed":         {[]keyrotor.Step{step(1, keyrotor.SetPeriod, 180)}, []keyrotor.Receipt{receipt(1, keyrotor.SetPeriod)}, keyrotor.Failed, "set to 180 d by run R"},
		"what others had done":          {[]keyrotor.Step{step(1, keyrotor.EnableRotation, 365)}, []keyrotor.Receipt{found}, keyrotor.Unchanged, ""},
		"what was rolled back":          {[]keyrotor.Step{step(1, keyrotor.SetPeriod, 180)}, []keyrotor.Receipt{receipt(1, keyrotor.SetPeriod)}, keyrotor.RolledBack, ""},
		"what speaks of no rotation":    {[]keyrotor.Step{step(1, keyrotor.TagKey, 0)}, []keyrotor.Receipt{receipt(1, keyrotor.TagKey)}, keyrotor.Succeeded, ""},
		"what was planned and not done": {[]keyrotor.Step{step(1, keyrotor.SetPeriod, 180)}, nil, keyrotor.Skipped, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := keyrotor.Plan{Run: "R", Changes: []keyrotor.Change{{ID: "c", Target: at, Steps: c.steps}}}
			set, known := cycle.Settings(p, []keyrotor.Outcome{{Run: "R", Change: "c", State: c.state, Receipts: c.receipts}})[at.ARN]
			switch {
			case known != (c.want != ""):
				t.Errorf("told %v, %v; want %q", set, known, c.want)
			case known && set.String() != c.want:
				t.Errorf("got %q, want %q", set, c.want)
			}
		})
	}
}
