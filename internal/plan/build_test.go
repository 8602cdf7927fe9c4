package plan_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/plan"
)

func build(t *testing.T, o plan.Options, list ...keyrotor.Assessment) keyrotor.Plan {
	t.Helper()
	p, err := plan.Build(of(list...), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// acts are a plan's changes as "recipe alias period".
func acts(p keyrotor.Plan) []string {
	var lines []string
	for _, c := range p.Changes {
		line := c.Recipe + " " + c.Target.Name
		for _, s := range c.Steps {
			if s.Params.PeriodDays != 0 {
				line += fmt.Sprintf(" %d", s.Params.PeriodDays)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func TestAPlanOfNothingSaysWhy(t *testing.T) {
	resting := func(a *keyrotor.Assessment) { a.Findings = nil }
	asym := func(a *keyrotor.Assessment) { a.View = keyrotor.ViewNotEligible }
	for name, tt := range map[string]struct {
		keys   []keyrotor.Assessment
		choose func(keyrotor.Asset) bool
		want   []string
	}{
		"no keys":             {nil, nil, []string{"there is no key in the inventory"}},
		"nothing chosen":      {[]keyrotor.Assessment{key(1), key(2)}, func(keyrotor.Asset) bool { return false }, []string{"none of 2 keys was chosen"}},
		"all is well":         {[]keyrotor.Assessment{key(1, on(365)), key(2, on(365)), key(3, resting), key(4, asym, resting)}, nil, []string{"2 keys rotating already", "1 key not rotating, and left as it is", "1 key cannot rotate automatically"}},
		"what is chosen is":   {[]keyrotor.Assessment{key(1, on(365)), key(2)}, func(a keyrotor.Asset) bool { return a.KMS.Rotation.On }, []string{"1 key chosen, 1 not", "1 key rotating already"}},
		"what is in the way":  {[]keyrotor.Assessment{key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.State = "Disabled" })}, nil, []string{"1 key not rotating, and left as it is", "1 key left out: its state is Disabled, not Enabled (alias/key-1 111122223333/us-east-1)"}},
		"status was not read": {[]keyrotor.Assessment{key(1, func(a *keyrotor.Assessment) { a.View = keyrotor.ViewUnknown })}, nil, []string{"1 key of which too little could be read", "1 key left out: rotation status unknown (alias/key-1 111122223333/us-east-1)"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Choose = tt.choose
			p := build(t, o, tt.keys...)
			if diff := cmp.Diff(tt.want, p.Warnings); diff != "" || len(p.Changes) > 0 {
				t.Errorf("%d changes, why not (-want +got):\n%s", len(p.Changes), diff)
			}
		})
	}
}

func TestBuildCuresFailingRules(t *testing.T) {
	rule := func(findings ...keyrotor.Finding) func(*keyrotor.Assessment) {
		return func(a *keyrotor.Assessment) { a.Findings = findings }
	}
	fail := func(id string) keyrotor.Finding { return keyrotor.Finding{Rule: id, Verdict: keyrotor.Fail} }
	waived := func(id string) keyrotor.Finding { return keyrotor.Finding{Rule: id, Verdict: keyrotor.Waived} }
	overdue := func(o *plan.Options) { o.RotateOverdue = true }
	for name, tt := range map[string]struct {
		key  keyrotor.Assessment
		o    func(*plan.Options)
		want []string
	}{
		"a key that is off is turned on with KMS's own period":              {key: key(1), want: []string{"enable-rotation alias/key-1 365"}},
		"a shorter cryptoperiod is the period":                              {key: key(1), o: func(o *plan.Options) { o.CryptoperiodDays = 200 }, want: []string{"enable-rotation alias/key-1 200"}},
		"the rule's period comes before that":                               {key: key(1), o: func(o *plan.Options) { o.RulePeriod = func(keyrotor.Assessment) int { return 100 } }, want: []string{"enable-rotation alias/key-1 100"}},
		"the command's period comes first":                                  {key: key(1), o: func(o *plan.Options) { o.PeriodDays = 120; o.RulePeriod = func(keyrotor.Assessment) int { return 100 } }, want: []string{"enable-rotation alias/key-1 120"}},
		"a rule that asks for more than KMS can gets the least":             {key: key(1), o: func(o *plan.Options) { o.RulePeriod = func(keyrotor.Assessment) int { return 30 } }, want: []string{"enable-rotation alias/key-1 90"}},
		"a waived key stays off":                                            {key: key(1, rule(waived("kms-rotation-on")))},
		"a rule of one's own does not undo a waiver":                        {key: key(1, rule(waived("kms-rotation-on"), fail("own-rule")))},
		"a rule of one's own asks for rotation where no other speaks of it": {key: key(1, rule(fail("own-rule"))), want: []string{"enable-rotation alias/key-1 365"}},
		"a rule that rotation does not cure changes nothing":                {key: key(1, rule(fail("kms-usable-from-outside")))},
		"a key of unknown status is left alone":                             {key: key(1, func(a *keyrotor.Assessment) { a.View = keyrotor.ViewUnknown })},
		"an AWS managed key is left alone":                                  {key: key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.KeyManager = "AWS" })},
		"a key pending deletion is left alone":                              {key: key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.State = "PendingDeletion" })},
		"a period that is too long is shortened":                            {key: key(1, on(1000, "kms-period-within-cryptoperiod")), want: []string{"set-period alias/key-1 365"}},
		"a long period that no rule forbids stays":                          {key: key(1, on(1000))},
		"a key that rotates keeps its period when another rule fails":       {key: key(1, on(400, "own-rule"))},
		"a rule of one's own with a period shortens":                        {key: key(1, on(400, "own-rule")), o: func(o *plan.Options) { o.RulePeriod = func(keyrotor.Assessment) int { return 90 } }, want: []string{"set-period alias/key-1 90"}},
		"what is overdue is rotated when asked":                             {key: key(1), o: overdue, want: []string{"enable-rotation alias/key-1 365", "rotate-overdue alias/key-1"}},
		"overdue material without its rule is told by its age":              {key: key(1, on(365)), o: overdue, want: []string{"rotate-overdue alias/key-1"}},
		"a waiver keeps old material":                                       {key: key(1, on(365), rule(waived("kms-material-within-cryptoperiod"))), o: overdue},
		"young material is not rotated":                                     {key: key(1, on(365), func(a *keyrotor.Assessment) { a.Asset.KMS.Material.Since = now.AddDate(0, 0, -364) }), o: overdue},
		"a key without rotations left is not rotated":                       {key: key(1, on(365), func(a *keyrotor.Assessment) { a.Asset.KMS.History.OnDemand = 25 }), o: overdue},
		"imported material rotates when new material waits": {key: key(1, func(a *keyrotor.Assessment) {
			a.View, a.Eligibility.Ability = keyrotor.ViewNotEligible, keyrotor.OnDemand
			a.Asset.KMS.Origin, a.Asset.KMS.Import = "EXTERNAL", &keyrotor.ImportFacts{Pending: "m2"}
		}), o: overdue, want: []string{"rotate-overdue alias/key-1"}},
		"a key whose material id and history are unknown is not rotated": {key: key(1, on(365, "kms-material-within-cryptoperiod"), func(a *keyrotor.Assessment) {
			a.Asset.KMS.Material, a.Asset.KMS.History = nil, nil
		}), o: overdue},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			if tt.o != nil {
				tt.o(&o)
			}
			if diff := cmp.Diff(tt.want, acts(build(t, o, tt.key))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		o    func(*plan.Options)
		want string
	}{
		"an inventory of the day before yesterday": {func(o *plan.Options) { o.Inputs.InventoryTaken = now.Add(-24*time.Hour - time.Second) },
			"a plan from an inventory older than 24 h: it was taken 2026-11-20T10:15:01Z, 24 h ago"},
		"an inventory without a date": {func(o *plan.Options) { o.Inputs.InventoryTaken = time.Time{} },
			"a plan from an inventory older than 24 h: it was taken 0001-01-01T00:00:00Z, more than 1000 h ago"},
		"an inventory of tomorrow": {func(o *plan.Options) { o.Inputs.InventoryTaken = now.Add(time.Hour) },
			"a plan from an inventory of the future: it was taken 2026-11-21T11:15:02Z, and now is 2026-11-21T10:15:02Z"},
		"a period that KMS does not know": {func(o *plan.Options) { o.PeriodDays = 89 },
			"a plan with a period of 89 days: KMS allows 90 to 2560 days"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			tt.o(&o)
			_, err := plan.Build(of(key(1)), o)
			var refusal *keyrotor.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if err.Error() != tt.want || refusal.Next == "" || refusal.Now == "" {
				t.Errorf("got  %s (%q, %q)\nwant %s", err, refusal.Now, refusal.Next, tt.want)
			}
		})
	}
}

func TestBuildEndsWithTheErrorOfItsSource(t *testing.T) {
	broken := errors.New("broken line")
	var source iter.Seq2[keyrotor.Assessment, error] = func(yield func(keyrotor.Assessment, error) bool) {
		_ = yield(key(1), nil) && yield(keyrotor.Assessment{}, broken)
	}
	if _, err := plan.Build(source, options()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestAPlanOfNothingIsAPlan(t *testing.T) {
	p := build(t, options())
	text, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Decode("plan.json", text); err != nil {
		t.Error(err)
	}
}

func TestTheOrderOfTheInventoryDoesNotMatter(t *testing.T) {
	there := estate()
	back := slices.Clone(there)
	slices.Reverse(back)
	o := options()
	o.RotateOverdue = true
	a, b := build(t, o, there...), build(t, o, back...)
	if a.Digest != b.Digest {
		t.Errorf("another digest:\n%s", cmp.Diff(a, b))
	}
}

func TestRotatingKeysAreShownUpToAHundred(t *testing.T) {
	var list []keyrotor.Assessment
	for n := range 450 {
		list = append(list, key(450-n, on(365)))
	}
	p := build(t, options(), list...)
	if len(p.Rotating) != 100 || p.RotatingTotal != 450 || p.Rotating[0].Aliases[0] != "alias/key-1" || p.Rotating[99].Aliases[0] != "alias/key-100" {
		t.Errorf("got %d of %d, %v … %v", len(p.Rotating), p.RotatingTotal, p.Rotating[0].Aliases, p.Rotating[len(p.Rotating)-1].Aliases)
	}
}

func TestCost(t *testing.T) {
	rotated := func(n int) func(*keyrotor.Assessment) {
		return func(a *keyrotor.Assessment) {
			for range n {
				a.Asset.KMS.History.Rotations = append(a.Asset.KMS.History.Rotations, keyrotor.Rotation{Type: "AUTOMATIC"})
			}
		}
	}
	replicas := func(a *keyrotor.Assessment) {
		a.Asset.KMS.MultiRegion = &keyrotor.MultiRegion{Role: "PRIMARY", Replicas: []string{"a", "b"}}
	}
	for name, tt := range map[string]struct {
		key               keyrotor.Assessment
		overdue           bool
		now, first, later int
	}{
		"a key that never rotated pays for two rotations":  {key: key(1), first: 100, later: 100},
		"a key that rotated once pays for one more":        {key: key(1, rotated(1)), first: 100},
		"a key that rotated twice pays no more":            {key: key(1, rotated(2))},
		"replicas pay each":                                {key: key(1, replicas), first: 300, later: 300},
		"a rotation now is paid at once":                   {key: key(1), overdue: true, now: 100, first: 100},
		"a rotation now of what rotated before":            {key: key(1, rotated(1)), overdue: true, now: 100},
		"a shorter period costs nothing":                   {key: key(1, on(1000, "kms-period-within-cryptoperiod"))},
		"an unknown history counts as one without entries": {key: key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.History = nil }), first: 100, later: 100},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.RotateOverdue = tt.overdue
			c := build(t, o, tt.key).Cost
			if c.Now != tt.now || c.FirstMonthly != tt.first || c.SecondMonthly != tt.later || c.PricesAsOf == "" {
				t.Errorf("got %d %d %d (%s), want %d %d %d", c.Now, c.FirstMonthly, c.SecondMonthly, c.PricesAsOf, tt.now, tt.first, tt.later)
			}
		})
	}
}

// That these are the calls really made, a script of cmd/keyrotor (budget.txt) holds
// against a sandbox.
func TestBudgetCountsTheLooksOfApplyAndThoseOfVerifyApart(t *testing.T) {
	o := options()
	o.Canary = 1
	p := build(t, o, key(1), key(2), key(3, in("444455556666", "eu-west-1")))
	want := []keyrotor.CallBudget{ // the first is the canary, and looked at once more
		{Account: "111122223333", Region: "us-east-1", Call: "kms:DescribeKey", Count: 3, Verify: 2, PerSecond: 2000},
		{Account: "111122223333", Region: "us-east-1", Call: "kms:EnableKeyRotation", Count: 2, PerSecond: 15},
		{Account: "111122223333", Region: "us-east-1", Call: "kms:GetKeyRotationStatus", Count: 5, Verify: 2, PerSecond: 1000},
		{Account: "444455556666", Region: "eu-west-1", Call: "kms:DescribeKey", Count: 1, Verify: 1, PerSecond: 2000},
		{Account: "444455556666", Region: "eu-west-1", Call: "kms:EnableKeyRotation", Count: 1, PerSecond: 15},
		{Account: "444455556666", Region: "eu-west-1", Call: "kms:GetKeyRotationStatus", Count: 2, Verify: 1, PerSecond: 1000},
	}
	if diff := cmp.Diff(want, p.Budget); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimitsAreAWarningThatANarrowerPlanCanLose(t *testing.T) {
	o := options()
	o.Limits = guard.Limits{MaxPerRun: 1}
	p := build(t, o, key(1), key(2))
	if !slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.Contains(w, "2 changes, and a run may make 1") }) {
		t.Fatalf("got %q", p.Warnings)
	}
	n, err := plan.Narrow(p, func(c keyrotor.Change) bool { return c.Target.Name == "alias/key-1" }, "alias/key-1", guard.Limits{})
	if err != nil || len(n.Warnings) != 0 {
		t.Errorf("got %q, %v", n.Warnings, err)
	}
}

// "1 key left out: its state is Disabled, not Enabled", and nobody could say which.
func TestWhatAPlanLeavesOutIsNamed(t *testing.T) {
	unread := func(a *keyrotor.Assessment) { a.View = keyrotor.ViewUnknown }
	var keys []keyrotor.Assessment
	for n := 8; n > 0; n-- {
		keys = append(keys, key(n, unread))
	}
	want := "8 keys left out: rotation status unknown (" + strings.Repeat("alias/key-%d 111122223333/us-east-1, ", 5) + "and 3 more)"
	want = fmt.Sprintf(want, 1, 2, 3, 4, 5)
	p := build(t, options(), keys...)
	if got := p.Warnings[len(p.Warnings)-1]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	slices.Reverse(keys)
	if again := build(t, options(), keys...); again.Digest != p.Digest {
		t.Error("the same keys in another order gave another digest")
	}
}
