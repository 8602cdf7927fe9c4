package aws_test

import (
	"context"
	"slices"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/inventory"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// useEndpoint points the SDK at an emulator and away from the user's own files.
func useEndpoint(t *testing.T, url string) {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL", url)
	t.Setenv("AWS_ACCESS_KEY_ID", "123456789012")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// endpointClient is an SDK client of our own account, for preparing the world.
func endpointClient(t *testing.T) awssdk.Config {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// collect scans the estate and returns its lines by kind.
func collect(t *testing.T, e *aws.Estate) (assets []keyrotor.Asset, places []keyrotor.Place, gaps []keyrotor.Gap, p keyrotor.Population) {
	t.Helper()
	p, err := inventory.Collect(t.Context(), e, inventory.Options{}, func(l keyrotor.InventoryLine) error {
		switch {
		case l.Asset != nil:
			assets = append(assets, *l.Asset)
		case l.Place != nil:
			places = append(places, *l.Place)
		case l.Gap != nil:
			gaps = append(gaps, *l.Gap)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(assets, func(a, b keyrotor.Asset) int {
		if a.ARN < b.ARN {
			return -1
		}
		return 1
	})
	return assets, places, gaps, p
}

func open(t *testing.T, cfg aws.Config) *aws.Estate {
	t.Helper()
	e, err := aws.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestScanAndRotateAgainstMoto(t *testing.T) {
	useEndpoint(t, testenv.Moto(t))
	cfg := endpointClient(t)
	org := organizations.NewFromConfig(cfg)
	if _, err := org.CreateOrganization(t.Context(), &organizations.CreateOrganizationInput{}); err != nil {
		t.Fatal(err)
	}
	if _, err := org.CreateAccount(t.Context(), &organizations.CreateAccountInput{AccountName: awssdk.String("dev"), Email: awssdk.String("a@example.com")}); err != nil {
		t.Fatal(err)
	}
	k := kms.NewFromConfig(cfg)
	made, err := k.CreateKey(t.Context(), &kms.CreateKeyInput{Description: awssdk.String("payments"), Tags: []kmstypes.Tag{{TagKey: awssdk.String("owner"), TagValue: awssdk.String("team-a")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: awssdk.String("alias/payments"), TargetKeyId: made.KeyMetadata.KeyId}); err != nil {
		t.Fatal(err)
	}

	e := open(t, aws.Config{Regions: []string{"eu-west-1", "us-east-1"}})
	assets, places, gaps, p := collect(t, e)
	for _, g := range gaps {
		t.Errorf("gap %+v", g)
	}
	if len(p.Accounts) != 2 || p.Organization == "" || p.AccountsFrom != "organizations:ListAccounts" {
		t.Errorf("population %+v", p)
	}
	if p.RegionsFrom != "ec2:DescribeRegions" {
		t.Errorf("Regions from %q", p.RegionsFrom)
	}
	var read int
	for _, at := range places {
		if at.Status == keyrotor.PlaceRead {
			read++
		}
		if at.Listed != at.Described+at.Unreadable {
			t.Errorf("place %+v does not add up", at)
		}
	}
	if read != 4 {
		t.Errorf("read %d places, want 4 (2 accounts, 2 Regions)", read)
	}
	if len(assets) != 1 {
		t.Fatalf("found %d keys, want 1: %+v", len(assets), assets)
	}
	a := assets[0]
	if a.Name() != "alias/payments" || a.Owner != "team-a" || a.KMS.Rotation == nil || a.KMS.Rotation.On || a.KMS.Policy == nil || !a.KMS.Policy.DelegatesToIAM {
		t.Errorf("asset %+v", a)
	}

	actor := e.KMSActor()
	step := keyrotor.Step{Number: 1, Verb: keyrotor.EnableRotation, Target: a.Target(), Params: keyrotor.Params{PeriodDays: 180}}
	if done, err := actor.Check(t.Context(), step); done || err != nil {
		t.Fatalf("Check before: %t, %v", done, err)
	}
	receipt, err := actor.Do(t.Context(), step)
	if err != nil || len(receipt.RequestIDs) != 1 {
		t.Fatalf("Do: %+v, %v", receipt, err)
	}
	if done, err := actor.Check(t.Context(), step); !done || err != nil {
		t.Fatalf("Check after: %t, %v", done, err)
	}
	seen, err := e.Look(t.Context(), a.Target())
	if err != nil || !seen.KMS.Rotation.On {
		t.Fatalf("Look: %+v, %v", seen, err)
	}
}
