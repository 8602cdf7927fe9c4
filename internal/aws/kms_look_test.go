package aws_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// A condition on tags that came into the key policy after the scan was not seen
// before the tags were set.
func TestTheFreshLookReadsWhatSpeaksAgainstItsStep(t *testing.T) {
	serveWorld(t, "small", sandbox.Options{RotationTakes: -1})
	e := open(t, aws.Config{})
	assets, _, _, _ := collect(t, e)
	var target keyrotor.Target
	for _, a := range assets {
		if a.KMS.Rotation != nil && a.KMS.State == "Enabled" && a.KMS.Origin == "AWS_KMS" && a.KMS.MultiRegion == nil && a.Account == "222222222222" {
			target = a.Target()
		}
	}
	rotation := map[string]int{"kms:DescribeKey": 1, "kms:GetKeyRotationStatus": 1, "kms:ListKeyRotations": 1, "kms:ListResourceTags": 1}
	tags := map[string]int{"kms:DescribeKey": 1, "kms:ListResourceTags": 1, "kms:GetKeyPolicy": 1}
	for verb, want := range map[keyrotor.Verb]map[string]int{
		keyrotor.EnableRotation: rotation, keyrotor.SetPeriod: rotation, keyrotor.RotateNow: rotation, keyrotor.DisableRotation: rotation,
		keyrotor.TagKey: tags, keyrotor.UntagKey: tags,
	} {
		before := e.Calls()[aws.RoleApply]
		seen, err := e.LookForApply(t.Context(), keyrotor.Step{Verb: verb, Target: target})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for call, n := range e.Calls()[aws.RoleApply] {
			if n > before[call] && call != "sts:AssumeRole" {
				got[call] = n - before[call]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls before %s (-want +got):\n%s", verb, diff)
		}
		if _, asked := want["kms:GetKeyPolicy"]; asked != (seen.KMS.Policy != nil) {
			t.Errorf("before %s the policy is %v", verb, seen.KMS.Policy)
		}
	}
}
