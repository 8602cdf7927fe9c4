package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/keyrotor/keyrotor"
	"golang.org/x/sync/errgroup"
)

// tagsAtOnce is how many keys are asked for their tags at once while a created
// key is looked for.
const tagsAtOnce = 16

func (s *act) create(ctx context.Context) (map[string]string, error) {
	p := s.step.Params
	tags := maps.Clone(p.Tags)
	if tags == nil {
		tags = make(map[string]string)
	}
	tags[keyrotor.ChangeTag] = s.step.Token // by which the key is found again after a crash
	in := &kms.CreateKeyInput{
		KeySpec:  kmstypes.KeySpec(cmp.Or(p.Spec, specSymmetric)),
		KeyUsage: kmstypes.KeyUsageType(cmp.Or(p.Usage, string(kmstypes.KeyUsageTypeEncryptDecrypt))),
		Tags:     tagList(tags),
	}
	if p.Description != "" {
		in.Description = &p.Description
	}
	if p.Policy != "" {
		in.Policy = &p.Policy
	}
	if p.MultiRegion {
		in.MultiRegion = awssdk.Bool(true)
	}
	out, err := s.client.CreateKey(ctx, in, notTwice)
	if err != nil {
		return nil, s.failed("kms:CreateKey", err)
	}
	if out.KeyMetadata == nil {
		return nil, &keyrotor.InDoubt{Err: errors.New("kms:CreateKey answered without metadata")}
	}
	s.remember(awssdk.ToString(out.KeyMetadata.KeyId))
	return madeKey(out.KeyMetadata), nil
}

// madeKey is what a receipt says of a key that was made.
func madeKey(m *kmstypes.KeyMetadata) map[string]string {
	if m == nil {
		return nil
	}
	return map[string]string{"key_id": awssdk.ToString(m.KeyId), "key_arn": awssdk.ToString(m.Arn)}
}

// locate fills in the key of a step whose target was not there when the plan
// was made: it is the key that carries the change's token.
func (s *act) locate(ctx context.Context) error {
	if s.key != "" {
		return nil
	}
	id, err := s.findMade(ctx)
	if err != nil {
		return err
	}
	if id == "" {
		return s.notYet(settleWait, "the key made by an earlier step is not visible yet")
	}
	s.key, s.fresh = id, true
	return nil
}

// findMade is the id of the key with the change's token, empty if there is none.
// It asks every key of the Region for its tags, since nothing else is read
// without delay: the tagging service lags behind KMS. A key whose tags are
// refused is passed over: one that we made lets us read it.
func (s *act) findMade(ctx context.Context) (string, error) {
	s.mu.Lock()
	known := s.made[s.step.Token]
	s.mu.Unlock()
	if known != "" {
		return known, nil
	}
	var found atomic.Pointer[string]
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(tagsAtOnce)
	pages := kms.NewListKeysPaginator(s.client, &kms.ListKeysInput{Limit: awssdk.Int32(listKeysLimit)})
	listErr := eachPage(gctx, pages, mostKeyPages, func(page *kms.ListKeysOutput) (*string, error) {
		for _, key := range page.Keys {
			if found.Load() != nil {
				return nil, errEnough
			}
			group.Go(func() error {
				ours, err := s.carriesToken(gctx, awssdk.ToString(key.KeyId))
				if ours {
					found.Store(key.KeyId)
				}
				return err
			})
		}
		return page.NextMarker, nil
	})
	err := group.Wait()
	if id := found.Load(); id != nil {
		s.remember(*id)
		return *id, nil
	}
	if err := cmp.Or(err, callError("kms:ListKeys", listErr, nil)); err != nil {
		return "", fmt.Errorf("look for the key of change token %s in %s/%s: %w", s.step.Token, s.step.Target.Account, s.step.Target.Region, err)
	}
	return "", nil
}

func (s *act) carriesToken(ctx context.Context, id string) (bool, error) {
	tags, err := tagsOf(ctx, s.client, id)
	if code := errorCode(err); accessDenied(code) || code == "NotFoundException" {
		return false, nil
	}
	token, there := tags[keyrotor.ChangeTag]
	return there && token == s.step.Token, callError("kms:ListResourceTags", err, nil)
}

func (s *act) remember(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made[s.step.Token] = id
}

// aliased reports whether the alias names the step's key. An alias of another
// key is not taken away from it.
func (s *act) aliased(ctx context.Context) (bool, error) {
	out, err := s.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &s.step.Params.Alias})
	if errorCode(err) == "NotFoundException" {
		return false, nil
	}
	if err != nil {
		return false, callError("kms:DescribeKey", err, nil)
	}
	if out.KeyMetadata == nil || awssdk.ToString(out.KeyMetadata.KeyId) != s.key {
		return false, fmt.Errorf("%s belongs to another key: %w", s.step.Params.Alias, keyrotor.ErrConflict)
	}
	return true, nil
}

func (s *act) alias(ctx context.Context) error {
	_, err := s.client.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &s.step.Params.Alias, TargetKeyId: &s.key}, notTwice)
	if errorCode(err) == "AlreadyExistsException" {
		// Perhaps our own, of a moment ago: it was not visible to Check yet.
		if done, checkErr := s.aliased(ctx); checkErr == nil && done {
			return nil
		}
	}
	return s.failed("kms:CreateAlias", err)
}
