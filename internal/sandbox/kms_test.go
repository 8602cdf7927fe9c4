package sandbox_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
)

// bench is a sandbox with the SDK's own client in front of it.
type bench struct {
	*sandbox.Sandbox
	clock *sandbox.Clock
	url   string
}

func newBench(t testing.TB, o sandbox.Options) *bench {
	t.Helper()
	if o.Clock == nil {
		o.Clock = sandbox.NewClock(time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC))
	}
	s := sandbox.New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return &bench{Sandbox: s, clock: o.Clock, url: server.URL}
}

// client is KMS as an account sees it in a Region.
func (b *bench) client(account, region string) *kms.Client {
	return kms.New(kms.Options{
		Region: region, BaseEndpoint: &b.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(account, "secret", ""),
	})
}

func (b *bench) seed(t testing.TB, k sandbox.KeySeed) string {
	t.Helper()
	arn, err := b.SeedKey(account, region, k)
	if err != nil {
		t.Fatalf("seed key: %v", err)
	}
	return arn
}

// code is the AWS error code of an error, "" for success.
func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return err.Error()
}

// TestRotationCallsAnswerByStateAndType is the table of the fact sheet: what the
// five rotation calls answer on a key of each state and type.
func TestRotationCallsAnswerByStateAndType(t *testing.T) {
	const (
		ok, unsupported, disabled, state = "", "UnsupportedOperationException", "DisabledException", "KMSInvalidStateException"
	)
	tests := map[string]struct {
		seed                                  sandbox.KeySeed
		enable, disable, status, list, demand string
	}{
		"an enabled symmetric key takes all":              {sandbox.KeySeed{}, ok, ok, ok, ok, ok},
		"a disabled key can only be read":                 {sandbox.KeySeed{State: "Disabled"}, disabled, disabled, ok, ok, disabled},
		"a key pending deletion can only be read":         {sandbox.KeySeed{State: "PendingDeletion"}, state, state, ok, ok, state},
		"a primary pending replica deletion likewise":     {sandbox.KeySeed{State: "PendingReplicaDeletion", Replicas: []string{"us-east-1"}}, state, state, ok, ok, state},
		"a key pending import is the wrong type":          {sandbox.KeySeed{State: "PendingImport", Origin: "EXTERNAL"}, unsupported, unsupported, unsupported, ok, state},
		"an imported key has no automatic rotation":       {sandbox.KeySeed{Origin: "EXTERNAL"}, unsupported, unsupported, ok, ok, state},
		"an expired import is pending import":             {sandbox.KeySeed{Origin: "EXTERNAL", ImportExpires: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, unsupported, unsupported, unsupported, ok, state},
		"a CloudHSM key takes none":                       {sandbox.KeySeed{Origin: "AWS_CLOUDHSM", CustomKeyStore: "cks-1234567890abcdef0"}, unsupported, unsupported, unsupported, unsupported, unsupported},
		"an external store's key takes none":              {sandbox.KeySeed{Origin: "EXTERNAL_KEY_STORE", CustomKeyStore: "cks-1234567890abcdef0"}, unsupported, unsupported, unsupported, unsupported, unsupported},
		"an unavailable key takes none":                   {sandbox.KeySeed{State: "Unavailable", Origin: "EXTERNAL_KEY_STORE"}, unsupported, unsupported, unsupported, unsupported, unsupported},
		"a key still being created can only be read":      {sandbox.KeySeed{State: "Creating"}, state, state, ok, ok, state},
		"an RSA key takes none":                           {sandbox.KeySeed{Spec: "RSA_2048", Usage: "SIGN_VERIFY"}, unsupported, unsupported, unsupported, unsupported, unsupported},
		"an HMAC key takes none":                          {sandbox.KeySeed{Spec: "HMAC_256"}, unsupported, unsupported, unsupported, unsupported, unsupported},
		"a disabled RSA key complains of its state first": {sandbox.KeySeed{Spec: "RSA_2048", State: "Disabled"}, disabled, disabled, unsupported, unsupported, disabled},
		"an AWS managed key lets itself be read only":     {sandbox.KeySeed{AWSManaged: true}, "AccessDeniedException", "AccessDeniedException", ok, ok, "AccessDeniedException"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, sandbox.Options{})
			c, ctx := b.client(account, region), context.Background()
			// Each call meets a key of its own, for the calls change it.
			fresh := func() *string { return aws.String(b.seed(t, tt.seed)) }
			_, enable := c.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: fresh()})
			_, disable := c.DisableKeyRotation(ctx, &kms.DisableKeyRotationInput{KeyId: fresh()})
			_, status := c.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: fresh()})
			_, list := c.ListKeyRotations(ctx, &kms.ListKeyRotationsInput{KeyId: fresh()})
			_, demand := c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: fresh()})
			for _, r := range []struct {
				call, want string
				err        error
			}{
				{"EnableKeyRotation", tt.enable, enable}, {"DisableKeyRotation", tt.disable, disable},
				{"GetKeyRotationStatus", tt.status, status}, {"ListKeyRotations", tt.list, list},
				{"RotateKeyOnDemand", tt.demand, demand},
			} {
				if got := code(r.err); got != r.want {
					t.Errorf("%s: got %q, want %q", r.call, got, r.want)
				}
			}
		})
	}
}

func TestReplicasLeaveRotationToTheirPrimary(t *testing.T) {
	b := newBench(t, sandbox.Options{RotationTakes: -1})
	arn := b.seed(t, sandbox.KeySeed{Replicas: []string{"us-east-1"}})
	id := arn[len(arn)-36:]
	primary, replica, ctx := b.client(account, region), b.client(account, "us-east-1"), context.Background()

	if _, err := replica.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &id}); code(err) != "UnsupportedOperationException" {
		t.Errorf("enable on the replica: got %v, want UnsupportedOperationException", err)
	}
	if _, err := primary.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &id, RotationPeriodInDays: aws.Int32(120)}); err != nil {
		t.Fatalf("enable on the primary: %v", err)
	}
	got, err := replica.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &id})
	if err != nil || !got.KeyRotationEnabled || *got.RotationPeriodInDays != 120 {
		t.Errorf("status of the replica: got %+v, %v; want on, every 120 days", got, err)
	}
	if _, err := primary.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &id}); err != nil {
		t.Fatalf("rotate the primary: %v", err)
	}
	if p, r := material(t, primary, id), material(t, replica, id); p != r {
		t.Errorf("current material: primary %s, replica %s, want the same", p, r)
	}
}

func material(t *testing.T, c *kms.Client, id string) string {
	t.Helper()
	out, err := c.DescribeKey(context.Background(), &kms.DescribeKeyInput{KeyId: &id})
	if err != nil {
		t.Fatalf("describe key: %v", err)
	}
	return aws.ToString(out.KeyMetadata.CurrentKeyMaterialId)
}

func TestPeriodsOutsideTheBoundsAreRefused(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, arn := b.client(account, region), b.seed(t, sandbox.KeySeed{})
	for days, want := range map[int32]string{89: "ValidationException", 90: "", 2560: "", 2561: "ValidationException"} {
		_, err := c.EnableKeyRotation(context.Background(), &kms.EnableKeyRotationInput{KeyId: &arn, RotationPeriodInDays: &days})
		if got := code(err); got != want {
			t.Errorf("%d days: got %q, want %q", days, got, want)
		}
	}
}

func TestYearsPassInAMoment(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, arn, ctx := b.client(account, region), b.seed(t, sandbox.KeySeed{}), context.Background()
	sealed, err := c.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: []byte("before")})
	if err != nil {
		t.Fatalf("encrypt: %v", err)
	}
	if _, err := c.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &arn}); err != nil {
		t.Fatalf("enable rotation: %v", err)
	}
	b.clock.Advance(3*365*24*time.Hour + time.Hour)

	list, err := c.ListKeyRotations(ctx, &kms.ListKeyRotationsInput{KeyId: &arn})
	if err != nil || len(list.Rotations) != 3 {
		t.Fatalf("rotations: got %d, %v; want 3", len(list.Rotations), err)
	}
	for _, r := range list.Rotations {
		if r.RotationType != types.RotationTypeAutomatic {
			t.Errorf("rotation of %s: got type %s, want AUTOMATIC", r.RotationDate, r.RotationType)
		}
	}
	open, err := c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob})
	if err != nil || string(open.Plaintext) != "before" {
		t.Errorf("decrypt what the first generation sealed: %v", err)
	}
	if got := *open.KeyMaterialId; got == *list.Rotations[2].KeyMaterialId {
		t.Error("the first generation's ciphertext claims the material of the third rotation")
	}
}

func TestDisabledKeysCatchUpOnce(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, arn, ctx := b.client(account, region), b.seed(t, sandbox.KeySeed{RotationPeriodDays: 100}), context.Background()
	if _, err := c.DisableKey(ctx, &kms.DisableKeyInput{KeyId: &arn}); err != nil {
		t.Fatalf("disable: %v", err)
	}
	b.clock.Advance(350 * 24 * time.Hour)
	if got := rotations(t, c, arn); got != 0 {
		t.Errorf("rotations while disabled: got %d, want 0", got)
	}
	if _, err := c.EnableKey(ctx, &kms.EnableKeyInput{KeyId: &arn}); err != nil {
		t.Fatalf("enable: %v", err)
	}
	if got := rotations(t, c, arn); got != 1 {
		t.Errorf("rotations after the key came back: got %d, want 1", got)
	}
}

func rotations(t *testing.T, c *kms.Client, arn string) int {
	t.Helper()
	out, err := c.ListKeyRotations(context.Background(), &kms.ListKeyRotationsInput{KeyId: &arn})
	if err != nil {
		t.Fatalf("list rotations: %v", err)
	}
	return len(out.Rotations)
}

func TestOnDemandRotationEndsAtTwentyFive(t *testing.T) {
	b := newBench(t, sandbox.Options{RotationTakes: time.Minute})
	c, arn, ctx := b.client(account, region), b.seed(t, sandbox.KeySeed{}), context.Background()
	for i := range 25 {
		if _, err := c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &arn}); err != nil {
			t.Fatalf("rotation %d: %v", i+1, err)
		}
		st, err := c.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &arn})
		if err != nil || st.OnDemandRotationStartDate == nil {
			t.Fatalf("rotation %d: no start date while it is under way (%v)", i+1, err)
		}
		b.clock.Advance(2 * time.Minute)
	}
	if _, err := c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &arn}); code(err) != "LimitExceededException" {
		t.Errorf("rotation 26: got %v, want LimitExceededException", err)
	}
	if got := rotations(t, c, arn); got != 25 {
		t.Errorf("rotations: got %d, want 25", got)
	}
}

func TestOnDemandRotationConflictsWithAnAutomaticOne(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, arn, ctx := b.client(account, region), b.seed(t, sandbox.KeySeed{RotationPeriodDays: 90}), context.Background()
	b.clock.Advance(90*24*time.Hour - 10*time.Minute)
	if _, err := c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &arn}); code(err) != "ConflictException" {
		t.Errorf("ten minutes before: got %v, want ConflictException", err)
	}
	b.clock.Advance(time.Hour)
	if _, err := c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &arn}); err != nil {
		t.Errorf("fifty minutes after: %v", err)
	}
}
