package aws_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

const (
	home   = "111111111111"
	region = "eu-west-1"
)

// actorWorld is a sandbox with one account, and an actor on it.
func actorWorld(t *testing.T, o sandbox.Options, cfg aws.Config) (*sandbox.Sandbox, *aws.KMSActor) {
	t.Helper()
	o.Home = home
	s := sandbox.New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	useEndpoint(t, server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", home)
	return s, open(t, cfg).KMSActor()
}

func seed(t *testing.T, s *sandbox.Sandbox, k sandbox.KeySeed) keyrotor.Target {
	t.Helper()
	arn, err := s.SeedKey(home, region, k)
	if err != nil {
		t.Fatal(err)
	}
	return keyrotor.Target{Kind: keyrotor.KindKMSKey, Partition: "aws", Account: home, Region: region, ID: arn[strings.LastIndexByte(arn, '/')+1:], ARN: arn}
}

func mustCheck(t *testing.T, a *aws.KMSActor, step keyrotor.Step, want bool) {
	t.Helper()
	got, err := a.Check(t.Context(), step)
	if err != nil || got != want {
		t.Fatalf("Check of %s: %t, %v; want %t", step.Verb, got, err, want)
	}
}

func mustDo(t *testing.T, a *aws.KMSActor, step keyrotor.Step) keyrotor.Receipt {
	t.Helper()
	r, err := a.Do(t.Context(), step)
	if err != nil {
		t.Fatalf("Do of %s: %v", step.Verb, err)
	}
	if r.Verb != step.Verb || r.Step != step.Number || len(r.RequestIDs) == 0 || r.At.IsZero() {
		t.Fatalf("receipt of %s: %+v", step.Verb, r)
	}
	return r
}

func TestRotationIsSwitchedOnSetAndOff(t *testing.T) {
	s, a := actorWorld(t, sandbox.Options{}, aws.Config{})
	on := keyrotor.Step{Number: 1, Verb: keyrotor.EnableRotation, Target: seed(t, s, sandbox.KeySeed{}), Params: keyrotor.Params{PeriodDays: 365}}
	mustCheck(t, a, on, false)
	mustDo(t, a, on)
	mustCheck(t, a, on, true)

	shorter := on
	shorter.Verb, shorter.Params.PeriodDays = keyrotor.SetPeriod, 180
	mustCheck(t, a, shorter, false)
	mustDo(t, a, shorter)
	mustCheck(t, a, shorter, true)
	mustCheck(t, a, on, false) // the period differs now

	off := on
	off.Verb = keyrotor.DisableRotation
	mustCheck(t, a, off, false)
	mustDo(t, a, off)
	mustCheck(t, a, off, true)
}

func TestRotateNowIsToldByWhatThePlanSaw(t *testing.T) {
	clock := sandbox.NewClock(time.Now())
	s, a := actorWorld(t, sandbox.Options{Clock: clock, RotationTakes: time.Hour}, aws.Config{})
	zero := 0
	step := keyrotor.Step{Number: 1, Verb: keyrotor.RotateNow, Target: seed(t, s, sandbox.KeySeed{}), Before: keyrotor.Before{OnDemand: &zero}}
	mustCheck(t, a, step, false)
	mustDo(t, a, step)
	var later *keyrotor.NotYet
	if _, err := a.Check(t.Context(), step); !errors.As(err, &later) {
		t.Fatalf("Check while the rotation is under way: %v, want NotYet", err)
	}
	clock.Advance(2 * time.Hour)
	mustCheck(t, a, step, true)

	blind := step
	blind.Before = keyrotor.Before{}
	var refusal *keyrotor.Refusal
	if _, err := a.Check(t.Context(), blind); !errors.As(err, &refusal) {
		t.Fatalf("Check without Before: %v, want a refusal", err)
	}
}

func TestTheTwentySixthRotationOnDemandIsRefusedInOneCall(t *testing.T) {
	var done []time.Time
	for i := range keyrotor.OnDemandRotationLimit {
		done = append(done, time.Now().AddDate(0, 0, i-40))
	}
	s, a := actorWorld(t, sandbox.Options{}, aws.Config{})
	all := keyrotor.OnDemandRotationLimit
	step := keyrotor.Step{Verb: keyrotor.RotateNow, Target: seed(t, s, sandbox.KeySeed{Created: time.Now().AddDate(0, 0, -60), OnDemandAt: done}), Before: keyrotor.Before{OnDemand: &all}}
	_, err := a.Do(t.Context(), step)
	var failed *keyrotor.CallFailed
	if !errors.As(err, &failed) || failed.Code != "LimitExceededException" || failed.RequestID == "" || failed.Stop {
		t.Fatalf("got %v", err)
	}
	if n := s.Calls()["kms:RotateKeyOnDemand"]; n != 1 {
		t.Errorf("RotateKeyOnDemand was called %d times, want 1: a hard quota is not a throttle", n)
	}
}

func TestAMissingKeyIsNotFound(t *testing.T) {
	_, a := actorWorld(t, sandbox.Options{}, aws.Config{})
	step := keyrotor.Step{Verb: keyrotor.EnableRotation, Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: home, Region: region, ID: "11111111-2222-3333-4444-555555555555"}}
	if _, err := a.Check(t.Context(), step); !errors.Is(err, keyrotor.ErrNotFound) {
		t.Errorf("Check: %v, want ErrNotFound", err)
	}
	if _, err := a.Do(t.Context(), step); !errors.Is(err, keyrotor.ErrNotFound) {
		t.Errorf("Do: %v, want ErrNotFound", err)
	}
}

func TestAKeyIsCreatedOnceNamedAndRotating(t *testing.T) {
	s, a := actorWorld(t, sandbox.Options{}, aws.Config{})
	seed(t, s, sandbox.KeySeed{}) // another key, not ours
	at := keyrotor.Target{Kind: keyrotor.KindKMSKey, Partition: "aws", Account: home, Region: region}
	create := keyrotor.Step{Number: 1, Verb: keyrotor.CreateKey, Target: at, Token: "sha256:abc", Params: keyrotor.Params{Description: "new", Tags: map[string]string{"owner": "x"}}}
	name := keyrotor.Step{Number: 2, Verb: keyrotor.CreateAlias, Target: at, Token: "sha256:abc", Params: keyrotor.Params{Alias: "alias/new"}}
	turn := keyrotor.Step{Number: 3, Verb: keyrotor.EnableRotation, Target: at, Token: "sha256:abc", Params: keyrotor.Params{PeriodDays: 90}}
	mustCheck(t, a, create, false)
	receipt := mustDo(t, a, create)
	if receipt.Result["key_id"] == "" || receipt.Result["key_arn"] == "" {
		t.Errorf("receipt names no key: %+v", receipt)
	}
	for _, step := range []keyrotor.Step{name, turn} {
		mustCheck(t, a, step, false)
		mustDo(t, a, step)
		mustCheck(t, a, step, true)
	}
	// A new process knows nothing but the token, and finds the key by its tag.
	again := open(t, aws.Config{}).KMSActor()
	for _, step := range []keyrotor.Step{create, name, turn} {
		mustCheck(t, again, step, true)
	}
	if result, err := again.Result(t.Context(), create); err != nil || result["key_arn"] != receipt.Result["key_arn"] {
		t.Errorf("the lost receipt names %v, %v; want %v", result, err, receipt.Result)
	}
	other := name
	other.Token, other.Target.ID = "", seed(t, s, sandbox.KeySeed{}).ID
	if _, err := again.Check(t.Context(), other); !errors.Is(err, keyrotor.ErrConflict) {
		t.Errorf("alias of another key: %v, want ErrConflict", err)
	}
	if n := s.Calls()["kms:CreateKey"]; n != 1 {
		t.Errorf("%d keys were created", n)
	}
}

func TestANewKeyIsWaitedForAndNotMadeAgain(t *testing.T) {
	clock := sandbox.NewClock(time.Now())
	s, a := actorWorld(t, sandbox.Options{Clock: clock, Consistency: time.Hour}, aws.Config{})
	at := keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: home, Region: region}
	mustDo(t, a, keyrotor.Step{Verb: keyrotor.CreateKey, Target: at, Token: "t"})
	turn := keyrotor.Step{Number: 2, Verb: keyrotor.EnableRotation, Target: at, Token: "t"}
	// Another process does not see the key yet: it must wait and not report a
	// missing key.
	other := open(t, aws.Config{}).KMSActor()
	var later *keyrotor.NotYet
	if _, err := other.Check(t.Context(), turn); !errors.As(err, &later) {
		t.Errorf("Check by a process that does not see the key: %v, want NotYet", err)
	}
	clock.Advance(2 * time.Hour)
	mustCheck(t, other, turn, false)
	mustDo(t, other, turn)
	clock.Advance(2 * time.Hour)
	mustCheck(t, other, turn, true)
	if n := s.Calls()["kms:CreateKey"]; n != 1 {
		t.Errorf("%d keys were created", n)
	}
}

func TestTagsAreSetAndTakenAway(t *testing.T) {
	s, a := actorWorld(t, sandbox.Options{}, aws.Config{})
	target := seed(t, s, sandbox.KeySeed{Tags: map[string]string{"env": "prod"}})
	set := keyrotor.Step{Verb: keyrotor.TagKey, Target: target, Params: keyrotor.Params{Tags: map[string]string{"owner": "x", "env": "dev"}}}
	mustCheck(t, a, set, false)
	mustDo(t, a, set)
	mustCheck(t, a, set, true)
	remove := keyrotor.Step{Verb: keyrotor.UntagKey, Target: target, Params: keyrotor.Params{TagKeys: []string{"owner"}}}
	mustCheck(t, a, remove, false)
	mustDo(t, a, remove)
	mustCheck(t, a, remove, true)
}

func TestStepsThatAreNotOursAreRefused(t *testing.T) {
	s, a := actorWorld(t, sandbox.Options{}, aws.Config{})
	target := seed(t, s, sandbox.KeySeed{})
	elsewhere := target
	elsewhere.Partition = "aws-cn"
	for name, step := range map[string]keyrotor.Step{
		"unknown verb":      {Verb: "paint", Target: target},
		"another kind":      {Verb: keyrotor.EnableRotation, Target: keyrotor.Target{Kind: "secret", Account: home, Region: region, ID: "x"}},
		"another partition": {Verb: keyrotor.EnableRotation, Target: elsewhere},
		"no token":          {Verb: keyrotor.CreateKey, Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: home, Region: region}},
	} {
		t.Run(name, func(t *testing.T) {
			var refusal *keyrotor.Refusal
			if _, err := a.Check(t.Context(), step); !errors.As(err, &refusal) {
				t.Errorf("Check: %v, want a refusal", err)
			}
			if _, err := a.Do(t.Context(), step); !errors.As(err, &refusal) {
				t.Errorf("Do: %v, want a refusal", err)
			}
		})
	}
	if n := s.Calls()["kms:CreateKey"]; n != 0 {
		t.Errorf("%d keys were created", n)
	}
}

func TestACallGivenUpBeforeItLeftIsCertain(t *testing.T) {
	s, a := actorWorld(t, sandbox.Options{}, aws.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.Do(ctx, keyrotor.Step{Verb: keyrotor.RotateNow, Target: seed(t, s, sandbox.KeySeed{})})
	var failed *keyrotor.CallFailed
	if !errors.As(err, &failed) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a certain failure that says cancelled", err)
	}
	if n := s.Calls()["kms:RotateKeyOnDemand"]; n != 0 {
		t.Errorf("%d calls left", n)
	}
}

// TestAStepWhoseKeyIsStillLookedForIsCertainlyNotDone: an interrupt cuts off the
// calls that look for the key, which change nothing; once that was told as a doubt.
func TestAStepWhoseKeyIsStillLookedForIsCertainlyNotDone(t *testing.T) {
	s, a := actorWorld(t, sandbox.Options{}, aws.Config{})
	if err := s.Inject(sandbox.Fault{Service: "kms", Operation: "ListKeys", Hang: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	time.AfterFunc(100*time.Millisecond, cancel) // as an interrupt does
	at := keyrotor.Target{Kind: keyrotor.KindKMSKey, Partition: "aws", Account: home, Region: region}
	_, err := a.Do(ctx, keyrotor.Step{Number: 2, Verb: keyrotor.CreateAlias, Target: at, Token: "t", Params: keyrotor.Params{Alias: "alias/new"}})
	var (
		failed *keyrotor.CallFailed
		doubt  *keyrotor.InDoubt
	)
	if !errors.As(err, &failed) || errors.As(err, &doubt) || failed.Code != "Canceled" {
		t.Errorf("got %v, want a certain failure that says cancelled", err)
	}
	if n := s.Calls()["kms:CreateAlias"]; n != 0 {
		t.Errorf("%d calls left", n)
	}
}
