package assess_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

type change = func(*keyrotor.Asset)

func rotationOff(a *keyrotor.Asset) { a.KMS.Rotation = &keyrotor.RotationFacts{} }

func refused(facts ...string) change {
	return func(a *keyrotor.Asset) {
		for _, f := range facts {
			a.Unread = append(a.Unread, keyrotor.Unread{Fact: f, Code: "AccessDeniedException"})
			switch f {
			case keyrotor.FactRotation:
				a.KMS.Rotation = nil
			case keyrotor.FactHistory:
				a.KMS.History, a.KMS.Material = nil, nil
			case keyrotor.FactTags:
				a.Tags, a.Owner = nil, ""
			case keyrotor.FactPolicy:
				a.KMS.Policy = nil
			}
		}
	}
}

func signing(a *keyrotor.Asset) {
	a.KMS.Spec, a.KMS.Usage, a.KMS.Rotation, a.KMS.History, a.KMS.Material = "RSA_2048", "SIGN_VERIFY", nil, nil, nil
}

func madeIn2021(a *keyrotor.Asset) {
	a.KMS.Created = ago(5*365 + 20)
	a.KMS.History, a.KMS.Material = &keyrotor.RotationHistory{}, nil
}

func TestBuiltinRules(t *testing.T) {
	t.Parallel()
	pass := keyrotor.Finding{Verdict: keyrotor.Pass}
	na := keyrotor.Finding{Verdict: keyrotor.NotApplicable}
	fail := func(message string) keyrotor.Finding {
		return keyrotor.Finding{Verdict: keyrotor.Fail, Message: message}
	}
	unknown := func(needs ...string) keyrotor.Finding {
		return keyrotor.Finding{Verdict: keyrotor.Unknown, Needs: needs}
	}
	for name, tc := range map[string]struct {
		rule  string
		asset keyrotor.Asset
		wasOn bool
		want  keyrotor.Finding
	}{
		"on: a key that rotates passes":                {"kms-rotation-on", healthy(), false, pass},
		"on: a key that does not fails":                {"kms-rotation-on", healthy(rotationOff), false, fail("rotation is off")},
		"on: a refused status is not off":              {"kms-rotation-on", healthy(refused(keyrotor.FactRotation)), false, unknown("rotation")},
		"on: a signing key is no failure":              {"kms-rotation-on", healthy(signing), false, na},
		"on: imported material is no failure":          {"kms-rotation-on", imported(), false, na},
		"on: a replica is no failure":                  {"kms-rotation-on", healthy(func(a *keyrotor.Asset) { a.KMS.MultiRegion = &keyrotor.MultiRegion{Role: "REPLICA"}; rotationOff(a) }), false, na},
		"on: a custom key store is no failure":         {"kms-rotation-on", healthy(func(a *keyrotor.Asset) { a.KMS.Origin = "AWS_CLOUDHSM"; a.KMS.Rotation = nil }), false, na},
		"on: a key pending deletion is not off":        {"kms-rotation-on", healthy(func(a *keyrotor.Asset) { a.KMS.State = "PendingDeletion"; rotationOff(a) }), false, na},
		"turned off: no earlier run, no verdict":       {"kms-rotation-turned-off", healthy(rotationOff), false, na},
		"turned off: still on passes":                  {"kms-rotation-turned-off", healthy(), true, pass},
		"turned off: on then and off now fails":        {"kms-rotation-turned-off", healthy(rotationOff), true, fail("rotation was on in an earlier run and is off now")},
		"turned off: a refused status is unknown":      {"kms-rotation-turned-off", healthy(refused(keyrotor.FactRotation)), true, unknown("rotation")},
		"period: a year is within a year":              {"kms-period-within-cryptoperiod", healthy(), false, pass},
		"period: not told means 365 days":              {"kms-period-within-cryptoperiod", healthy(func(a *keyrotor.Asset) { a.KMS.Rotation.PeriodDays = 0 }), false, pass},
		"period: seven years are not":                  {"kms-period-within-cryptoperiod", healthy(func(a *keyrotor.Asset) { a.KMS.Rotation.PeriodDays = 2560 }), false, fail("the rotation period is 7 years, longer than the cryptoperiod of 365 d")},
		"period: a key that does not rotate has none":  {"kms-period-within-cryptoperiod", healthy(rotationOff), false, na},
		"period: a refused status is unknown":          {"kms-period-within-cryptoperiod", healthy(refused(keyrotor.FactRotation)), false, unknown("rotation")},
		"material: rotated lately passes":              {"kms-material-within-cryptoperiod", healthy(), false, pass},
		"material: switching on rotates nothing":       {"kms-material-within-cryptoperiod", healthy(madeIn2021), false, fail("material is 5 years old, cryptoperiod 365 d")},
		"material: imported material ages too":         {"kms-material-within-cryptoperiod", imported(madeIn2021), false, fail("material is 5 years old, cryptoperiod 365 d")},
		"material: a day of grace":                     {"kms-material-within-cryptoperiod", healthy(func(a *keyrotor.Asset) { a.KMS.Material.Since = ago(365) }), false, pass},
		"material: the day after":                      {"kms-material-within-cryptoperiod", healthy(func(a *keyrotor.Asset) { a.KMS.Material.Since = ago(366) }), false, fail("material is 366 d old, cryptoperiod 365 d")},
		"material: a refused history is unknown":       {"kms-material-within-cryptoperiod", healthy(refused(keyrotor.FactHistory)), false, unknown("history")},
		"material: a signing key is not asked":         {"kms-material-within-cryptoperiod", healthy(signing), false, na},
		"history: whole":                               {"kms-rotation-missing-from-history", healthy(), false, pass},
		"history: the next date is long past":          {"kms-rotation-missing-from-history", healthy(func(a *keyrotor.Asset) { a.KMS.Rotation.Next = in(-10) }), false, fail("the rotation due on 11 Nov 2026 is missing from the history")},
		"history: the next date passed yesterday":      {"kms-rotation-missing-from-history", healthy(func(a *keyrotor.Asset) { a.KMS.Rotation.Next = in(-1) }), false, pass},
		"history: refused":                             {"kms-rotation-missing-from-history", healthy(refused(keyrotor.FactHistory)), false, unknown("history")},
		"history: refused with the status":             {"kms-rotation-missing-from-history", healthy(refused(keyrotor.FactHistory, keyrotor.FactRotation)), false, unknown("history", "rotation")},
		"history: rotation off asks for none":          {"kms-rotation-missing-from-history", healthy(rotationOff), false, na},
		"import: far away":                             {"kms-imported-material-expiring", imported(), false, pass},
		"import: thirty days are enough":               {"kms-imported-material-expiring", imported(func(a *keyrotor.Asset) { a.KMS.Import.ValidTo = in(30) }), false, pass},
		"import: ten are not":                          {"kms-imported-material-expiring", imported(func(a *keyrotor.Asset) { a.KMS.Import.ValidTo = in(10) }), false, fail("imported material expires on 1 Dec 2026; the key cannot be used after that")},
		"import: nor are they of a disabled key":       {"kms-imported-material-expiring", imported(disabledUntil(3)), false, fail("imported material expires on 24 Nov 2026; the key cannot be used after that")},
		"import: disabled, a day too early":            {"kms-imported-material-expiring", imported(disabledUntil(29)), false, fail("imported material expires on 20 Dec 2026; the key cannot be used after that")},
		"import: disabled, thirty days are enough":     {"kms-imported-material-expiring", imported(disabledUntil(30)), false, pass},
		"import: pending deletion is no matter":        {"kms-imported-material-expiring", imported(disabledUntil(3), func(a *keyrotor.Asset) { a.KMS.State = "PendingDeletion" }), false, na},
		"import: material without an end":              {"kms-imported-material-expiring", imported(func(a *keyrotor.Asset) { a.KMS.Import = &keyrotor.ImportFacts{} }), false, na},
		"import: not read":                             {"kms-imported-material-expiring", imported(func(a *keyrotor.Asset) { a.KMS.Import = nil }), false, unknown("description")},
		"import: made by KMS":                          {"kms-imported-material-expiring", healthy(), false, na},
		"import: it expired today":                     {"kms-imported-material-expiring", pendingImport(func(a *keyrotor.Asset) { a.KMS.Import.ValidTo = in(0) }), false, fail("imported material expired on 21 Nov 2026; the key cannot be used, not even to decrypt")},
		"import: it expired, and that alone is known":  {"kms-imported-material-expiring", pendingImport(neverImported, func(a *keyrotor.Asset) { a.KMS.Import.ValidTo = in(-3) }), false, fail("imported material expired on 18 Nov 2026; the key cannot be used, not even to decrypt")},
		"import: it was deleted":                       {"kms-imported-material-expiring", pendingImport(), false, fail("imported material is gone, expired or deleted; the key cannot be used, not even to decrypt")},
		"import: the history tells that there was one": {"kms-imported-material-expiring", pendingImport(func(a *keyrotor.Asset) { a.KMS.Material = nil }), false, fail("imported material is gone, expired or deleted; the key cannot be used, not even to decrypt")},
		"import: there never was any":                  {"kms-imported-material-expiring", pendingImport(neverImported), false, na},
		"import: a replica waits for its first":        {"kms-imported-material-expiring", pendingImport(func(a *keyrotor.Asset) { a.KMS.MultiRegion = &keyrotor.MultiRegion{Role: "REPLICA"} }), false, na},
		"import: a replica's expired": {"kms-imported-material-expiring", pendingImport(func(a *keyrotor.Asset) {
			a.KMS.MultiRegion = &keyrotor.MultiRegion{Role: "REPLICA"}
			a.KMS.Import.ValidTo = in(-3)
		}), false, fail("imported material expired on 18 Nov 2026; the key cannot be used, not even to decrypt")},
		"import: the history that would tell was refused": {"kms-imported-material-expiring", pendingImport(neverImported, refused(keyrotor.FactHistory)), false, unknown("history")},
		"import: pending, and the type has no history":    {"kms-imported-material-expiring", pendingImport(neverImported, signing), false, na},
		"outside: nobody":                         {"kms-usable-from-outside", healthy(), false, pass},
		"outside: somebody":                       {"kms-usable-from-outside", healthy(func(a *keyrotor.Asset) { a.KMS.Policy.Outside = []string{"999900001111"} }), false, fail("usable from outside the organization: 999900001111")},
		"outside: another organization":           {"kms-usable-from-outside", healthy(func(a *keyrotor.Asset) { a.KMS.Policy.Outside = []string{"9999*", "o-foreign99"} }), false, fail("usable from outside the organization: 9999*, o-foreign99")},
		"outside: a network of nobody knows whom": {"kms-usable-from-outside", healthy(func(a *keyrotor.Asset) { a.KMS.Policy.NetworkOnly = true }), false, keyrotor.Finding{Verdict: keyrotor.Unknown, Message: "the key policy lets in everybody from a network (VPC, endpoint or addresses), and does not tell whose that is"}},
		"outside: a network and a stranger":       {"kms-usable-from-outside", healthy(func(a *keyrotor.Asset) { a.KMS.Policy.NetworkOnly, a.KMS.Policy.Outside = true, []string{"9"} }), false, fail("usable from outside the organization: 9")},
		"outside: the organization was not read":  {"kms-usable-from-outside", healthy(func(a *keyrotor.Asset) { a.KMS.Policy.Outside = nil }), false, unknown("organization")},
		"outside: the policy was refused":         {"kms-usable-from-outside", healthy(refused(keyrotor.FactPolicy)), false, unknown("policy")},
		"outside: signing keys are asked too":     {"kms-usable-from-outside", healthy(signing), false, pass},
		"public: no":                              {"kms-public-policy", healthy(), false, pass},
		"public: yes":                             {"kms-public-policy", healthy(func(a *keyrotor.Asset) { a.KMS.Policy.Public = true }), false, fail("the key policy allows everybody, and no condition narrows it")},
		"public: refused":                         {"kms-public-policy", healthy(refused(keyrotor.FactPolicy)), false, unknown("policy")},
		"on demand: plenty":                       {"kms-on-demand-nearly-spent", healthy(), false, pass},
		"on demand: nearly spent":                 {"kms-on-demand-nearly-spent", healthy(func(a *keyrotor.Asset) { a.KMS.History.OnDemand = 23 }), false, fail("2 of 25 on-demand rotations are left")},
		"on demand: refused":                      {"kms-on-demand-nearly-spent", healthy(refused(keyrotor.FactHistory)), false, unknown("history")},
		"on demand: not for signing keys":         {"kms-on-demand-nearly-spent", healthy(signing), false, na},
		"owner: named":                            {"kms-owner-tag", healthy(), false, pass},
		"owner: none":                             {"kms-owner-tag", healthy(func(a *keyrotor.Asset) { a.Owner = "" }), false, fail("no tag names an owner")},
		"owner: tags were refused":                {"kms-owner-tag", healthy(refused(keyrotor.FactTags)), false, unknown("tags")},
		"owner: a key that dies needs none":       {"kms-owner-tag", healthy(func(a *keyrotor.Asset) { a.KMS.State = "PendingDeletion" }), false, na},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := assessor(t, assess.Options{
				Packs:    []*assess.Pack{builtin(t)},
				Previous: func(string) (bool, bool) { return tc.wasOn, tc.wasOn },
			})
			got := finding(a.Assess(tc.asset), tc.rule)
			tc.want.Rule, tc.want.Severity = tc.rule, got.Severity
			if got.Verdict == keyrotor.Unknown && tc.want.Message == "" {
				got.Message = ""
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("finding (-want +got):\n%s", diff)
			}
		})
	}
}

// pendingImport is a key that lacks material which it once had.
func pendingImport(change ...change) keyrotor.Asset {
	return imported(append([]func(*keyrotor.Asset){func(a *keyrotor.Asset) {
		a.KMS.State, a.KMS.Import = "PendingImport", &keyrotor.ImportFacts{}
	}}, change...)...)
}

// disabledUntil is a disabled key whose material ends in so many days.
func disabledUntil(days int) change {
	return func(a *keyrotor.Asset) { a.KMS.State, a.KMS.Import.ValidTo = "Disabled", in(days) }
}

func neverImported(a *keyrotor.Asset) {
	a.KMS.Material, a.KMS.History = nil, &keyrotor.RotationHistory{}
}

// A key that refused to be described may be any sort of key: no rule can be said to
// hold for it, to fail, or not to concern it.
func TestOfAKeyThatWasNotDescribedEveryRuleIsUnknown(t *testing.T) {
	t.Parallel()
	key := keyrotor.Asset{
		Kind: keyrotor.KindKMSKey, ID: "k", ARN: "arn:k", KMS: &keyrotor.KMSFacts{Aliases: []string{"alias/secret"}},
		Unread: []keyrotor.Unread{{Fact: keyrotor.FactDescription, Call: "kms:DescribeKey", Code: "AccessDeniedException"}},
	}
	for name, wasOn := range map[string]bool{"an earlier run saw it on": true, "no earlier run did": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}, Previous: func(string) (bool, bool) { return wasOn, wasOn }})
			unknown := 0
			for _, f := range a.Assess(key).Findings {
				want := keyrotor.Unknown
				if f.Rule == "kms-rotation-turned-off" && !wasOn {
					want = keyrotor.NotApplicable // whatever the key is: nothing was turned off
				}
				if f.Verdict != want {
					t.Errorf("%s: got %s (%s), want %s", f.Rule, f.Verdict, f.Message, want)
				}
				if f.Verdict == keyrotor.Unknown {
					unknown++
					if len(f.Needs) == 0 {
						t.Errorf("%s does not say what it needs", f.Rule)
					}
				}
			}
			counted := 0
			for _, r := range a.Counts().Rules {
				counted += r.Verdicts[keyrotor.Unknown]
			}
			if counted != unknown || unknown < len(builtin(t).Rules())-1 {
				t.Errorf("counted %d unknown of %d, want all of %d rules", counted, unknown, len(builtin(t).Rules()))
			}
		})
	}
}

// What is known of such a key, for nobody need describe it, is still there.
func TestTheNameOfAKeyThatWasNotDescribedIsKnown(t *testing.T) {
	t.Parallel()
	key := keyrotor.Asset{
		ID: "k", ARN: "arn:k", Account: "111122223333", KMS: &keyrotor.KMSFacts{Aliases: []string{"alias/secret"}},
		Unread: []keyrotor.Unread{{Fact: keyrotor.FactDescription}},
	}
	for expr, want := range map[string]bool{
		`asset.name == "alias/secret" && "alias/secret" in asset.aliases && asset.account == "111122223333"`: true,
		`asset.state == ""`:                        false,
		`asset.state != "Enabled"`:                 false,
		`asset.eligibility.ability != "automatic"`: false,
		`asset.multi_region.role == ""`:            false,
		`has(asset.eligibility.class)`:             false,
		`asset.eligibility.class == "" || true`:    true,
	} {
		match, err := choice(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := match(key); got != want {
			t.Errorf("%s: got %v, want %v", expr, got, want)
		}
	}
}

func TestAnAWSManagedKeyThatWasNotDescribedGetsNoFindings(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}})
	got := a.Assess(keyrotor.Asset{KMS: &keyrotor.KMSFacts{KeyManager: "AWS"}, Unread: []keyrotor.Unread{{Fact: keyrotor.FactDescription}}})
	if got.View != keyrotor.ViewUnreadable || len(got.Findings) != 0 {
		t.Errorf("got view %s and %d findings, want an unreadable key without any", got.View, len(got.Findings))
	}
}

// A key whose rotation is off passed for one that rotates every year.
func TestThePeriodOfAKeyThatDoesNotRotateIsNotThere(t *testing.T) {
	t.Parallel()
	yearly := load(t, `
rules:
  - id: yearly
    severity: low
    require: asset.rotation.period <= days(365)
    message: "the period is {asset.rotation.period}"
  - id: long
    severity: low
    when: asset.rotation.period > days(100)
    require: asset.rotation.on
    message: long
`)
	for name, tc := range map[string]struct {
		asset        keyrotor.Asset
		yearly, long keyrotor.Verdict
		message      string
	}{
		"off":                {healthy(rotationOff), keyrotor.Fail, keyrotor.NotApplicable, "the period is none"},
		"on, and it is told": {healthy(), keyrotor.Pass, keyrotor.Pass, ""},
		"on, and it is not":  {healthy(func(a *keyrotor.Asset) { a.KMS.Rotation.PeriodDays = 0 }), keyrotor.Pass, keyrotor.Pass, ""},
		"refused":            {healthy(refused(keyrotor.FactRotation)), keyrotor.Unknown, keyrotor.Unknown, "not read: rotation"},
		"a type without any": {healthy(signing), keyrotor.NotApplicable, keyrotor.NotApplicable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := assessor(t, assess.Options{Packs: []*assess.Pack{yearly}}).Assess(tc.asset)
			if f := finding(got, "yearly"); f.Verdict != tc.yearly || f.Message != tc.message {
				t.Errorf("in require: got %s (%s), want %s (%s)", f.Verdict, f.Message, tc.yearly, tc.message)
			}
			if f := finding(got, "long"); f.Verdict != tc.long {
				t.Errorf("in when: got %s, want %s", f.Verdict, tc.long)
			}
		})
	}
	match, err := choice("has(asset.rotation.period)")
	if err != nil || match(healthy(rotationOff)) || !match(healthy()) {
		t.Errorf("has() does not tell a key with a period from one without (%v)", err)
	}
}

func TestARunOfOursThatSwitchedAKeyOffIsNoFailure(t *testing.T) {
	t.Parallel()
	for name, ours := range map[string]bool{"ours": true, "somebody else's": false} {
		asked := 0
		a := assessor(t, assess.Options{
			Packs: []*assess.Pack{builtin(t)}, Previous: func(string) (bool, bool) { return true, true },
			SwitchedOff: func(string) bool { asked++; return ours },
		})
		want := map[bool]keyrotor.Verdict{true: keyrotor.NotApplicable, false: keyrotor.Fail}[ours]
		if got := finding(a.Assess(healthy(rotationOff)), "kms-rotation-turned-off").Verdict; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if got := finding(a.Assess(healthy()), "kms-rotation-turned-off").Verdict; got != keyrotor.Pass || asked != 1 {
			t.Errorf("%s: of a key that is on got %s, and was asked %d times in all; want pass, and 1", name, got, asked)
		}
	}
}

func TestTheTextOfTheBuiltinPackIsWhatItIsMadeFrom(t *testing.T) {
	t.Parallel()
	text := assess.BuiltinText()
	for _, r := range builtin(t).Rules() {
		if !strings.Contains(string(text[0]), "id: "+r.ID+"\n") || len(r.References) > 0 && !strings.Contains(string(text[1]), r.ID+":\n") {
			t.Errorf("the text lacks rule %s or its references", r.ID)
		}
	}
}

func TestAHealthyKeyFailsNothing(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}})
	got := a.Assess(healthy())
	if failed := got.Failed(); len(failed) != 0 {
		t.Errorf("failed %v, want nothing", failed)
	}
	if got, want := len(got.Findings), len(builtin(t).Rules()); got != want {
		t.Errorf("got %d findings, want one for each of %d rules", got, want)
	}
}

func TestAnAWSManagedKeyGetsNoFindings(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}})
	got := a.Assess(healthy(func(a *keyrotor.Asset) { a.KMS.KeyManager = "AWS"; a.KMS.Rotation = nil }))
	if got.View != keyrotor.ViewAWSManaged || len(got.Findings) != 0 {
		t.Errorf("got view %s and %d findings, want aws-managed and none", got.View, len(got.Findings))
	}
}

func TestAKindOfTomorrowIsLeftAlone(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}})
	got := a.Assess(keyrotor.Asset{Kind: "quantum-key", ID: "q"})
	if len(got.Findings) != 0 || got.Eligibility.Ability != keyrotor.Manual {
		t.Errorf("got %+v, want no findings and manual", got)
	}
}

func TestBuiltinReferencesAreCompleteData(t *testing.T) {
	t.Parallel()
	frameworks := map[string][]string{}
	for _, r := range builtin(t).Rules() {
		if r.Title == "" || r.Severity.Rank() == 0 {
			t.Errorf("rule %s has no title or severity", r.ID)
		}
		for _, ref := range r.References {
			if ref.Framework == "" || ref.Version == "" || ref.Control == "" || ref.Source == "" || len(ref.Date) != len("2026-11-21") {
				t.Errorf("rule %s: incomplete reference %+v", r.ID, ref)
			}
			frameworks[ref.Framework] = append(frameworks[ref.Framework], ref.Version)
		}
	}
	for _, want := range []string{"CIS AWS Foundations", "PCI DSS", "NIST SP 800-53", "NIST SP 800-57 Part 1", "HIPAA Security Rule", "SOC 2", "ISO/IEC 27001", "FedRAMP", "AWS Security Hub"} {
		if len(frameworks[want]) == 0 {
			t.Errorf("no rule refers to %s", want)
		}
	}
}

func TestAKeyThatMayNotBeDescribedIsNoSortOfKey(t *testing.T) {
	t.Parallel()
	a, err := assess.New(assess.Options{Packs: []*assess.Pack{builtin(t)}, Now: today()})
	if err != nil {
		t.Fatal(err)
	}
	got := a.Assess(keyrotor.Asset{
		Kind: keyrotor.KindKMSKey, ID: "k", ARN: "arn:k", KMS: &keyrotor.KMSFacts{},
		Unread: []keyrotor.Unread{{Fact: keyrotor.FactDescription, Call: "kms:DescribeKey", Code: "AccessDeniedException"}},
	})
	if got.Eligibility.Class != "could not be read" || got.View != keyrotor.ViewUnreadable {
		t.Errorf("class %q in view %q, want one that could not be read in the view of such keys", got.Eligibility.Class, got.View)
	}
	if failed := got.Failed(); len(failed) > 0 {
		t.Errorf("rules %v failed on a key of which nothing is known", failed)
	}
	counts := a.Counts()
	if counts.Views[keyrotor.ViewUnreadable] != 1 || counts.Views[keyrotor.ViewNotEligible] != 0 || len(counts.Classes) != 0 {
		t.Errorf("it is counted as %v, classes %v; who manages it is not known, so it belongs to no view of customer keys", counts.Views, counts.Classes)
	}
}
