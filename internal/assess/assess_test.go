package assess_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

// Two ways to the same verdicts: the rules, and plain Go written apart.
func TestPlainGoAgreesWithTheBuiltinPack(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}})
	rapid.Check(t, func(t *rapid.T) {
		asset := mess(rapid.IntRange(0, 100_000).Draw(t, "shape"))
		k := asset.KMS
		k.State = rapid.SampledFrom([]string{"Enabled", "Disabled", "PendingDeletion", "PendingImport"}).Draw(t, "state")
		since := ago(rapid.IntRange(0, 2000).Draw(t, "age"))
		k.Material = &keyrotor.MaterialFacts{Since: since}
		if k.Rotation != nil {
			k.Rotation = &keyrotor.RotationFacts{
				On: rapid.Bool().Draw(t, "on"), PeriodDays: rapid.IntRange(90, 2560).Draw(t, "period"), Next: in(rapid.IntRange(1, 89).Draw(t, "next")),
			}
		}
		if k.Policy != nil {
			k.Policy.Public = rapid.Bool().Draw(t, "public")
			k.Policy.NetworkOnly = rapid.Bool().Draw(t, "network only")
		}
		if k.History != nil {
			k.History = &keyrotor.RotationHistory{OnDemand: rapid.IntRange(0, 25).Draw(t, "on demand")}
		}
		for i, want := range plain(&asset) {
			got := a.Assess(asset).Findings[i]
			if got.Rule != want.Rule || got.Verdict != want.Verdict {
				t.Fatalf("got %s %s (%s), want %s %s", got.Rule, got.Verdict, got.Message, want.Rule, want.Verdict)
			}
		}
	})
}

func TestAssessMayBeCalledFromManyGoroutines(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}, Waivers: waivers(t, "2026-01-01"), Previous: func(string) (bool, bool) { return true, true }})
	const workers, each = 8, 200
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range each {
				a.Assess(mess(i))
			}
		})
	}
	wg.Wait()
	c := a.Counts()
	want := map[keyrotor.View]int{keyrotor.ViewRotating: workers * each * 5 / 10, keyrotor.ViewTarget: workers * each * 2 / 10, keyrotor.ViewNotEligible: workers * each * 3 / 10}
	if diff := cmp.Diff(want, c.Views); diff != "" {
		t.Errorf("views (-want +got):\n%s", diff)
	}
	wantClasses := map[string]int{"asymmetric signing key": 160, "imported key material": 160, "pending deletion": 160}
	if diff := cmp.Diff(wantClasses, c.Classes); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	for _, r := range c.Rules[:len(c.Rules)-1] {
		sum := 0
		for _, n := range r.Verdicts {
			sum += n
		}
		if sum != workers*each {
			t.Errorf("rule %s gave %d verdicts, want %d", r.ID, sum, workers*each)
		}
	}
	if c.Overdue != workers*each*2/10 {
		t.Errorf("got %d overdue, want %d", c.Overdue, workers*each*2/10)
	}
}

func TestOneAssetAssessedTwiceGivesTheSame(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}})
	for i := range 100 {
		if diff := cmp.Diff(a.Assess(mess(i)), a.Assess(mess(i))); diff != "" {
			t.Errorf("asset %d (-first +second):\n%s", i, diff)
		}
	}
}

func TestTheCryptoperiodIsAnOption(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}, CryptoperiodDays: 90})
	got := a.Assess(healthy())
	if diff := cmp.Diff([]string{"kms-period-within-cryptoperiod", "kms-material-within-cryptoperiod"}, got.Failed()); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	if m := finding(got, "kms-material-within-cryptoperiod").Message; m != "material is 100 d old, cryptoperiod 90 d" {
		t.Errorf("got message %q", m)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	one := "rules:\n  - {id: mine, severity: low, require: asset.rotation.on, message: m}\n"
	for name, tc := range map[string]struct {
		o    assess.Options
		want string
	}{
		"no time":            {assess.Options{}, "time of the assessment is not set"},
		"negative":           {assess.Options{Now: today(), CryptoperiodDays: -1}, "out of range"},
		"absurd":             {assess.Options{Now: today(), CryptoperiodDays: 1 << 40}, "out of range"},
		"one rule two packs": {assess.Options{Now: today(), Packs: []*assess.Pack{load(t, one), load(t, one)}}, "rule mine is already defined by own.yaml"},
	} {
		_, err := assess.New(tc.o)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
}

// What expressions do at the edges: each line is a requirement, asked of a
// healthy key unless the name says otherwise.
func TestVerdictsAtTheEdges(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		when, require string
		change        change
		want          keyrotor.Verdict
	}{
		"a missing tag in when does not match":          {`asset.tags.team == "a"`, `false`, nil, keyrotor.NotApplicable},
		"a missing tag in require is not met":           {`true`, `asset.tags.team == "a"`, nil, keyrotor.Fail},
		"has finds a tag":                               {`has(asset.tags.env)`, `true`, nil, keyrotor.Pass},
		"has misses a tag":                              {`has(asset.tags.team)`, `true`, nil, keyrotor.NotApplicable},
		"in finds a tag":                                {`"env" in asset.tags`, `true`, nil, keyrotor.Pass},
		"a tag with a colon":                            {`asset.tags["aws:x"] == "y"`, `true`, func(a *keyrotor.Asset) { a.Tags["aws:x"] = "y" }, keyrotor.Pass},
		"or spares a fact that was not read":            {`true`, `asset.rotation.on || asset.policy.public`, refused(keyrotor.FactPolicy), keyrotor.Pass},
		"and spares it too":                             {`true`, `asset.policy.public && asset.name == "x"`, refused(keyrotor.FactPolicy), keyrotor.Fail},
		"has of a part that was not read":               {`true`, `has(asset.policy)`, refused(keyrotor.FactPolicy), keyrotor.Fail},
		"a fact that nobody asked for is unknown":       {`true`, `asset.last_use.idle < days(90)`, nil, keyrotor.Unknown},
		"division by zero is unknown":                   {`true`, `1 / asset.grants.count == 1`, func(a *keyrotor.Asset) { a.KMS.Grants = &keyrotor.GrantFacts{} }, keyrotor.Unknown},
		"a signing key has no rotation":                 {`true`, `asset.rotation.on`, signing, keyrotor.NotApplicable},
		"a signing key whose status was refused":        {`true`, `asset.rotation.on`, func(a *keyrotor.Asset) { signing(a); refused(keyrotor.FactRotation)(a) }, keyrotor.Unknown},
		"a spec of tomorrow may rotate":                 {`true`, `asset.rotation.on`, func(a *keyrotor.Asset) { a.KMS.Spec, a.KMS.Rotation = "TOMORROW", nil }, keyrotor.Unknown},
		"a signing key's material is as old as the key": {`true`, `days(asset.material.age) == 465`, signing, keyrotor.Pass},
		"unused since tracking began":                   {`true`, `days(asset.last_use.idle) == 20`, func(a *keyrotor.Asset) { a.KMS.LastUse = &keyrotor.LastUse{TrackedSince: ago(20)} }, keyrotor.Pass},
		"used lately":                                   {`has(asset.last_use.at)`, `days(asset.last_use.idle) == 3`, func(a *keyrotor.Asset) { a.KMS.LastUse = &keyrotor.LastUse{At: ago(3), TrackedSince: ago(20)} }, keyrotor.Pass},
		"no use is not unused":                          {`has(asset.last_use.at)`, `false`, func(a *keyrotor.Asset) { a.KMS.LastUse = &keyrotor.LastUse{TrackedSince: ago(20)} }, keyrotor.NotApplicable},
		"a single-Region key has no role":               {`true`, `asset.multi_region.role == "" && !has(asset.multi_region.role)`, nil, keyrotor.Pass},
		"a list is looked through":                      {`true`, `asset.aliases.exists(a, a.startsWith("alias/pay"))`, nil, keyrotor.Pass},
		"a regular expression":                          {`true`, `asset.name.matches("(?i)^ALIAS/")`, nil, keyrotor.Pass},
		"the past is a duration":                        {`true`, `now - asset.created == days(465)`, nil, keyrotor.Pass},
		"the month of a date":                           {`true`, `now.getMonth() == 10`, nil, keyrotor.Pass},
		"an asset is itself":                            {`true`, `asset == asset && asset.rotation == asset.rotation && type(asset) == keyrotor.Asset`, nil, keyrotor.Pass},
		"an owner without tags":                         {`true`, `asset.owner != "" && asset.managed_by.tool == ""`, func(a *keyrotor.Asset) { a.Tags = nil }, keyrotor.Unknown},
		"a clock ahead of ours makes no negative age":   {`true`, `days(asset.material.age) == 0`, func(a *keyrotor.Asset) { a.KMS.Material.Since = ago(-2) }, keyrotor.Pass},
		"the rest can be compared":                      {`true`, `asset.kind == "kms-key" && asset.partition == "aws" && asset.ou != "" && asset.import == asset.import`, nil, keyrotor.NotApplicable},
		"a rotation that is under way":                  {`has(asset.rotation.on_demand_started)`, `asset.rotation.on_demand_started < now`, func(a *keyrotor.Asset) { a.KMS.Rotation.OnDemandStarted = in(-1) }, keyrotor.Pass},
		"a policy that delegates":                       {`true`, `asset.policy.delegates_to_iam && asset.policy.services.size() == 0 && asset.policy.administrators == []`, nil, keyrotor.Pass},
		"history counts":                                {`true`, `asset.history.count == 1 && asset.history.on_demand == 0 && asset.history.last == now - days(100)`, nil, keyrotor.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pack := load(t, fmt.Sprintf("rules:\n  - id: r\n    severity: low\n    when: |\n      %s\n    require: |\n      %s\n    message: m\n", tc.when, tc.require))
			asset := healthy()
			if tc.change != nil {
				tc.change(&asset)
			}
			got := finding(assessor(t, assess.Options{Packs: []*assess.Pack{pack}}).Assess(asset), "r")
			if got.Verdict != tc.want {
				t.Errorf("got %s (%s), want %s", got.Verdict, got.Message, tc.want)
			}
			if (got.Verdict == keyrotor.Unknown) != (got.Message != "" && got.Message != "m") {
				t.Errorf("verdict %s with message %q", got.Verdict, got.Message)
			}
		})
	}
}

func TestNeedsMakeARuleWaitForFacts(t *testing.T) {
	t.Parallel()
	pack := load(t, "rules:\n  - {id: r, severity: low, require: asset.rotation.on, message: m, needs: [last-use]}\n")
	got := finding(assessor(t, assess.Options{Packs: []*assess.Pack{pack}}).Assess(healthy()), "r")
	if got.Verdict != keyrotor.Unknown || !slices.Equal(got.Needs, []string{"last-use"}) {
		t.Errorf("got %+v, want unknown for want of last-use", got)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"plain words":                                "plain words",
		"{{not}} an expression":                      "{not} an expression",
		"{asset.name} in {asset.region}":             "alias/payments in eu-west-1",
		"created {asset.created}":                    "created 13 Aug 2025",
		"age {asset.material.age}":                   "age 100 d",
		"{asset.history.count} rotations":            "1 rotations",
		"on: {asset.rotation.on}":                    "on: true",
		"period {days(asset.rotation.period)} days":  "period 365 days",
		"outside: {asset.policy.outside}.":           "outside: .",
		"aliases {asset.aliases}":                    "aliases alias/payments",
		"team {asset.tags.team}":                     "team ?",
		"{'}' + asset.region}":                       "}eu-west-1",
		"{ {'a': 'b'}['a'] }":                        "b",
		"{human(days(800)) + ', ' + human(days(0))}": "2 years, less than a day",
		"{duration('-48h')}":                         "-2 d",
		"{1.5}":                                      "1.5",
		"{['a','b','c','d','e','f','g']}":            "a, b, c, d, e and 2 more",
	} {
		pack := load(t, fmt.Sprintf("rules:\n  - id: r\n    severity: low\n    require: \"false\"\n    message: |\n      %s\n", message))
		got := finding(assessor(t, assess.Options{Packs: []*assess.Pack{pack}}).Assess(healthy()), "r").Message
		if got != want {
			t.Errorf("message %q: got %q, want %q", message, got, want)
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]bool{
		`asset.tags.env == "prod"`:                                  true,
		`asset.tags.env == "dev"`:                                   false,
		`asset.tags.team == "a"`:                                    false,
		`!(asset.tags.team == "a")`:                                 false,
		`asset.id.startsWith("1111") && !asset.policy.public`:       true,
		`asset.account in ["1", "111122223333"]`:                    true,
		`asset.eligibility.ability == "automatic"`:                  true,
		`asset.last_use.operation == "Decrypt"`:                     false,
		`asset.rotation.period == duration("8760h")`:                true,
		`asset.created < timestamp("2026-01-01T00:00:00Z")`:         true,
		`asset.eligibility.class == "symmetric, made by KMS"`:       true,
		`asset.multi_region.primary == "" || asset.tags.env == "x"`: true,
		`asset.arn.contains(":key/") && asset.usage.size() > 0`:     true,
	} {
		choose, err := choice(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got := choose(healthy()); got != want {
			t.Errorf("%s: got %v, want %v", expr, got, want)
		}
		if choose(keyrotor.Asset{Kind: "quantum-key"}) {
			t.Errorf("%s chose an asset of an unknown kind", expr)
		}
	}
}

func TestSelectAtKnowsTheTime(t *testing.T) {
	t.Parallel()
	choose, err := choice(`asset.material.age > days(90) && asset.created < now - days(400)`)
	if err != nil {
		t.Fatal(err)
	}
	if !choose(healthy()) {
		t.Error("an old key was not chosen")
	}
	if choose(healthy(func(a *keyrotor.Asset) { a.KMS.Created = time.Time{} })) {
		t.Error("a key that was created nobody knows when was taken for one of the year one")
	}
	if choose(healthy(func(a *keyrotor.Asset) { a.KMS.Material.Since = today().Add(-time.Hour) })) {
		t.Error("a key rotated an hour ago was chosen")
	}
}

func TestGapMatch(t *testing.T) {
	t.Parallel()
	match, err := assess.CompileGapMatch(`gap.account == "210987654321" && gap.cause in ["scp", "iam"] && gap.call == "kms:ListKeys" && gap.fact == "" && gap.asset == ""`)
	if err != nil {
		t.Fatal(err)
	}
	g := keyrotor.Gap{Account: "210987654321", Region: "eu-west-1", Call: "kms:ListKeys", Code: "AccessDeniedException", Cause: keyrotor.CauseSCP}
	if !match(g) {
		t.Error("the gap was not matched")
	}
	g.Cause = keyrotor.CauseTrust
	if match(g) {
		t.Error("a gap of another cause was matched")
	}
}
