package aws

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/keyrotor/keyrotor"
)

// KMSActor does the steps on KMS keys, with the apply role. It is safe for
// concurrent use on different keys.
//
// Check asks the world whether a step's effect is there; Do makes the one call
// of the step. Their errors:
//
//	*keyrotor.CallFailed   the service said no, or the call never left; Stop on denied access
//	*keyrotor.InDoubt      no certain answer (Do only): look before trying again
//	*keyrotor.NotYet       KMS is at work, or does not show yet what was made
//	*keyrotor.Refusal      the step is not one of ours, or lacks what it needs
//	keyrotor.ErrNotFound, keyrotor.ErrConflict   wrapped: the plan is stale
type KMSActor struct {
	estate *Estate
	// pause is how long to wait for KMS to show a key that was just made.
	pause time.Duration

	mu   sync.Mutex
	made map[string]string // token ▶ id of the key made under it
}

// Waiting times of the actor.
const (
	// conflictWait: KMS refuses an on-demand rotation while an automatic one is
	// running or due within 20 minutes.
	conflictWait = 20 * time.Minute
	underWayWait = 2 * time.Minute
	settleWait   = 15 * time.Second
	settlePause  = time.Second
	settleTries  = 5
)

// KMSActor returns the actor for KMS keys of this estate.
func (e *Estate) KMSActor() *KMSActor {
	return &KMSActor{estate: e, pause: settlePause, made: make(map[string]string)}
}

// act is one step being checked or done on one key.
type act struct {
	*KMSActor
	step   keyrotor.Step
	client *kms.Client
	trace  *trace
	// key is the id of the step's key, empty for create-key.
	key string
	// fresh: the key was made by an earlier step of the same change, and KMS may
	// not show it everywhere yet.
	fresh bool
}

// Check reports whether the step's effect is there.
func (a *KMSActor) Check(ctx context.Context, step keyrotor.Step) (bool, error) {
	s, err := a.begin(step)
	if err != nil {
		return false, err
	}
	if step.Verb == keyrotor.CreateKey {
		id, err := s.findMade(ctx)
		return id != "", err
	}
	if err := s.locate(ctx); err != nil {
		return false, err
	}
	done, err := s.check(ctx)
	if err == nil {
		return done, nil
	}
	if s.fresh && errors.Is(err, keyrotor.ErrNotFound) {
		return false, nil // not visible yet; Do waits for it
	}
	return false, s.wrap(err)
}

func (s *act) check(ctx context.Context) (bool, error) {
	switch s.step.Verb {
	case keyrotor.EnableRotation, keyrotor.SetPeriod:
		status, err := s.status(ctx)
		return err == nil && s.rotatesAsAsked(status), err
	case keyrotor.DisableRotation:
		status, err := s.status(ctx)
		return err == nil && !status.KeyRotationEnabled, err
	case keyrotor.RotateNow:
		return s.rotatedNow(ctx)
	case keyrotor.CreateAlias:
		return s.aliased(ctx)
	case keyrotor.TagKey, keyrotor.UntagKey:
		return s.tagged(ctx)
	}
	return false, s.unknownVerb()
}

// Do makes the step's call and returns its receipt, without the change's id,
// which a step does not know.
func (a *KMSActor) Do(ctx context.Context, step keyrotor.Step) (keyrotor.Receipt, error) {
	s, err := a.begin(step)
	if err != nil {
		return keyrotor.Receipt{}, err
	}
	ctx = withTrace(ctx, s.trace)
	if step.Verb != keyrotor.CreateKey {
		if err := s.locate(ctx); err != nil {
			return keyrotor.Receipt{}, neverSent(err)
		}
	}
	result, err := s.doUntilSeen(ctx)
	if err != nil {
		return keyrotor.Receipt{RequestIDs: s.trace.requestIDs()}, s.wrap(err)
	}
	return keyrotor.Receipt{
		Step: step.Number, Verb: step.Verb, At: a.estate.cfg.Now().UTC(),
		RequestIDs: s.trace.requestIDs(), Result: result,
	}, nil
}

// doUntilSeen repeats the call while KMS does not find a key that it made a
// moment ago. NotFound is a definite "not done", so this repeats no effect.
func (s *act) doUntilSeen(ctx context.Context) (map[string]string, error) {
	for try := 1; ; try++ {
		result, err := s.do(ctx)
		if err == nil || !s.fresh || !errors.Is(err, keyrotor.ErrNotFound) {
			return result, err
		}
		if try == settleTries {
			return nil, s.notYet(settleWait, "KMS does not show the new key yet")
		}
		select {
		case <-ctx.Done():
			return nil, err // the refusal is certain; the wait was cut short
		case <-time.After(s.pause):
		}
	}
}

// neverSent makes a certain failure of an error met before the step's own call,
// such as an interrupt while its key was looked for: whatever became of the calls
// that look, they change nothing.
func neverSent(err error) error {
	var (
		failed *keyrotor.CallFailed
		notYet *keyrotor.NotYet
	)
	if errors.As(err, &failed) || errors.As(err, &notYet) {
		return err
	}
	return callError("kms:ListKeys", err, new(trace))
}

// Result reads from the world what the receipt of a step whose answer was lost
// must name: the key that it made.
func (a *KMSActor) Result(ctx context.Context, step keyrotor.Step) (map[string]string, error) {
	s, err := a.begin(step)
	if err != nil || step.Verb != keyrotor.CreateKey {
		return nil, err
	}
	id, err := s.findMade(ctx)
	if err != nil {
		return nil, s.wrap(err)
	}
	if id == "" {
		return nil, s.wrap(keyrotor.ErrNotFound)
	}
	out, err := s.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	if err != nil {
		return nil, s.wrap(callError("kms:DescribeKey", err, nil))
	}
	return madeKey(out.KeyMetadata), nil
}

func (s *act) do(ctx context.Context) (map[string]string, error) {
	switch s.step.Verb {
	case keyrotor.EnableRotation, keyrotor.SetPeriod:
		return nil, s.enable(ctx)
	case keyrotor.DisableRotation:
		_, err := s.client.DisableKeyRotation(ctx, &kms.DisableKeyRotationInput{KeyId: &s.key})
		return nil, s.failed("kms:DisableKeyRotation", err)
	case keyrotor.RotateNow:
		return nil, s.rotate(ctx)
	case keyrotor.CreateKey:
		return s.create(ctx)
	case keyrotor.CreateAlias:
		return nil, s.alias(ctx)
	case keyrotor.TagKey:
		_, err := s.client.TagResource(ctx, &kms.TagResourceInput{KeyId: &s.key, Tags: tagList(s.step.Params.Tags)})
		return nil, s.failed("kms:TagResource", err)
	case keyrotor.UntagKey:
		_, err := s.client.UntagResource(ctx, &kms.UntagResourceInput{KeyId: &s.key, TagKeys: s.step.Params.TagKeys})
		return nil, s.failed("kms:UntagResource", err)
	}
	return nil, s.unknownVerb()
}

func (a *KMSActor) begin(step keyrotor.Step) (*act, error) {
	t := step.Target
	s := &act{KMSActor: a, step: step, key: t.ID, trace: &trace{keep: true}}
	switch {
	case t.Kind != keyrotor.KindKMSKey:
		return nil, s.refuse(fmt.Sprintf("%q is not a KMS key", t.Kind))
	case t.Account == "" || t.Region == "":
		return nil, s.refuse("the target has no account or no Region")
	case t.Partition != "" && t.Partition != a.estate.who.Partition:
		return nil, s.refuse(fmt.Sprintf("the target is in partition %s, the credentials in %s", t.Partition, a.estate.who.Partition))
	case t.ID == "" && step.Token == "":
		return nil, s.refuse("a key that is yet to be made needs a token, by which it can be found again")
	}
	s.client = a.estate.kms(t.Account, t.Region, RoleApply)
	return s, nil
}

func (s *act) enable(ctx context.Context) error {
	in := &kms.EnableKeyRotationInput{KeyId: &s.key}
	if days := s.step.Params.PeriodDays; days > 0 {
		in.RotationPeriodInDays = awssdk.Int32(int32(days))
	}
	_, err := s.client.EnableKeyRotation(ctx, in)
	return s.failed("kms:EnableKeyRotation", err)
}

func (s *act) status(ctx context.Context) (*kms.GetKeyRotationStatusOutput, error) {
	out, err := s.client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &s.key})
	return out, callError("kms:GetKeyRotationStatus", err, nil)
}

// rotatesAsAsked compares the period only where both sides name one: older
// endpoints report none, and a step without one leaves it to KMS.
func (s *act) rotatesAsAsked(status *kms.GetKeyRotationStatusOutput) bool {
	period, want := int(awssdk.ToInt32(status.RotationPeriodInDays)), s.step.Params.PeriodDays
	return status.KeyRotationEnabled && (period == 0 || want == 0 || period == want)
}

func (s *act) tagged(ctx context.Context) (bool, error) {
	tags, err := tagsOf(ctx, s.client, s.key)
	if err != nil {
		return false, callError("kms:ListResourceTags", err, nil)
	}
	if s.step.Verb == keyrotor.UntagKey {
		for _, key := range s.step.Params.TagKeys {
			if _, there := tags[key]; there {
				return false, nil
			}
		}
		return true, nil
	}
	for key, want := range s.step.Params.Tags {
		if got, there := tags[key]; !there || got != want {
			return false, nil
		}
	}
	return true, nil
}

// failed is callError for a call of this step that changes something.
func (s *act) failed(call string, err error) error { return callError(call, err, s.trace) }

func (s *act) wrap(err error) error {
	return fmt.Errorf("kms key %s: %s: %w", s.step.Target, s.step.Verb, err)
}

func (s *act) notYet(wait time.Duration, reason string) error {
	return &keyrotor.NotYet{Again: s.estate.cfg.Now().Add(wait).UTC(), Reason: reason}
}

func (s *act) refuse(why string) error {
	return &keyrotor.Refusal{
		What: fmt.Sprintf("step %s on %s", s.step.Verb, s.step.Target), Why: []string{why},
		Now: "nothing was done", Next: "keyrotor plan",
	}
}

func (s *act) unknownVerb() error { return s.refuse("no such step on a KMS key") }

// notTwice makes the SDK repeat the call only after a throttle, which is a
// definite "not done". It is for calls that must not happen twice.
func notTwice(o *kms.Options) { o.Retryer = retryer{once: true} }

func tagList(tags map[string]string) []kmstypes.Tag {
	list := make([]kmstypes.Tag, 0, len(tags))
	for key, value := range tags {
		list = append(list, kmstypes.Tag{TagKey: awssdk.String(key), TagValue: awssdk.String(value)})
	}
	return list
}
