package assess_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

// The values of the enumerations of KMS as of November 2026; "TOMORROW" stands
// for what AWS invents next, and "" for what an old endpoint leaves out.
var (
	hmacs    = []string{"HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"}
	publics  = []string{"RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"}
	specs    = slices.Concat([]string{"SYMMETRIC_DEFAULT"}, hmacs, publics, []string{"TOMORROW", ""})
	usages   = []string{"ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE", "TOMORROW", ""}
	origins  = []string{"AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE", "TOMORROW", ""}
	states   = []string{"Enabled", "Disabled", "PendingDeletion", "PendingReplicaDeletion", "PendingImport", "Creating", "Unavailable", "Updating", "TOMORROW", ""}
	roles    = []string{"", "PRIMARY", "REPLICA", "TOMORROW"}
	managers = []string{"CUSTOMER", "AWS", "TOMORROW", ""}
)

// stateClasses are the classes of the states that allow nothing.
var stateClasses = map[string]string{
	"Disabled": "disabled", "PendingDeletion": "pending deletion", "PendingReplicaDeletion": "pending deletion",
	"PendingImport": "pending import", "Unavailable": "unavailable", "Creating": "being created or updated", "Updating": "being created or updated",
}

// typeClass is what a key is, whatever its state, by section 1.1 of the fact sheet;
// never says that no state lets KMS rotate it by itself.
func typeClass(c combo) (class string, never bool) {
	signs := map[string]string{
		"SIGN_VERIFY": "asymmetric signing key", "ENCRYPT_DECRYPT": "asymmetric encryption key",
		"KEY_AGREEMENT": "asymmetric key agreement key", "ENCAPSULATE_DECAPSULATE": "asymmetric key encapsulation key",
	}
	const unknown = "unknown to this version"
	switch {
	case c.role == "TOMORROW":
		return unknown, false
	case c.origin == "AWS_CLOUDHSM" || c.origin == "EXTERNAL_KEY_STORE":
		return "custom key store", true
	case c.origin != "AWS_KMS" && c.origin != "EXTERNAL":
		return unknown, false
	case slices.Contains(hmacs, c.spec):
		return "HMAC", true
	case slices.Contains(publics, c.spec) && signs[c.usage] != "":
		return signs[c.usage], true
	case c.spec != "SYMMETRIC_DEFAULT" || c.usage != "ENCRYPT_DECRYPT":
		return unknown, false
	case c.origin == "EXTERNAL" && c.role == "REPLICA":
		return "multi-Region replica, imported key material", true
	case c.origin == "EXTERNAL":
		return "imported key material", true
	case c.role == "REPLICA":
		return "multi-Region replica", false // its primary key may rotate
	}
	return "symmetric, made by KMS", false
}

// wantClass is the class of every row of the product.
func wantClass(c combo) string {
	state, bound := stateClasses[c.state]
	switch {
	case c.manager == "AWS":
		return "AWS managed key"
	case c.manager != "CUSTOMER", !bound && c.state != "Enabled":
		return "unknown to this version"
	}
	class, never := typeClass(c)
	switch {
	case !bound:
		return class
	case !never, c.state == "PendingImport" && strings.HasSuffix(class, "imported key material"):
		return state
	}
	return class + ", " + state
}

// combo is one point of the product.
type combo struct{ spec, usage, origin, state, role, manager string }

// matrix is the eligibility matrix of the fact sheet, row by row, written apart
// from the code: the first row that matches tells. "*" matches everything.
func matrix() []struct {
	combo
	want keyrotor.Ability
} {
	type row = struct {
		combo
		want keyrotor.Ability
	}
	rows := []row{
		{combo{"*", "*", "*", "*", "*", "AWS"}, keyrotor.ServiceManaged},
		{combo{"*", "*", "*", "*", "*", "TOMORROW"}, keyrotor.Manual},
		{combo{"*", "*", "*", "*", "*", ""}, keyrotor.Manual},
		{combo{"*", "*", "*", "TOMORROW", "*", "*"}, keyrotor.Manual},
		{combo{"*", "*", "*", "", "*", "*"}, keyrotor.Manual},
	}
	for _, s := range states {
		if s != "Enabled" {
			rows = append(rows, row{combo{"*", "*", "*", s, "*", "*"}, keyrotor.NoRotation})
		}
	}
	for _, role := range []string{"", "PRIMARY"} {
		rows = append(rows,
			row{combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS", "Enabled", role, "CUSTOMER"}, keyrotor.Automatic},
			row{combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EXTERNAL", "Enabled", role, "CUSTOMER"}, keyrotor.OnDemand},
		)
	}
	for _, origin := range []string{"AWS_KMS", "EXTERNAL"} {
		rows = append(rows, row{combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", origin, "Enabled", "REPLICA", "CUSTOMER"}, keyrotor.NoRotation})
	}
	return append(rows, row{combo{"*", "*", "*", "*", "*", "*"}, keyrotor.Manual})
}

func (c combo) matches(o combo) bool {
	is := func(pattern, value string) bool { return pattern == "*" || pattern == value }
	return is(c.spec, o.spec) && is(c.usage, o.usage) && is(c.origin, o.origin) && is(c.state, o.state) && is(c.role, o.role) && is(c.manager, o.manager)
}

func (c combo) eligible() keyrotor.Eligibility {
	return assess.EligibleKMS(c.spec, c.usage, c.origin, c.state, c.role, c.manager)
}

func product(visit func(combo)) int {
	n := 0
	for _, spec := range specs {
		for _, usage := range usages {
			for _, origin := range origins {
				for _, state := range states {
					for _, role := range roles {
						for _, manager := range managers {
							visit(combo{spec, usage, origin, state, role, manager})
							n++
						}
					}
				}
			}
		}
	}
	return n
}

func TestEligibilityOverTheFullProduct(t *testing.T) {
	t.Parallel()
	rows := matrix()
	instead := map[string]string{}
	abilities := map[keyrotor.Ability]int{}
	n := product(func(c combo) {
		got := c.eligible()
		abilities[got.Ability]++
		for _, r := range rows {
			if r.matches(c) {
				if got.Ability != r.want {
					t.Errorf("%+v: got %s (%s), want %s", c, got.Ability, got.Reason, r.want)
				}
				break
			}
		}
		if want := wantClass(c); got.Class != want {
			t.Errorf("%+v: got class %q, want %q", c, got.Class, want)
		}
		if got.Class == "" || !strings.HasSuffix(got.Reason, ".") || strings.Count(got.Reason, ". ") != 0 {
			t.Errorf("%+v: class %q, reason %q: want a class and one sentence", c, got.Class, got.Reason)
		}
		if (got.Instead == "") != (got.Ability == keyrotor.Automatic) {
			t.Errorf("%+v: instead %q does not fit %s", c, got.Instead, got.Ability)
		}
		if before, seen := instead[got.Class]; seen && before != got.Instead {
			t.Errorf("class %s has two ways out: %q and %q", got.Class, before, got.Instead)
		}
		instead[got.Class] = got.Instead
	})
	if want := len(specs) * len(usages) * len(origins) * len(states) * len(roles) * len(managers); n != want || n < 100_000 {
		t.Errorf("looked at %d combinations, want %d", n, want)
	}
	for _, a := range []keyrotor.Ability{keyrotor.Automatic, keyrotor.OnDemand, keyrotor.Manual, keyrotor.ServiceManaged, keyrotor.NoRotation} {
		if abilities[a] == 0 {
			t.Errorf("no combination is %s", a)
		}
	}
}

func TestWhatIsNewToThisVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS", "Enabled", "", "CUSTOMER"}
		word := rapid.StringMatching(`[A-Z_0-9]{1,30}X`).Draw(t, "word")
		*rapid.SampledFrom([]*string{&c.spec, &c.usage, &c.origin, &c.state, &c.role, &c.manager}).Draw(t, "which") = word
		got := c.eligible()
		if got.Ability != keyrotor.Manual || !strings.Contains(got.Reason, "unknown to this version") || !strings.Contains(got.Reason, word) {
			t.Fatalf("%+v: got %+v", c, got)
		}
	})
}

func TestClassesThatPeopleKnow(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		combo
		class, instead string
	}{
		"a signing key is asymmetric":               {combo{"RSA_2048", "SIGN_VERIFY", "AWS_KMS", "Enabled", "", "CUSTOMER"}, "asymmetric signing key", "publish its public key before"},
		"an HMAC key has no rotation":               {combo{"HMAC_256", "GENERATE_VERIFY_MAC", "AWS_KMS", "Enabled", "", "CUSTOMER"}, "HMAC", "stay verifiable"},
		"imported HMAC material is not on demand":   {combo{"HMAC_256", "GENERATE_VERIFY_MAC", "EXTERNAL", "Enabled", "", "CUSTOMER"}, "HMAC", "new key"},
		"imported material rotates on demand":       {combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EXTERNAL", "Enabled", "", "CUSTOMER"}, "imported key material", "then rotate on demand"},
		"a CloudHSM key needs a new key":            {combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_CLOUDHSM", "Enabled", "", "CUSTOMER"}, "custom key store", "pinned to the old ARN"},
		"a disabled key waits":                      {combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS", "Disabled", "", "CUSTOMER"}, "disabled", "enables it again"},
		"a key that dies is left alone":             {combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS", "PendingDeletion", "", "CUSTOMER"}, "pending deletion", "cancelled"},
		"a key without material needs an import":    {combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EXTERNAL", "PendingImport", "", "CUSTOMER"}, "pending import", "import the missing"},
		"an HMAC key would not rotate if enabled":   {combo{"HMAC_256", "GENERATE_VERIFY_MAC", "AWS_KMS", "Disabled", "", "CUSTOMER"}, "HMAC, disabled", "to rotate it then: create a new key"},
		"a signing key that dies never rotates":     {combo{"RSA_2048", "SIGN_VERIFY", "AWS_KMS", "PendingDeletion", "", "CUSTOMER"}, "asymmetric signing key, pending deletion", "nothing, unless the deletion is cancelled"},
		"nor does one in a custom store":            {combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_CLOUDHSM", "Disabled", "", "CUSTOMER"}, "custom key store, disabled", "pinned to the old ARN"},
		"disabled imported material goes on demand": {combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EXTERNAL", "Disabled", "", "CUSTOMER"}, "imported key material, disabled", "then rotate on demand"},
		"a disabled replica waits":                  {combo{"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS", "Disabled", "REPLICA", "CUSTOMER"}, "disabled", "enables it again"},
		"a post-quantum encapsulation key is known": {combo{"ML_KEM_768", "ENCAPSULATE_DECAPSULATE", "AWS_KMS", "Enabled", "", "CUSTOMER"}, "asymmetric key encapsulation key", "decapsulate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tc.eligible()
			if got.Class != tc.class || !strings.Contains(got.Instead, tc.instead) {
				t.Errorf("got %+v, want class %q and instead with %q", got, tc.class, tc.instead)
			}
		})
	}
}

func TestADisabledKeyIsToldWhyEnablingItWouldNotHelp(t *testing.T) {
	t.Parallel()
	got := assess.EligibleKMS("HMAC_256", "GENERATE_VERIFY_MAC", "AWS_KMS", "Disabled", "", "CUSTOMER")
	if want := "It is disabled; and KMS has no rotation for HMAC keys."; got.Reason != want || got.Ability != keyrotor.NoRotation {
		t.Errorf("got %s: %q, want none: %q", got.Ability, got.Reason, want)
	}
}

func TestAReplicaNamesTheRegionOfItsPrimary(t *testing.T) {
	t.Parallel()
	k := healthy().KMS
	k.MultiRegion = &keyrotor.MultiRegion{Role: "REPLICA", Primary: "arn:aws:kms:us-east-1:111122223333:key/mrk-1"}
	if got, want := assess.Eligible(k).Instead, "set rotation on its primary key in us-east-1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	k.MultiRegion.Primary = "nonsense"
	if got, want := assess.Eligible(k).Instead, "set rotation on its primary key"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoFactsAreNoReasonToPanic(t *testing.T) {
	t.Parallel()
	for _, k := range []*keyrotor.KMSFacts{nil, {}} {
		if got := assess.Eligible(k).Ability; got != keyrotor.Manual {
			t.Errorf("got %s, want manual", got)
		}
	}
}

func TestEveryCustomerKeyIsInExactlyOneView(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{})
	n := 0
	customer := 0
	for _, on := range []*keyrotor.RotationFacts{nil, {On: true}, {}} {
		product(func(c combo) {
			if n++; n%7 != 0 { // a seventh of the product, of every shape
				return
			}
			key := healthy(func(x *keyrotor.Asset) {
				k := x.KMS
				k.Spec, k.Usage, k.Origin, k.State, k.KeyManager, k.Rotation = c.spec, c.usage, c.origin, c.state, c.manager, on
				if c.role != "" {
					k.MultiRegion = &keyrotor.MultiRegion{Role: c.role}
				}
			})
			got := a.Assess(key)
			want := keyrotor.ViewNotEligible
			switch {
			case c.manager == "AWS":
				want = keyrotor.ViewAWSManaged
			case got.Eligibility.Ability != keyrotor.Automatic:
			case on == nil:
				want = keyrotor.ViewUnknown
			case on.On:
				want = keyrotor.ViewRotating
			default:
				want = keyrotor.ViewTarget
			}
			if got.View != want {
				t.Errorf("%+v: got view %s, want %s", c, got.View, want)
			}
			customer++
		})
	}
	sum := 0
	for _, count := range a.Counts().Views {
		sum += count
	}
	if sum != customer {
		t.Errorf("views hold %d keys, want %d", sum, customer)
	}
}
