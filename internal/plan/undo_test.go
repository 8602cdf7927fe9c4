package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

func receipt(c keyrotor.Change) keyrotor.Receipt {
	return keyrotor.Receipt{Change: c.ID, Step: 1, Verb: c.Steps[0].Verb, At: now}
}

func TestUndo(t *testing.T) {
	turnedOn := func(days int) func(*keyrotor.Asset) {
		return func(a *keyrotor.Asset) { a.KMS.Rotation = &keyrotor.RotationFacts{On: true, PeriodDays: days} }
	}
	turnedOnAt := func(at time.Time) func(*keyrotor.Asset) {
		return func(a *keyrotor.Asset) {
			a.KMS.Rotation = &keyrotor.RotationFacts{On: true, PeriodDays: 365, Next: new(at.AddDate(0, 0, 365))}
		}
	}
	for name, tt := range map[string]struct {
		key     keyrotor.Assessment
		overdue bool
		state   keyrotor.OutcomeState
		alter   func(*keyrotor.Receipt)
		none    bool                  // no receipts
		since   func(*keyrotor.Asset) // what the key is like today
		gone    bool
		want    string // verb and period
		refused string
	}{
		"what was turned on is turned off":              {key: key(1), state: keyrotor.Succeeded, since: turnedOn(365), want: "disable-rotation 0"},
		"what a crash hid is undone":                    {key: key(1), state: keyrotor.Succeeded, alter: func(r *keyrotor.Receipt) { r.Recovered = true }, since: turnedOn(365), want: "disable-rotation 0"},
		"what failed after its effect is undone":        {key: key(1), state: keyrotor.Failed, since: turnedOn(365), want: "disable-rotation 0"},
		"an earlier period comes back":                  {key: key(1, on(1000, "kms-period-within-cryptoperiod")), state: keyrotor.Succeeded, since: turnedOn(365), want: "set-period 1000"},
		"what others had done is theirs":                {key: key(1), state: keyrotor.Unchanged, alter: func(r *keyrotor.Receipt) { r.Found = true }, since: turnedOn(365), refused: "the run changed nothing"},
		"what was rolled back needs no undo":            {key: key(1), state: keyrotor.RolledBack, since: turnedOn(365), refused: "the run changed nothing"},
		"what was not started needs no undo":            {key: key(1), state: keyrotor.NotStarted, none: true, refused: "the run changed nothing"},
		"what others changed since is left to them":     {key: key(1), state: keyrotor.Succeeded, since: turnedOn(90), refused: "somebody set the period to 90 d since"},
		"what others turned off and on since is theirs": {key: key(1), state: keyrotor.Succeeded, since: turnedOnAt(now.AddDate(0, 0, 3)), refused: "somebody turned rotation on anew since: the next one is on 2027-11-24, and was to be on 2027-11-21"},
		"a clock that is ours is undone":                {key: key(1), state: keyrotor.Succeeded, since: turnedOnAt(now.Add(5 * time.Minute)), want: "disable-rotation 0"},
		"an effect found late has an earlier clock":     {key: key(1), state: keyrotor.Succeeded, since: turnedOnAt(now.AddDate(0, 0, -3)), want: "disable-rotation 0"},
		"a clock that went on by itself is ours": {key: key(1), state: keyrotor.Succeeded, since: func(a *keyrotor.Asset) {
			turnedOnAt(now.AddDate(0, 0, 365))(a)
			a.KMS.History.Rotations = []keyrotor.Rotation{{At: now.AddDate(0, 0, 365), Type: "AUTOMATIC"}}
		}, want: "disable-rotation 0"},
		"what others turned off since stays so":      {key: key(1), state: keyrotor.Succeeded, refused: "rotation is off already"},
		"a key that is gone is said":                 {key: key(1), state: keyrotor.Succeeded, gone: true, refused: "could not be looked at, or does not exist any more"},
		"doubt is said":                              {key: key(1), state: keyrotor.Unproven, none: true, refused: "unproven: whether it was done is not known"},
		"a rotation cannot be taken back":            {key: key(1, on(365)), overdue: true, state: keyrotor.Succeeded, refused: "a rotation cannot be taken back"},
		"doubt with a receipt goes by its receipt":   {key: key(1), state: keyrotor.Unproven, since: turnedOn(365), want: "disable-rotation 0"},
		"a key pending deletion is left as it is":    {key: key(1), state: keyrotor.Succeeded, since: func(a *keyrotor.Asset) { a.KMS.State = "PendingDeletion" }, refused: "pending deletion"},
		"a status that cannot be read is left alone": {key: key(1), state: keyrotor.Succeeded, since: func(a *keyrotor.Asset) { a.KMS.Rotation = nil }, refused: "its rotation status is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.RotateOverdue = tt.overdue
			p := build(t, o, tt.key)
			out := keyrotor.Outcome{Run: "run-1", Change: p.Changes[0].ID, State: tt.state, Receipts: []keyrotor.Receipt{receipt(p.Changes[0])}}
			if tt.none {
				out.Receipts = nil
			}
			if tt.alter != nil {
				tt.alter(&out.Receipts[0])
			}
			today := key(1).Asset
			if tt.since != nil {
				tt.since(&today)
			}
			u, err := plan.Undo(p, []keyrotor.Outcome{out}, func(keyrotor.Target) (keyrotor.Asset, bool) { return today, !tt.gone }, options())
			if tt.refused != "" {
				var refusal *keyrotor.Refusal
				if !errors.As(err, &refusal) || !strings.Contains(err.Error(), tt.refused) {
					t.Fatalf("got %v, want a refusal: %s", err, tt.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c := u.Changes[0]
			got := string(c.Steps[0].Verb) + " " + strings.TrimPrefix(strings.Join(strings.Fields(acts(u)[0])[2:], " "), " ")
			if c.Steps[0].Params.PeriodDays == 0 {
				got = string(c.Steps[0].Verb) + " 0"
			}
			if got != tt.want || u.Undoes != "run-1" || c.Recipe != plan.RecipeUndo {
				t.Errorf("got %s of %s (%s), want %s", got, u.Undoes, c.Recipe, tt.want)
			}
			text, err := plan.Encode(u)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := plan.Decode("plan.json", text); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTagsComeBackAsTheyWere(t *testing.T) {
	o := options()
	o.Choose = func(keyrotor.Asset) bool { return true }
	p, err := plan.BuildCommand(plan.CommandTag, of(key(1, env("dev"))), o, plan.CommandOptions{Tags: map[string]string{"env": "test", "owner": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	today := key(1).Asset
	today.Tags = map[string]string{"env": "test", "owner": "x"}
	out := keyrotor.Outcome{Change: p.Changes[0].ID, State: keyrotor.Succeeded, Receipts: []keyrotor.Receipt{receipt(p.Changes[0])}}
	u, err := plan.Undo(p, []keyrotor.Outcome{out}, func(keyrotor.Target) (keyrotor.Asset, bool) { return today, true }, options())
	if err != nil {
		t.Fatal(err)
	}
	steps := u.Changes[0].Steps
	if len(steps) != 2 || steps[0].Verb != keyrotor.TagKey || steps[1].Verb != keyrotor.UntagKey || steps[1].Number != 2 {
		t.Fatalf("got %+v", steps)
	}
	if diff := cmp.Diff(map[string]string{"env": "dev"}, steps[0].Params.Tags); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.Equal(steps[1].Params.TagKeys, []string{"owner"}) {
		t.Errorf("removes %q", steps[1].Params.TagKeys)
	}
	if got := u.Changes[0].Undo; len(got) != 2 || got[0].Params.Tags["owner"] != "x" || got[1].Params.Tags["env"] != "test" {
		t.Errorf("the undo of the undo is %+v", got)
	}
}

func TestUndoOfSomeGoesOnWithoutTheRest(t *testing.T) {
	o := options()
	o.RotateOverdue = true
	p := build(t, o, key(1))
	var outcomes []keyrotor.Outcome
	for _, c := range p.Changes {
		outcomes = append(outcomes, keyrotor.Outcome{Change: c.ID, State: keyrotor.Waiting}, keyrotor.Outcome{Change: c.ID, State: keyrotor.Succeeded, Receipts: []keyrotor.Receipt{receipt(c)}})
	}
	today := key(1).Asset
	today.KMS.Rotation = &keyrotor.RotationFacts{On: true, PeriodDays: 365}
	u, err := plan.Undo(p, outcomes, func(keyrotor.Target) (keyrotor.Asset, bool) { return today, true }, options())
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Changes) != 1 || u.Undoes != p.Run {
		t.Errorf("got %q, undoes %s", acts(u), u.Undoes)
	}
	if !slices.ContainsFunc(u.Warnings, func(w string) bool { return strings.Contains(w, "a rotation cannot be taken back") }) {
		t.Errorf("does not say what it cannot: %q", u.Warnings)
	}
}

func TestAChangeOfAnUndoNamesTheChangeThatItTakesBack(t *testing.T) {
	p := build(t, options(), key(1))
	c := p.Changes[0]
	out := keyrotor.Outcome{Run: "run-1", Change: c.ID, State: keyrotor.Succeeded, Receipts: []keyrotor.Receipt{receipt(c)}}
	today := key(1, on(365)).Asset
	undo, err := plan.Undo(p, []keyrotor.Outcome{out}, func(keyrotor.Target) (keyrotor.Asset, bool) { return today, true }, options())
	if err != nil {
		t.Fatal(err)
	}
	if id, run, ok := plan.Reverts(undo.Changes[0]); !ok || id != c.ID || run != "run-1" {
		t.Errorf("%s of %s, %t; want %s of run-1", id, run, ok, c.ID)
	}
	if id, run, ok := plan.Reverts(c); ok {
		t.Errorf("a change that undoes nothing reverts %s of %s", id, run)
	}
}
