package plan_test

import (
	"fmt"
	"iter"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

var now = time.Date(2026, 11, 21, 10, 15, 2, 0, time.UTC)

func options() plan.Options {
	return plan.Options{
		Run:    "20261121T101502Z-5f3c",
		Author: keyrotor.Author{Identity: "arn:aws:sts::111122223333:assumed-role/ops/carol", Key: "SHA256:abc", Principal: "carol@example.com"},
		Ticket: "OPS-7", Reason: "yearly rotation",
		Inputs: keyrotor.Inputs{Inventory: "sha256:aa", InventoryTaken: now.Add(-time.Hour), Config: "sha256:bb", Rules: "sha256:cc", Waivers: "sha256:dd", Signers: "sha256:ee"},
		Needs:  keyrotor.Needs{Approvals: 2, ValidHours: 168}, Now: now, CryptoperiodDays: 365,
	}
}

// key is an assessment of a key that does not rotate and should.
func key(n int, change ...func(*keyrotor.Assessment)) keyrotor.Assessment {
	id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", n)
	a := keyrotor.Assessment{
		Asset: keyrotor.Asset{
			Kind: keyrotor.KindKMSKey, ID: id, ARN: "arn:aws:kms:us-east-1:111122223333:key/" + id,
			Partition: "aws", Account: "111122223333", Region: "us-east-1", Tags: map[string]string{}, Owner: "team-a",
			KMS: &keyrotor.KMSFacts{
				Aliases: []string{fmt.Sprintf("alias/key-%d", n)}, State: "Enabled", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT",
				Origin: "AWS_KMS", KeyManager: "CUSTOMER", Created: now.AddDate(-3, 0, 0),
				Rotation: &keyrotor.RotationFacts{}, History: &keyrotor.RotationHistory{},
				Material: &keyrotor.MaterialFacts{ID: fmt.Sprintf("%064d", n), Since: now.AddDate(-3, 0, 0)},
				Policy:   &keyrotor.PolicyFacts{},
			},
		},
		Eligibility: keyrotor.Eligibility{Ability: keyrotor.Automatic}, View: keyrotor.ViewTarget,
		Findings: []keyrotor.Finding{
			{Rule: "kms-rotation-on", Severity: keyrotor.High, Verdict: keyrotor.Fail},
			{Rule: "kms-material-within-cryptoperiod", Severity: keyrotor.High, Verdict: keyrotor.Fail},
		},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func env(v string) func(*keyrotor.Assessment) {
	return func(a *keyrotor.Assessment) { a.Asset.Tags["env"] = v }
}

func in(account, region string) func(*keyrotor.Assessment) {
	return func(a *keyrotor.Assessment) {
		a.Asset.Account, a.Asset.Region = account, region
		a.Asset.ARN = "arn:aws:kms:" + region + ":" + account + ":key/" + a.Asset.ID
	}
}

// on makes the key rotate every so many days, and its rules fail that say so.
func on(days int, failing ...string) func(*keyrotor.Assessment) {
	return func(a *keyrotor.Assessment) {
		next := now.AddDate(0, 0, 30)
		a.View = keyrotor.ViewRotating
		a.Asset.KMS.Rotation = &keyrotor.RotationFacts{On: true, PeriodDays: days, Next: &next}
		a.Findings = []keyrotor.Finding{{Rule: "kms-rotation-on", Verdict: keyrotor.Pass}}
		for _, rule := range failing {
			a.Findings = append(a.Findings, keyrotor.Finding{Rule: rule, Verdict: keyrotor.Fail})
		}
	}
}

func of(list ...keyrotor.Assessment) iter.Seq2[keyrotor.Assessment, error] {
	return func(yield func(keyrotor.Assessment, error) bool) {
		for _, a := range list {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// estate is a bit of everything.
func estate() []keyrotor.Assessment {
	return []keyrotor.Assessment{
		key(1, env("prod"), in("444455556666", "eu-west-1")),
		key(2, env("dev")),
		key(3, func(a *keyrotor.Assessment) {
			a.Asset.ManagedBy = &keyrotor.Manager{Tool: "cloudformation", Name: "billing", Resource: "DataKey"}
		}),
		key(4, env("staging"), in("444455556666", "eu-west-1"), func(a *keyrotor.Assessment) {
			a.Asset.ManagedBy = &keyrotor.Manager{Tool: "terraform", Name: "core"}
		}),
		key(5, on(1000, "kms-period-within-cryptoperiod")),
		key(6, on(365)),
		key(7, func(a *keyrotor.Assessment) {
			a.Findings[0].Verdict, a.Findings[1].Verdict = keyrotor.Waived, keyrotor.Waived
		}),
		key(8, func(a *keyrotor.Assessment) { a.View = keyrotor.ViewUnknown }),
		key(9, func(a *keyrotor.Assessment) {
			a.Asset.ID = "mrk-9"
			a.Asset.ARN = "arn:aws:kms:us-east-1:111122223333:key/mrk-9"
			a.Asset.KMS.MultiRegion = &keyrotor.MultiRegion{Role: "PRIMARY", Primary: a.Asset.ARN, Replicas: []string{"arn:aws:kms:eu-west-1:111122223333:key/mrk-9"}}
		}),
		key(9, in("111122223333", "eu-west-1"), func(a *keyrotor.Assessment) {
			a.Asset.ID = "mrk-9"
			a.Asset.ARN = "arn:aws:kms:eu-west-1:111122223333:key/mrk-9"
			a.View, a.Eligibility.Ability = keyrotor.ViewNotEligible, keyrotor.NoRotation
			a.Findings = nil
			a.Asset.KMS.Rotation, a.Asset.KMS.History = nil, nil
			a.Asset.KMS.MultiRegion = &keyrotor.MultiRegion{Role: "REPLICA", Primary: "arn:aws:kms:us-east-1:111122223333:key/mrk-9"}
		}),
	}
}
