package sandbox_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// hsmStore makes a CloudHSM key store and returns its id.
func hsmStore(t *testing.T, c *kms.Client, name string, n int) string {
	t.Helper()
	out, err := c.CreateCustomKeyStore(context.Background(), hsmInput(name, n))
	if err != nil {
		t.Fatalf("create custom key store: %v", err)
	}
	return *out.CustomKeyStoreId
}

func hsmInput(name string, n int) *kms.CreateCustomKeyStoreInput {
	return &kms.CreateCustomKeyStoreInput{
		CustomKeyStoreName: &name, CloudHsmClusterId: new(fmt.Sprintf("cluster-aaaabbbbcc%c", 'a'+n)),
		KeyStorePassword: new("kmsuser-1"), TrustAnchorCertificate: new("certificate"),
	}
}

func xksInput(name, path string) *kms.CreateCustomKeyStoreInput {
	return &kms.CreateCustomKeyStoreInput{
		CustomKeyStoreName: &name, CustomKeyStoreType: types.CustomKeyStoreTypeExternalKeyStore,
		XksProxyConnectivity: types.XksProxyConnectivityTypePublicEndpoint,
		XksProxyUriEndpoint:  new("https://xks.example.com"), XksProxyUriPath: &path,
		XksProxyAuthenticationCredential: &types.XksProxyAuthenticationCredentialType{
			AccessKeyId: new("ABCDE12345670EXAMPLE"), RawSecretAccessKey: new("DXjSUawnel2fr6SKC7G25CNxTyWKE5PF9XX6H/u9pSo="),
		},
	}
}

func storeState(t *testing.T, c *kms.Client, id string) types.CustomKeyStoresListEntry {
	t.Helper()
	out, err := c.DescribeCustomKeyStores(context.Background(), &kms.DescribeCustomKeyStoresInput{CustomKeyStoreId: &id})
	if err != nil || len(out.CustomKeyStores) != 1 {
		t.Fatalf("describe custom key store: %v", err)
	}
	return out.CustomKeyStores[0]
}

// TestACustomKeyStoreGoesThroughItsStates follows one store and its key from the
// cradle to the grave.
func TestACustomKeyStoreGoesThroughItsStates(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	id := hsmStore(t, c, "first", 0)
	create := &kms.CreateKeyInput{Origin: types.OriginTypeAwsCloudhsm, CustomKeyStoreId: &id}
	want := func(state types.ConnectionStateType) {
		t.Helper()
		if got := storeState(t, c, id).ConnectionState; got != state {
			t.Errorf("got %s, want %s", got, state)
		}
	}
	refused := func(what string, err error, code2 string) {
		t.Helper()
		if got := code(err); got != code2 {
			t.Errorf("%s: got %q, want %q", what, got, code2)
		}
	}
	connect := func() error {
		_, err := c.ConnectCustomKeyStore(ctx, &kms.ConnectCustomKeyStoreInput{CustomKeyStoreId: &id})
		return err
	}
	disconnect := func() error {
		_, err := c.DisconnectCustomKeyStore(ctx, &kms.DisconnectCustomKeyStoreInput{CustomKeyStoreId: &id})
		return err
	}
	remove := func() error {
		_, err := c.DeleteCustomKeyStore(ctx, &kms.DeleteCustomKeyStoreInput{CustomKeyStoreId: &id})
		return err
	}

	want(types.ConnectionStateTypeDisconnected)
	_, err := c.CreateKey(ctx, create)
	refused("a key in a store that is not connected", err, "CustomKeyStoreInvalidStateException")
	refused("disconnect twice", disconnect(), "CustomKeyStoreInvalidStateException")
	refused("connect", connect(), "")
	want(types.ConnectionStateTypeConnecting)
	b.clock.Advance(time.Minute)
	want(types.ConnectionStateTypeConnected)
	refused("connect again", connect(), "")
	refused("delete while connected", remove(), "CustomKeyStoreInvalidStateException")

	made, err := c.CreateKey(ctx, create)
	if err != nil {
		t.Fatal(err)
	}
	key := made.KeyMetadata
	if *key.CustomKeyStoreId != id || *key.CloudHsmClusterId != *storeState(t, c, id).CloudHsmClusterId || key.KeyState != "Enabled" {
		t.Errorf("got %+v, want an enabled key of the store and its cluster", key)
	}
	_, err = c.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: key.KeyId})
	refused("rotation", err, "UnsupportedOperationException")

	refused("disconnect", disconnect(), "")
	want(types.ConnectionStateTypeDisconnecting)
	refused("connect while disconnecting", connect(), "CustomKeyStoreInvalidStateException")
	if got := state(t, c, *key.KeyId); got != "Unavailable" {
		t.Errorf("the key of a disconnected store: got %s, want Unavailable", got)
	}
	_, err = c.Encrypt(ctx, &kms.EncryptInput{KeyId: key.KeyId, Plaintext: []byte("x")})
	refused("encrypt meanwhile", err, "KMSInvalidStateException")
	b.clock.Advance(time.Minute)
	want(types.ConnectionStateTypeDisconnected)
	refused("delete with a key", remove(), "CustomKeyStoreHasCMKsException")
	if _, err := c.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: key.KeyId, PendingWindowInDays: new(int32(7))}); err != nil {
		t.Fatal(err)
	}
	refused("delete with a key about to go", remove(), "CustomKeyStoreHasCMKsException")
	b.clock.Advance(8 * 24 * time.Hour)
	refused("delete", remove(), "")
	refused("delete again", remove(), "CustomKeyStoreNotFoundException")
}

func TestAWrongPasswordFailsTheConnection(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	id := hsmStore(t, c, "first", 0)
	step := func(password string) types.CustomKeyStoresListEntry {
		t.Helper()
		if _, err := c.UpdateCustomKeyStore(ctx, &kms.UpdateCustomKeyStoreInput{CustomKeyStoreId: &id, KeyStorePassword: &password}); err != nil {
			t.Fatalf("update: %v", err)
		}
		if _, err := c.ConnectCustomKeyStore(ctx, &kms.ConnectCustomKeyStoreInput{CustomKeyStoreId: &id}); err != nil {
			t.Fatalf("connect: %v", err)
		}
		b.clock.Advance(time.Minute)
		return storeState(t, c, id)
	}
	got := step("something-else")
	if got.ConnectionState != "FAILED" || got.ConnectionErrorCode != "INVALID_CREDENTIALS" {
		t.Errorf("got %s %s, want FAILED INVALID_CREDENTIALS", got.ConnectionState, got.ConnectionErrorCode)
	}
	_, err := c.ConnectCustomKeyStore(ctx, &kms.ConnectCustomKeyStoreInput{CustomKeyStoreId: &id})
	if code(err) != "CustomKeyStoreInvalidStateException" {
		t.Errorf("connect a failed store: got %v", err)
	}
	if _, err := c.DisconnectCustomKeyStore(ctx, &kms.DisconnectCustomKeyStoreInput{CustomKeyStoreId: &id}); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Minute)
	if got := step("kmsuser-1"); got.ConnectionState != "CONNECTED" || got.ConnectionErrorCode != "" {
		t.Errorf("with the right one: got %s %s, want CONNECTED", got.ConnectionState, got.ConnectionErrorCode)
	}
	_, err = c.UpdateCustomKeyStore(ctx, &kms.UpdateCustomKeyStoreInput{CustomKeyStoreId: &id, KeyStorePassword: new("kmsuser-1")})
	if code(err) != "CustomKeyStoreInvalidStateException" {
		t.Errorf("a password while connected: got %v", err)
	}
	if _, err := c.UpdateCustomKeyStore(ctx, &kms.UpdateCustomKeyStoreInput{CustomKeyStoreId: &id, NewCustomKeyStoreName: new("second")}); err != nil {
		t.Errorf("a new name while connected: %v", err)
	}
}

func TestExternalKeyStoresHoldOneKeyOfEachName(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	made, err := c.CreateCustomKeyStore(ctx, xksInput("outside", "/kms/xks/v1"))
	if err != nil {
		t.Fatal(err)
	}
	id := made.CustomKeyStoreId
	if _, err := c.ConnectCustomKeyStore(ctx, &kms.ConnectCustomKeyStoreInput{CustomKeyStoreId: id}); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Minute)
	create := func(origin types.OriginType, xks *string) (*kms.CreateKeyOutput, error) {
		return c.CreateKey(ctx, &kms.CreateKeyInput{Origin: origin, CustomKeyStoreId: id, XksKeyId: xks})
	}
	out, err := create(types.OriginTypeExternalKeyStore, new("bb8562717f809024"))
	if err != nil || *out.KeyMetadata.XksKeyConfiguration.Id != "bb8562717f809024" {
		t.Fatalf("create key: %v, or another external id", err)
	}
	for name, tt := range map[string]struct {
		origin types.OriginType
		xks    *string
		want   string
	}{
		"the same external key": {types.OriginTypeExternalKeyStore, new("bb8562717f809024"), "XksKeyAlreadyInUseException"},
		"no external key":       {types.OriginTypeExternalKeyStore, nil, "ValidationException"},
		"another origin":        {types.OriginTypeAwsCloudhsm, nil, "UnsupportedOperationException"},
	} {
		if _, err := create(tt.origin, tt.xks); code(err) != tt.want {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
	if _, err := c.GenerateRandom(ctx, &kms.GenerateRandomInput{CustomKeyStoreId: id, NumberOfBytes: new(int32(8))}); code(err) != "UnsupportedOperationException" {
		t.Errorf("random bytes of an external store: got %v", err)
	}
}

func TestKeyStoresOfARegionShareNothing(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	hsmStore(t, c, "first", 0)
	if _, err := c.CreateCustomKeyStore(ctx, xksInput("outside", "/kms/xks/v1")); err != nil {
		t.Fatal(err)
	}
	short := hsmInput("short", 5)
	short.KeyStorePassword = new("six666")
	for name, tt := range map[string]struct {
		in   *kms.CreateCustomKeyStoreInput
		want string
	}{
		"the same name":          {hsmInput("first", 1), "CustomKeyStoreNameInUseException"},
		"the same cluster":       {hsmInput("second", 0), "CloudHsmClusterInUseException"},
		"the same proxy address": {xksInput("third", "/kms/xks/v1"), "XksProxyUriInUseException"},
		"another path":           {xksInput("fourth", "/other/kms/xks/v1"), ""},
		"a path of another kind": {xksInput("fifth", "/api"), "ValidationException"},
		"a short password":       {short, "ValidationException"},
	} {
		if _, err := c.CreateCustomKeyStore(ctx, tt.in); code(err) != tt.want {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
	for n := range 7 {
		hsmStore(t, c, fmt.Sprint("more", n), 2+n)
	}
	if _, err := c.CreateCustomKeyStore(ctx, hsmInput("eleventh", 20)); code(err) != "LimitExceededException" {
		t.Errorf("an eleventh store: got %v, want LimitExceededException", err)
	}
	page, err := c.DescribeCustomKeyStores(ctx, &kms.DescribeCustomKeyStoresInput{Limit: new(int32(4))})
	if err != nil || len(page.CustomKeyStores) != 4 || !page.Truncated {
		t.Errorf("a page of four: got %v, %v", page, err)
	}
	if _, err := c.DescribeCustomKeyStores(ctx, &kms.DescribeCustomKeyStoresInput{CustomKeyStoreName: new("nobody")}); code(err) != "CustomKeyStoreNotFoundException" {
		t.Errorf("an unknown name: got %v", err)
	}
}

func TestSeededStoresCanBeDescribed(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c := b.client(account, region)
	b.seed(t, sandbox.KeySeed{Origin: "AWS_CLOUDHSM", CustomKeyStore: "cks-1234567890abcdef0"})
	if got := storeState(t, c, "cks-1234567890abcdef0"); got.ConnectionState != "CONNECTED" || got.CustomKeyStoreType != "AWS_CLOUDHSM" {
		t.Errorf("got %+v, want a connected CloudHSM store", got)
	}
}
