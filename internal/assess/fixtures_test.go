package assess_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

const day = 24 * time.Hour

// today is when all tests take place.
func today() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func ago(days int) time.Time { return today().Add(-time.Duration(days) * day) }

func in(days int) *time.Time { return new(ago(-days)) }

// healthy is a key that passes every built-in rule: made two years ago, rotated
// automatically a hundred days ago.
func healthy(change ...func(*keyrotor.Asset)) keyrotor.Asset {
	a := keyrotor.Asset{
		Kind:      keyrotor.KindKMSKey,
		ID:        "11111111-2222-3333-4444-555555555555",
		ARN:       "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
		Partition: "aws", Account: "111122223333", Region: "eu-west-1", OU: "o-a/r-b/ou-c/",
		Tags:  map[string]string{"env": "prod", "owner": "pay-team"},
		Owner: "pay-team",
		KMS: &keyrotor.KMSFacts{
			Aliases: []string{"alias/payments"}, State: "Enabled", Spec: "SYMMETRIC_DEFAULT",
			Usage: "ENCRYPT_DECRYPT", Origin: "AWS_KMS", KeyManager: "CUSTOMER", Created: ago(465),
			Rotation: &keyrotor.RotationFacts{On: true, PeriodDays: 365, Next: in(265)},
			History:  &keyrotor.RotationHistory{Rotations: []keyrotor.Rotation{{At: ago(100), Type: "AUTOMATIC"}}},
			Material: &keyrotor.MaterialFacts{ID: "aa", Since: ago(100)},
			Policy:   &keyrotor.PolicyFacts{DelegatesToIAM: true, Outside: []string{}},
		},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

// imported is a healthy key whose material was imported.
func imported(change ...func(*keyrotor.Asset)) keyrotor.Asset {
	return healthy(append([]func(*keyrotor.Asset){func(a *keyrotor.Asset) {
		a.KMS.Origin, a.KMS.Rotation = "EXTERNAL", nil
		a.KMS.History.Rotations[0].Type = "ON_DEMAND"
		a.KMS.History.OnDemand = 1
		a.KMS.Import = &keyrotor.ImportFacts{Expires: true, ValidTo: in(200)}
	}}, change...)...)
}

// mess is a key of a realistic estate: which one depends on i.
func mess(i int) keyrotor.Asset {
	return healthy(func(a *keyrotor.Asset) {
		a.ID = fmt.Sprintf("%08d-2222-3333-4444-555555555555", i)
		a.ARN = "arn:aws:kms:eu-west-1:111122223333:key/" + a.ID
		switch i % 10 {
		case 0, 1, 2, 3:
		case 4, 5:
			a.KMS.Rotation = &keyrotor.RotationFacts{}
			a.KMS.History = &keyrotor.RotationHistory{}
			a.KMS.Material = &keyrotor.MaterialFacts{Since: a.KMS.Created}
		case 6:
			a.KMS.Spec, a.KMS.Usage, a.KMS.Rotation, a.KMS.History = "RSA_2048", "SIGN_VERIFY", nil, nil
		case 7:
			a.KMS.Origin, a.KMS.Rotation = "EXTERNAL", nil
			a.KMS.Import = &keyrotor.ImportFacts{Expires: true, ValidTo: in(i % 60)}
		case 8:
			a.KMS.State = "PendingDeletion"
		case 9:
			a.Tags, a.Owner, a.KMS.Policy = nil, "", nil
		}
	})
}

func builtin(t testing.TB) *assess.Pack {
	t.Helper()
	p, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func assessor(t testing.TB, o assess.Options) *assess.Assessor {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = today()
	}
	a, err := assess.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func load(t testing.TB, yaml string) *assess.Pack {
	t.Helper()
	p, err := assess.LoadPack("own.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// finding is what an assessment says of a rule; the zero Finding if nothing.
func finding(a keyrotor.Assessment, rule string) keyrotor.Finding {
	for _, f := range a.Findings {
		if f.Rule == rule {
			return f
		}
	}
	return keyrotor.Finding{}
}

// choice compiles an expression as --select does.
func choice(expr string) (func(keyrotor.Asset) bool, error) {
	c, err := assess.CompileChoice(expr, today())
	if err != nil {
		return nil, err
	}
	return c.Holds, nil
}
