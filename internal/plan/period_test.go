package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// held adds what a rule about periods says of a key.
func held(rule string, v keyrotor.Verdict) func(*keyrotor.Assessment) {
	return func(a *keyrotor.Assessment) {
		a.Findings = append(a.Findings, keyrotor.Finding{Rule: rule, Verdict: v})
	}
}

// Two thousand days were planned for a key whose rule allows 365, without a word.
func TestAPeriodThatRulesDoNotAllowIsWarnedOf(t *testing.T) {
	const pack, own = "kms-period-within-cryptoperiod", "own-half-year"
	const moves = "setting the period moves the next rotation of 1 key to 2000 d after that, not before 2032-05-13: later than now for 1"
	for name, tt := range map[string]struct {
		key  keyrotor.Assessment
		want []string
	}{
		"the rule of the pack":    {key(1, on(365), held(pack, keyrotor.Pass)), []string{"1 key: a period of 2000 d is longer than rules allow, which will fail: " + pack + " (365 d)", moves}},
		"one that fails already":  {key(1, on(1000), held(pack, keyrotor.Fail)), []string{"1 key: a period of 2000 d is longer than rules allow, which will fail: " + pack + " (365 d)", moves}},
		"one of the user's":       {key(1, on(180), held(own, keyrotor.Pass)), []string{"1 key: a period of 2000 d is longer than rules allow, which will fail: " + own + " (180 d)", moves}},
		"both":                    {key(1, on(180), held(own, keyrotor.Pass), held(pack, keyrotor.Pass)), []string{"1 key: a period of 2000 d is longer than rules allow, which will fail: " + pack + " (365 d), " + own + " (180 d)", moves}},
		"one that is waived":      {key(1, on(365), held(pack, keyrotor.Waived)), []string{moves}},
		"one of other keys":       {key(1, on(365), held(own, keyrotor.NotApplicable), held(pack, keyrotor.NotApplicable)), []string{moves}},
		"no rule about periods":   {key(1, on(365)), []string{moves}},
		"a rule of other matters": {key(1, on(365), held("kms-owner-tag", keyrotor.Fail)), []string{moves}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.PeriodDays, o.Choose = 2000, func(keyrotor.Asset) bool { return true }
			o.PeriodOf = func(rule string) int { return map[string]int{own: 180}[rule] }
			p, err := plan.BuildCommand(plan.CommandSetPeriod, of(tt.key), o, plan.CommandOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, p.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// The rule about periods applies to a key as soon as its rotation is on.
func TestALongPeriodIsWarnedOfWhereRotationIsTurnedOn(t *testing.T) {
	o := options()
	o.PeriodDays = 2000
	p := build(t, o, key(1, held("kms-period-within-cryptoperiod", keyrotor.NotApplicable)), key(2, held("kms-period-within-cryptoperiod", keyrotor.NotApplicable)))
	const sentence = "a period of 2000 d is longer than rules allow, which will fail: kms-period-within-cryptoperiod (365 d)"
	if diff := cmp.Diff([]string{"2 keys: " + sentence}, p.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if got := p.Changes[0].Warning; got != sentence {
		t.Errorf("the change warns of %q", got)
	}
	o.PeriodDays = 365
	if p := build(t, o, key(1, held("kms-period-within-cryptoperiod", keyrotor.NotApplicable))); len(p.Warnings) > 0 {
		t.Errorf("365 d: %q", p.Warnings)
	}
	o.PeriodDays = 2000
	made, err := plan.BuildCommand(plan.CommandCreateKey, of(), o, plan.CommandOptions{Key: plan.NewKey{Account: "111122223333", Region: "us-east-1", Alias: "alias/new"}})
	if err != nil || !strings.Contains(strings.Join(made.Warnings, ""), "a period of 2000 d is longer than the cryptoperiod of 365 d") {
		t.Errorf("a new key: %q, %v", made.Warnings, err)
	}
}

func TestThePeriodThatComesBackStartsTheClockAnew(t *testing.T) {
	p := build(t, options(), key(1, on(1000, "kms-period-within-cryptoperiod")))
	out := keyrotor.Outcome{Run: "run-1", Change: p.Changes[0].ID, State: keyrotor.Succeeded, Receipts: []keyrotor.Receipt{receipt(p.Changes[0])}}
	today := key(1, on(365)).Asset
	u, err := plan.Undo(p, []keyrotor.Outcome{out}, func(keyrotor.Target) (keyrotor.Asset, bool) { return today, true }, options())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"setting the period moves the next rotation of 1 key to 1000 d after that, not before 2029-08-17: later than now for 1",
		"setting the period back starts its clock anew",
	}
	if diff := cmp.Diff(want, u.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
