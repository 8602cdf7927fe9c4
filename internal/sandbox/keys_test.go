package sandbox_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

func TestListsArePagedWithoutLossOrRepetition(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	want := map[string]bool{}
	for i := range 25 {
		arn := b.seed(t, sandbox.KeySeed{Aliases: []string{fmt.Sprintf("alias/a%02d", i)}})
		want[arn] = true
	}
	c, ctx := b.client(account, region), context.Background()
	got := map[string]bool{}
	keys := kms.NewListKeysPaginator(c, &kms.ListKeysInput{Limit: aws.Int32(10)})
	for pages := 1; keys.HasMorePages(); pages++ {
		p, err := keys.NextPage(ctx)
		if err != nil || pages > 3 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, k := range p.Keys {
			if got[*k.KeyArn] {
				t.Errorf("%s is listed twice", *k.KeyArn)
			}
			got[*k.KeyArn] = true
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("keys (-want +got):\n%s", d)
	}
	aliases := 0
	names := kms.NewListAliasesPaginator(c, &kms.ListAliasesInput{Limit: aws.Int32(7)})
	for names.HasMorePages() {
		p, err := names.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		aliases += len(p.Aliases)
	}
	if aliases != 25 {
		t.Errorf("aliases: got %d, want 25", aliases)
	}
}

func TestPageLimitsAndMarkersAreChecked(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx, arn := b.client(account, region), context.Background(), b.seed(t, sandbox.KeySeed{})
	tests := map[string]struct {
		call func() error
		want string
	}{
		"ListKeys takes 1000":       {func() error { _, err := c.ListKeys(ctx, &kms.ListKeysInput{Limit: aws.Int32(1000)}); return err }, ""},
		"ListKeys refuses 1001":     {func() error { _, err := c.ListKeys(ctx, &kms.ListKeysInput{Limit: aws.Int32(1001)}); return err }, "ValidationException"},
		"ListKeys refuses 0":        {func() error { _, err := c.ListKeys(ctx, &kms.ListKeysInput{Limit: aws.Int32(0)}); return err }, "ValidationException"},
		"ListKeys refuses a marker": {func() error { _, err := c.ListKeys(ctx, &kms.ListKeysInput{Marker: aws.String("x")}); return err }, "InvalidMarkerException"},
		"ListAliases refuses 101":   {func() error { _, err := c.ListAliases(ctx, &kms.ListAliasesInput{Limit: aws.Int32(101)}); return err }, "ValidationException"},
		"ListResourceTags no 51": {func() error {
			_, err := c.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: &arn, Limit: aws.Int32(51)})
			return err
		}, "ValidationException"},
		"ListKeyRotations no 1001": {func() error {
			_, err := c.ListKeyRotations(ctx, &kms.ListKeyRotationsInput{KeyId: &arn, Limit: aws.Int32(1001)})
			return err
		}, "ValidationException"},
		"rotation takes no alias": {func() error {
			_, err := c.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: aws.String("alias/x")})
			return err
		}, "NotFoundException"},
		"an ARN of another Region": {func() error {
			_, err := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("arn:aws:kms:us-east-1:111111111111:key/00000000-0000-0000-0000-000000000000")})
			return err
		}, "NotFoundException"},
		"an ARN that is none": {func() error {
			_, err := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("arn:aws:s3:::bucket")})
			return err
		}, "InvalidArnException"},
		"an alias of AWS is refused": {func() error {
			_, err := c.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/aws/x"), TargetKeyId: &arn})
			return err
		}, "NotAuthorizedException"},
	}
	for name, tt := range tests {
		if got := code(tt.call()); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestDeletedKeysAreGoneWithTheirAliases(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	arn := b.seed(t, sandbox.KeySeed{Aliases: []string{"gone"}})
	if _, err := c.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &arn, PendingWindowInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(6 * 24 * time.Hour)
	if got := state(t, c, arn); got != "PendingDeletion" {
		t.Errorf("after six days: got %s, want PendingDeletion", got)
	}
	b.clock.Advance(25 * time.Hour)
	_, err := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &arn})
	if got := code(err); got != "NotFoundException" {
		t.Errorf("after eight days: got %q, want NotFoundException", got)
	}
	list, err := c.ListAliases(ctx, &kms.ListAliasesInput{})
	if err != nil || len(list.Aliases) != 0 {
		t.Errorf("aliases: got %d, %v; want none", len(list.Aliases), err)
	}
}

func TestPrimariesWaitForTheirLastReplica(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	arn := b.seed(t, sandbox.KeySeed{Replicas: []string{"us-east-1"}})
	id := arn[len(arn)-36:]
	primary, replica, ctx := b.client(account, region), b.client(account, "us-east-1"), context.Background()
	for _, c := range []*kms.Client{primary, replica} {
		if _, err := c.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: aws.Int32(7)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := state(t, primary, id); got != "PendingReplicaDeletion" {
		t.Errorf("primary: got %s, want PendingReplicaDeletion", got)
	}
	b.clock.Advance(8 * 24 * time.Hour)
	if got := state(t, primary, id); got != "PendingDeletion" {
		t.Errorf("primary once the replica is gone: got %s, want PendingDeletion", got)
	}
	b.clock.Advance(7 * 24 * time.Hour)
	if _, err := primary.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id}); code(err) != "NotFoundException" {
		t.Errorf("primary after its own window: got %v, want NotFoundException", err)
	}
}

func state(t *testing.T, c *kms.Client, id string) types.KeyState {
	t.Helper()
	out, err := c.DescribeKey(context.Background(), &kms.DescribeKeyInput{KeyId: &id})
	if err != nil {
		t.Fatalf("describe key: %v", err)
	}
	return out.KeyMetadata.KeyState
}

func TestSavedKeysComeBackDisabledWithTheirRotation(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx, arn := b.client(account, region), context.Background(), b.seed(t, sandbox.KeySeed{RotationPeriodDays: 200})
	if _, err := c.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &arn}); err != nil {
		t.Fatal(err)
	}
	st, err := c.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &arn})
	if err != nil || st.KeyRotationEnabled {
		t.Errorf("pending deletion: got %v, %v; want rotation shown as off", st, err)
	}
	if _, err := c.CancelKeyDeletion(ctx, &kms.CancelKeyDeletionInput{KeyId: &arn}); err != nil {
		t.Fatal(err)
	}
	if got := state(t, c, arn); got != "Disabled" {
		t.Errorf("saved: got %s, want Disabled", got)
	}
	st, err = c.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &arn})
	if err != nil || !st.KeyRotationEnabled || *st.RotationPeriodInDays != 200 {
		t.Errorf("saved: got %v, %v; want the setting of before", st, err)
	}
}

func TestReadsLagBehindWithinTheConsistencyWindow(t *testing.T) {
	b := newBench(t, sandbox.Options{Consistency: time.Hour})
	c, ctx := b.client(account, region), context.Background()
	made, err := c.CreateKey(ctx, &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	id := made.KeyMetadata.KeyId
	if _, err := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: id}); code(err) != "NotFoundException" {
		t.Errorf("right after CreateKey: got %v, want NotFoundException", err)
	}
	b.clock.Advance(2 * time.Hour)
	if _, err := c.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: id}); err != nil {
		t.Fatal(err)
	}
	st, err := c.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: id})
	if err != nil || st.KeyRotationEnabled {
		t.Errorf("right after EnableKeyRotation: got on=%v, %v; want off", st.KeyRotationEnabled, err)
	}
	b.clock.Advance(2 * time.Hour)
	st, err = c.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: id})
	if err != nil || !st.KeyRotationEnabled {
		t.Errorf("after the window: got %v, %v; want on", st, err)
	}
}

func TestKeyPoliciesDecideWhoComesIn(t *testing.T) {
	allow := func(principal, action string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"` + action + `","Resource":"*"}]}`
	}
	own, other := "arn:aws:iam::"+account+":root", "arn:aws:iam::222222222222:root"
	tests := map[string]struct {
		policy, caller string
		want           string
	}{
		"the default policy lets its account in":      {"", account, ""},
		"the default policy keeps other accounts out": {"", "222222222222", "AccessDeniedException"},
		"a policy for one user keeps the account out": {allow("arn:aws:iam::"+account+":user/alice", "kms:*"), account, "AccessDeniedException"},
		"a policy without the action does not help":   {allow(own, "kms:Encrypt"), account, "AccessDeniedException"},
		"a wildcard of actions is read":               {allow(own, "kms:Describe*"), account, ""},
		"a policy can let another account in":         {allow(other, "kms:DescribeKey"), "222222222222", ""},
		"a condition that is met lets in":             {`{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}`, account, ""},
		"an unknown condition lets nobody in":         {`{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Condition":{"Bool":{"aws:Moonlight":"true"}}}}`, account, "AccessDeniedException"},
		"an unknown condition keeps everybody out":    {`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*"},{"Effect":"Deny","Principal":"*","Action":"kms:*","Condition":{"Bool":{"aws:Moonlight":"true"}}}]}`, account, "AccessDeniedException"},
		"everybody is everybody":                      {`{"Statement":{"Effect":"Allow","Principal":"*","Action":["kms:DescribeKey"]}}`, "333333333333", ""},
		"a denial goes before a permission":           {`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*"},{"Effect":"Deny","Principal":"*","Action":"kms:DescribeKey"}]}`, account, "AccessDeniedException"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, sandbox.Options{})
			arn := b.seed(t, sandbox.KeySeed{Policy: tt.policy})
			_, err := b.client(tt.caller, region).DescribeKey(context.Background(), &kms.DescribeKeyInput{KeyId: &arn})
			if got := code(err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLastUseIsOfTheLastSuccess(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx, arn := b.client(account, region), context.Background(), b.seed(t, sandbox.KeySeed{})
	use := func() *types.KeyLastUsageData {
		out, err := c.GetKeyLastUsage(ctx, &kms.GetKeyLastUsageInput{KeyId: &arn})
		if err != nil {
			t.Fatal(err)
		}
		return out.KeyLastUsage
	}
	if got := use(); got.Timestamp != nil {
		t.Errorf("unused key: got last use %v", got.Timestamp)
	}
	if _, err := c.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: &arn, KeySpec: "AES_256"}); err != nil {
		t.Fatal(err)
	}
	_, _ = c.Decrypt(ctx, &kms.DecryptInput{KeyId: &arn, CiphertextBlob: []byte("no ciphertext")})
	if got := use(); got.Operation != "GenerateDataKey" {
		t.Errorf("got %q, want GenerateDataKey", got.Operation)
	}
}

func TestEqualRandomnessMakesEqualWorlds(t *testing.T) {
	build := func() []string {
		b := newBench(t, sandbox.Options{Rand: rand.NewChaCha8([32]byte{7})})
		var out []string
		for range 3 {
			arn := b.seed(t, sandbox.KeySeed{RotationPeriodDays: 90, RotationSince: b.clock.Now().Add(-900 * 24 * time.Hour)})
			out = append(out, arn, material(t, b.client(account, region), arn))
		}
		return out
	}
	if d := cmp.Diff(build(), build()); d != "" {
		t.Errorf("two worlds of one seed differ:\n%s", d)
	}
}

func TestCallsAreCounted(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	for range 3 {
		if _, err := b.client(account, region).ListKeys(context.Background(), &kms.ListKeysInput{}); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int{"kms:ListKeys": 3, "111111111111/eu-west-1/kms:ListKeys": 3}
	if d := cmp.Diff(want, b.Calls()); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
}

func TestAPolicyMayForbidLongPeriods(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	arn := b.seed(t, sandbox.KeySeed{Policy: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Deny","Principal":"*","Action":"kms:EnableKeyRotation","Resource":"*","Condition":{"NumericGreaterThan":{"kms:RotationPeriodInDays":"365"}}}]}`})
	for days, want := range map[int32]string{400: "AccessDeniedException", 180: ""} {
		_, err := c.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &arn, RotationPeriodInDays: &days})
		if got := code(err); got != want {
			t.Errorf("%d days: got %q, want %q", days, got, want)
		}
	}
}

// TestTheLockoutCheckAsksConditions: an Allow counts when it lets the author change
// the policy again.
func TestTheLockoutCheckAsksConditions(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx, arn := b.client(account, region), context.Background(), b.seed(t, sandbox.KeySeed{})
	for condition, want := range map[string]string{
		`{"StringEquals":{"kms:CallerAccount":"` + account + `"}}`:        "",
		`{"StringEquals":{"kms:CallerAccount":"222222222222"}}`:           "MalformedPolicyDocumentException",
		`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`:                     "MalformedPolicyDocumentException",
		`{"StringEquals":{"kms:CallerAccount":{"not":"a list of text"}}}`: "MalformedPolicyDocumentException",
	} {
		policy := `{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":` + condition + `}}`
		_, err := c.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &arn, Policy: &policy})
		if got := code(err); got != want {
			t.Errorf("%s: got %q, want %q", condition, got, want)
		}
	}
}
