package aws_test

import (
	"errors"
	"maps"
	"slices"
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
	rotation := map[string]int{"kms:DescribeKey": 1, "kms:GetKeyRotationStatus": 1}
	rotations := map[string]int{"kms:DescribeKey": 1, "kms:GetKeyRotationStatus": 1, "kms:ListKeyRotations": 1}
	tags := map[string]int{"kms:DescribeKey": 1, "kms:ListResourceTags": 1, "kms:GetKeyPolicy": 1}
	for verb, want := range map[keyrotor.Verb]map[string]int{
		keyrotor.EnableRotation: rotation, keyrotor.SetPeriod: rotation, keyrotor.RotateNow: rotations, keyrotor.DisableRotation: rotation,
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
		step := keyrotor.Step{Verb: verb, Target: target}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(slices.Values(step.LookCalls()))); diff != "" {
			t.Errorf("calls that a plan expects before %s (-want +got):\n%s", verb, diff)
		}
		if _, asked := want["kms:GetKeyPolicy"]; asked != (seen.KMS.Policy != nil) {
			t.Errorf("before %s the policy is %v", verb, seen.KMS.Policy)
		}
	}
}

// A key that is made although its alias is taken has no name, and is paid for.
func TestBeforeAKeyIsMadeItsAliasIsLookedAt(t *testing.T) {
	s, _ := actorWorld(t, sandbox.Options{}, aws.Config{})
	e := open(t, aws.Config{})
	taken := seed(t, s, sandbox.KeySeed{Aliases: []string{"alias/taken"}, Tags: map[string]string{keyrotor.ChangeTag: "theirs"}})
	step := keyrotor.Step{Verb: keyrotor.CreateKey, Token: "ours", Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: home, Region: region, Name: "alias/free"}}
	free, err := e.LookForApply(t.Context(), step)
	if err != nil || free.KMS != nil {
		t.Errorf("behind a free alias: %+v, %v; want nothing", free, err)
	}
	step.Target.Name = "alias/taken"
	behind, err := e.LookForApply(t.Context(), step)
	if err != nil || behind.ID != taken.ID || behind.Tags[keyrotor.ChangeTag] != "theirs" || !slices.Equal(behind.KMS.Aliases, []string{"alias/taken"}) {
		t.Errorf("behind a taken alias: %+v, %v; want key %s and its tags", behind, err, taken.ID)
	}
	s.Inject(sandbox.Fault{Operation: "DescribeKey", Code: "AccessDeniedException"})
	var failed *keyrotor.CallFailed
	if _, err := e.LookForApply(t.Context(), step); !errors.As(err, &failed) {
		t.Errorf("an alias that nobody may look at: %v, want a refusal", err)
	}
}
