package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// tagged are so many tags.
func tagged(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprintf("tag-%d", i)] = "x"
	}
	return tags
}

// All of these made good plans, and failed when they were applied.
func TestAKeyThatKMSWouldNotMakeIsNotPlanned(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*plan.NewKey)
		want   string // "" for a key that can be made
	}{
		"a spec that is none":                {func(k *plan.NewKey) { k.Spec = "FOO" }, `the spec "FOO" is not known here: it is one of SYMMETRIC_DEFAULT, HMAC_224`},
		"an RSA key for MACs":                {func(k *plan.NewKey) { k.Spec, k.Usage = "RSA_2048", "GENERATE_VERIFY_MAC" }, `the usage "GENERATE_VERIFY_MAC": a key of spec RSA_2048 can be made for ENCRYPT_DECRYPT or SIGN_VERIFY`},
		"a symmetric key that signs":         {func(k *plan.NewKey) { k.Usage = "SIGN_VERIFY" }, `a key of spec SYMMETRIC_DEFAULT can be made for ENCRYPT_DECRYPT`},
		"a spec of two usages without one":   {func(k *plan.NewKey) { k.Spec = "RSA_4096" }, "a key of spec RSA_4096 needs a usage: ENCRYPT_DECRYPT or SIGN_VERIFY"},
		"a spec of one usage without it":     {func(k *plan.NewKey) { k.Spec = "HMAC_256" }, ""},
		"SM2 outside of China":               {func(k *plan.NewKey) { k.Spec, k.Usage = "SM2", "SIGN_VERIFY" }, "the Regions of China alone"},
		"SM2 in China":                       {func(k *plan.NewKey) { k.Spec, k.Usage, k.Region = "SM2", "SIGN_VERIFY", "cn-north-1" }, ""},
		"50 tags and ours":                   {func(k *plan.NewKey) { k.Tags = tagged(50) }, "50 tags given: a key takes 50, and keyrotor:change is one of them"},
		"49 tags and ours":                   {func(k *plan.NewKey) { k.Tags = tagged(49) }, ""},
		"a tag with a letter that is not":    {func(k *plan.NewKey) { k.Tags = map[string]string{"bad#key": "x"} }, `the tag "bad#key": a name has letters, digits, spaces and _ . : / = + - @ only`},
		"a value with one":                   {func(k *plan.NewKey) { k.Tags = map[string]string{"k": "a*b"} }, `the tag "k": a value has letters, digits`},
		"letters of other scripts":           {func(k *plan.NewKey) { k.Tags = map[string]string{"équipe 2": "Ελλάδα_.:/=+-@"} }, ""},
		"the tag by which we find the key":   {func(k *plan.NewKey) { k.Tags = map[string]string{"keyrotor:change": "x"} }, `the tag "keyrotor:change": names that begin with keyrotor: are keyrotor's own`},
		"whatever its case":                  {func(k *plan.NewKey) { k.Tags = map[string]string{"KeyRotor:x": "x"} }, "keyrotor's own"},
		"a tag of AWS's own":                 {func(k *plan.NewKey) { k.Tags = map[string]string{"AWS:x": "x"} }, "AWS's own"},
		"a name of 129 characters":           {func(k *plan.NewKey) { k.Tags = map[string]string{strings.Repeat("é", 129): "x"} }, "a name has 1 to 128 characters"},
		"a description of 8192 long letters": {func(k *plan.NewKey) { k.Description = strings.Repeat("é", 8192) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			k := plan.NewKey{Account: "111122223333", Region: "us-east-1", Alias: "alias/new"}
			tt.change(&k)
			why := strings.Join(k.Wrong(0), "; ")
			if (why == "") != (tt.want == "") || !strings.Contains(why, tt.want) {
				t.Errorf("got %q, want %q", why, tt.want)
			}
			_, err := plan.BuildCommand(plan.CommandCreateKey, of(), options(), plan.CommandOptions{Key: k})
			if (err == nil) != (tt.want == "") {
				t.Errorf("planned with the error %v", err)
			}
		})
	}
}

func TestANewKeyIsMadeForTheOnlyUsageOfItsSpec(t *testing.T) {
	for spec, want := range map[string]string{
		"": "ENCRYPT_DECRYPT", "HMAC_384": "GENERATE_VERIFY_MAC", "ECC_SECG_P256K1": "SIGN_VERIFY", "ML_DSA_65": "SIGN_VERIFY", "ML_KEM_768": "ENCAPSULATE_DECAPSULATE",
	} {
		k := plan.NewKey{Account: "111122223333", Region: "us-east-1", Alias: "alias/new", Spec: spec}
		p, err := plan.BuildCommand(plan.CommandCreateKey, of(), options(), plan.CommandOptions{Key: k})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Changes[0].Steps[0].Params.Usage; got != want {
			t.Errorf("%q: made for %s, want %s", spec, got, want)
		}
	}
}

// A rule asked for 90 days, and the key that it would fail at once got 365.
func TestANewKeyGetsThePeriodOfItsRule(t *testing.T) {
	periods := map[string]int{"pci-on": 90, "pci-period": 180}
	judge := func(a keyrotor.Asset) keyrotor.Assessment {
		out := keyrotor.Assessment{Asset: a}
		verdict := func(rule string, applies, holds bool) {
			f := keyrotor.Finding{Rule: rule, Verdict: map[bool]keyrotor.Verdict{true: keyrotor.Pass, false: keyrotor.Fail}[holds]}
			if !applies {
				f.Verdict = keyrotor.NotApplicable
			}
			out.Findings = append(out.Findings, f)
		}
		r := a.KMS.Rotation
		verdict("pci-on", a.Tags["pci"] == "on", r.On)
		verdict("pci-period", a.Tags["pci"] == "period" && r.On, r.PeriodDays <= 180)
		return out
	}
	const tooLong = "a period of 2000 d is longer than rules allow, which will fail: pci-period (180 d)"
	for name, tt := range map[string]struct {
		pci     string
		command int
		want    int
		warns   string
	}{
		"of a rule that wants rotation on":          {pci: "on", want: 90},
		"of a rule about keys that rotate":          {pci: "period", want: 180},
		"of none that applies":                      {want: 365},
		"what the command says comes first":         {pci: "on", command: 120, want: 120, warns: "pci-on (90 d)"},
		"and is warned of where rules do not allow": {pci: "period", command: 2000, want: 2000, warns: tooLong},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Judge, o.PeriodDays, o.PeriodOf = judge, tt.command, func(rule string) int { return periods[rule] }
			o.RulePeriod = func(a keyrotor.Assessment) int {
				shortest := 0
				for _, id := range a.Failed() {
					shortest = periods[id]
				}
				return shortest
			}
			k := plan.NewKey{Account: "111122223333", Region: "us-east-1", Alias: "alias/new", Tags: map[string]string{"pci": tt.pci}}
			p, err := plan.BuildCommand(plan.CommandCreateKey, of(), o, plan.CommandOptions{Key: k})
			if err != nil {
				t.Fatal(err)
			}
			c := p.Changes[0]
			if got := c.Steps[2].Params.PeriodDays; got != tt.want {
				t.Errorf("every %d d, want %d", got, tt.want)
			}
			if !strings.Contains(c.Warning, tt.warns) {
				t.Errorf("warns of %q, want %q", c.Warning, tt.warns)
			}
		})
	}
}

func TestThe51stTagIsNotPlanned(t *testing.T) {
	full := key(1, func(a *keyrotor.Assessment) { a.Asset.Tags = tagged(50) })
	o := options()
	o.Choose = func(keyrotor.Asset) bool { return true }
	_, err := plan.BuildCommand(plan.CommandTag, of(full), o, plan.CommandOptions{Tags: map[string]string{"owner": "x"}})
	if err == nil || !strings.Contains(err.Error(), "it would have 51 tags, and a key takes 50") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"51 tags given, and 1 to 50 can be set"}, plan.WrongTags(tagged(51))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The plan cost "$2 today", was signed, and ended in KMSInvalidStateException.
func TestMaterialThatAReplicaLacksIsNotRotatedTo(t *testing.T) {
	waiting := key(1, func(a *keyrotor.Assessment) {
		a.View, a.Eligibility.Ability = keyrotor.ViewNotEligible, keyrotor.OnDemand
		a.Asset.KMS.Origin, a.Asset.KMS.Import = "EXTERNAL", &keyrotor.ImportFacts{Pending: "m2", AwaitsReplicas: true}
		a.Asset.KMS.MultiRegion = &keyrotor.MultiRegion{Role: "PRIMARY", Primary: a.Asset.ARN, Replicas: []string{"arn:r"}}
	})
	const want = "1 key left out: its new material is not in every replica yet: import the same bytes into every replica first"
	o := options()
	o.RotateOverdue = true
	p := build(t, o, waiting)
	if len(p.Changes) > 0 || !strings.Contains(strings.Join(p.Warnings, "\n"), want) {
		t.Errorf("got %q, %q", acts(p), p.Warnings)
	}
	o.Choose = func(keyrotor.Asset) bool { return true }
	if _, err := plan.BuildCommand(plan.CommandRotateNow, of(waiting), o, plan.CommandOptions{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}
