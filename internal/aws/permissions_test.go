package aws_test

import (
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

func TestEveryCallMadeIsInThePermissions(t *testing.T) {
	s := serveWorld(t, "small", sandbox.Options{RotationTakes: -1})
	e := open(t, aws.Config{With: []string{keyrotor.FactLastUse, keyrotor.FactGrants}})
	assets, _, _, _ := collect(t, e)
	if _, err := e.Doctor(t.Context(), aws.VisitAll); err != nil {
		t.Fatal(err)
	}
	a := e.KMSActor()
	var target keyrotor.Target
	for _, asset := range assets {
		if asset.KMS.Rotation != nil && asset.KMS.State == "Enabled" && asset.KMS.Origin == "AWS_KMS" && asset.KMS.MultiRegion == nil && asset.Account == "222222222222" {
			target = asset.Target()
		}
	}
	for _, verb := range []keyrotor.Verb{keyrotor.EnableRotation, keyrotor.TagKey} {
		if _, err := e.LookForApply(t.Context(), keyrotor.Step{Verb: verb, Target: target}); err != nil {
			t.Fatal(err)
		}
	}
	fresh := target
	fresh.ID, fresh.ARN, fresh.Name = "", "", ""
	ninety := 90
	for _, step := range []keyrotor.Step{
		{Verb: keyrotor.EnableRotation, Target: target, Params: keyrotor.Params{PeriodDays: 90}},
		{Verb: keyrotor.SetPeriod, Target: target, Params: keyrotor.Params{PeriodDays: 91}},
		{Verb: keyrotor.RotateNow, Target: target, Before: keyrotor.Before{OnDemand: &ninety, MaterialID: "x"}},
		{Verb: keyrotor.DisableRotation, Target: target},
		{Verb: keyrotor.TagKey, Target: target, Params: keyrotor.Params{Tags: map[string]string{"a": "b"}}},
		{Verb: keyrotor.UntagKey, Target: target, Params: keyrotor.Params{TagKeys: []string{"a"}}},
		{Verb: keyrotor.CreateKey, Target: fresh, Token: "t"},
		{Verb: keyrotor.CreateAlias, Target: fresh, Token: "t", Params: keyrotor.Params{Alias: "alias/fresh"}},
	} {
		if _, err := a.Check(t.Context(), step); err != nil {
			t.Fatalf("Check of %s: %v", step.Verb, err)
		}
		mustDo(t, a, step)
		if _, err := a.Check(t.Context(), step); err != nil {
			t.Fatalf("Check of %s: %v", step.Verb, err)
		}
	}
	allowed, err := aws.Permissions("scan", "verify", "apply", "doctor", "explain", keyrotor.FactLastUse, keyrotor.FactGrants)
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, p := range allowed {
		known[string(p.Role)+" "+p.Call] = true
		if p.Write && p.Role != aws.RoleApply {
			t.Errorf("%s: role %s holds a permission to write", p.Call, p.Role)
		}
	}
	made := e.Calls()
	for role, calls := range made {
		for call := range calls {
			if !known[string(role)+" "+call] {
				t.Errorf("%s was called as %s and is not in the table", call, role)
			}
		}
	}
	for _, p := range allowed {
		unseen := made[p.Role][p.Call] == 0
		if unseen && p.Call != "ec2:DescribeRegions" { // only where account:ListRegions is refused
			t.Errorf("%s is in the table for %s and was never called", p.Call, p.Role)
		}
	}
	if s.Calls()["kms:EnableKeyRotation"] == 0 {
		t.Error("nothing reached the endpoint")
	}
}
