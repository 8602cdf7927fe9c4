package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/sync/errgroup"

	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// largeRegions are the Regions of the large world.
func largeRegions() []string {
	return []string{"us-east-1", "us-west-2", "eu-west-1", "ap-southeast-1"}
}

// placesAtOnce is how many accounts × Regions keyrotor lists at once by default.
const placesAtOnce = 8

// childBare is the floor as a program. It keeps nothing: the state folder, which it
// is given as keyrotor's scan is, stays as it was.
const childBare = "bare"

func bareOnce(ctx context.Context, args []string, out io.Writer) error {
	if len(args) < 2 {
		return errors.New("bare: name a state folder and accounts")
	}
	return sayTime(out, func() error { return bareScan(ctx, args[1:]) })
}

// bareScan is the floor: what a careful person writes with the SDK and nothing
// else. One client per account and Region with the SDK's own transport and
// retries, a pool of workers over all places, the calls that the key's metadata
// gives reason for. Nothing is kept and nothing is written.
func bareScan(ctx context.Context, accounts []string) error {
	workers, wctx := errgroup.WithContext(ctx)
	jobs := make(chan bareKey)
	for range aws.DefaultMaxConcurrency {
		workers.Go(func() error {
			for job := range jobs {
				if err := job.read(wctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	workers.Go(func() error {
		defer close(jobs)
		places, pctx := errgroup.WithContext(wctx)
		places.SetLimit(placesAtOnce)
		for _, account := range accounts {
			for _, region := range largeRegions() {
				places.Go(func() error { return barePlace(pctx, account, region, jobs) })
			}
		}
		return places.Wait()
	})
	return workers.Wait()
}

func barePlace(ctx context.Context, account, region string, jobs chan<- bareKey) error {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return err
	}
	role := fmt.Sprintf("arn:aws:iam::%s:role/%s", account, sandbox.ScanRole)
	cfg.Credentials = awssdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), role))
	client := kms.NewFromConfig(cfg)
	aliases := kms.NewListAliasesPaginator(client, &kms.ListAliasesInput{Limit: awssdk.Int32(100)})
	for aliases.HasMorePages() {
		if _, err := aliases.NextPage(ctx); err != nil {
			return err
		}
	}
	err = bareList(ctx, client, func(id *string) error {
		select {
		case jobs <- bareKey{client, id}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil {
		return err
	}
	return bareList(ctx, client, func(*string) error { return nil }) // once more, as keyrotor does
}

func bareList(ctx context.Context, client *kms.Client, each func(id *string) error) error {
	pages := kms.NewListKeysPaginator(client, &kms.ListKeysInput{Limit: awssdk.Int32(1000)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, key := range page.Keys {
			if err := each(key.KeyId); err != nil {
				return err
			}
		}
	}
	return nil
}

type bareKey struct {
	client *kms.Client
	id     *string
}

func (k bareKey) read(ctx context.Context) error {
	out, err := k.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: k.id})
	if err != nil {
		return err
	}
	m := out.KeyMetadata
	if m.KeyManager == types.KeyManagerTypeAws {
		return nil
	}
	if tells, history := tellsOfRotation(string(m.KeySpec), string(m.Origin), string(m.KeyState)); history {
		if tells {
			if _, err := k.client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: k.id}); err != nil {
				return err
			}
		}
		in := &kms.ListKeyRotationsInput{KeyId: k.id, Limit: awssdk.Int32(1000)}
		if m.Origin == types.OriginTypeExternal {
			in.IncludeKeyMaterial = types.IncludeKeyMaterialAllKeyMaterial
		}
		if _, err := k.client.ListKeyRotations(ctx, in); err != nil {
			return err
		}
	}
	if _, err := k.client.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: k.id, Limit: awssdk.Int32(50)}); err != nil {
		return err
	}
	_, err = k.client.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: k.id, PolicyName: awssdk.String("default")})
	return err
}

// tellsOfRotation says, from AWS's documentation, whether GetKeyRotationStatus
// and ListKeyRotations can tell anything about a key.
func tellsOfRotation(spec, origin, state string) (status, history bool) {
	if spec != "SYMMETRIC_DEFAULT" || origin != "AWS_KMS" && origin != "EXTERNAL" {
		return false, false
	}
	switch state {
	case "Creating", "Unavailable":
		return false, false
	case "PendingImport", "PendingDeletion", "PendingReplicaDeletion":
		return false, true
	}
	return true, true
}
