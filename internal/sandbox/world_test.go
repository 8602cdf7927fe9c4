package sandbox

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyrotor/keyrotor/internal/testenv"
)

// worldStart is the clock of the tests' worlds.
var worldStart = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// region returns the KMS of a Region, made on first use.
func (a *account) region(name string) *kmsRegion {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.regionLocked(name)
}

// load starts a built-in world behind a real HTTP server.
func load(t testing.TB, name string, o Options) (*Sandbox, string) {
	t.Helper()
	w, err := World(name)
	if err != nil {
		t.Fatal(err)
	}
	return loadSpec(t, w, o)
}

// manyAccounts is the large world with the keys of its management account only.
func manyAccounts(t testing.TB) WorldSpec {
	t.Helper()
	w, err := World("large")
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Accounts[1:] {
		w.Accounts[i+1].Keys = nil
	}
	return w
}

func loadSpec(t testing.TB, w WorldSpec, o Options) (*Sandbox, string) {
	t.Helper()
	if o.Clock == nil {
		o.Clock = NewClock(worldStart)
	}
	if o.Rand == nil {
		o.Rand = Seeded(1)
	}
	s := New(o)
	if err := s.Load(w); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, srv.URL
}

// as is a client configuration for an access key and Region, without retries.
func as(url, accessKey, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "secret", "token"),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient:  http.DefaultClient,
	}
}

// visible counts what can be listed in every Region of every active account.
func visible(t *testing.T, s *Sandbox, w WorldSpec, each func(*key)) (all, customer int) {
	t.Helper()
	for _, a := range w.Accounts {
		if a.state() != "ACTIVE" {
			continue
		}
		for _, region := range a.On {
			if len(a.Deny) > 0 && len(a.Deny[0].Regions) > 0 && a.Deny[0].Regions[0] == region {
				continue
			}
			for _, k := range s.account(a.ID).region(region).keys {
				all++
				if k.manager == types.KeyManagerTypeCustomer {
					customer++
					each(k)
				}
			}
		}
	}
	return all, customer
}

// demoView sorts a customer managed key as the documentation of the demo does.
func demoView(k *key, s *Sandbox) string {
	switch {
	case k.rotatable() != nil || k.state(s.clock.Now()) != types.KeyStateEnabled:
		return "cannot"
	case k.rotation.on:
		return "rotates"
	}
	return "does not"
}

func TestDemoHoldsWhatItsDocumentationSays(t *testing.T) {
	s, _ := load(t, "demo", Options{})
	views := map[string]int{}
	all, customer := visible(t, s, s.world, func(k *key) { views[demoView(k, s)]++ })
	// The key that shuts us out is off too, but nobody can read that.
	if views["rotates"] != 612 || views["does not"] != 253 || views["cannot"] != 148 {
		t.Errorf("got %v, want 612 that rotate, 253 that do not, 148 that cannot", views)
	}
	// One key can be listed and not read: 1,400 read, of which 1,012 are customer managed.
	if all != 1401 || customer != 1013 {
		t.Errorf("got %d keys, %d customer managed, want 1401 and 1013", all, customer)
	}
	if got := len(s.world.Accounts); got != 13 {
		t.Errorf("got %d accounts, want 12 and a suspended one", got)
	}
}

func TestWorldsAreTheSameEveryTime(t *testing.T) {
	for _, name := range []string{"small", "demo"} {
		one, _ := load(t, name, Options{})
		two, _ := load(t, name, Options{})
		for _, a := range one.world.Accounts {
			for _, region := range a.On {
				x, y := one.account(a.ID).region(region).order, two.account(a.ID).region(region).order
				if len(x) != len(y) {
					t.Fatalf("%s %s/%s: got %d and %d keys", name, a.ID, region, len(x), len(y))
				}
				for i := range x {
					if x[i].id != y[i].id || x[i].spec != y[i].spec || !x[i].created.Truncate(time.Second).Equal(y[i].created.Truncate(time.Second)) && x[i].created.Sub(y[i].created).Abs() > time.Minute {
						t.Fatalf("%s: key %d of %s/%s differs", name, i, a.ID, region)
					}
				}
			}
		}
	}
}

func TestSmallHasEverySort(t *testing.T) {
	s, _ := load(t, "small", Options{})
	now := s.clock.Now()
	seen := map[string]int{}
	for _, a := range s.world.Accounts {
		for _, region := range a.On {
			for _, k := range s.account(a.ID).region(region).keys {
				seen["keys"]++
				seen["spec "+string(k.spec)]++
				seen["state "+string(k.state(now))]++
				seen["origin "+string(k.origin)]++
				seen["manager "+string(k.manager)]++
				if k.replica() {
					seen["replica"]++
				}
			}
		}
	}
	for _, want := range []string{
		"spec HMAC_256", "spec RSA_2048", "spec RSA_4096", "state Disabled", "state PendingDeletion",
		"origin EXTERNAL", "origin AWS_CLOUDHSM", "manager AWS", "replica",
	} {
		if seen[want] == 0 {
			t.Errorf("no key with %s; there are %v", want, seen)
		}
	}
	if seen["keys"] < 25 || seen["keys"] > 35 {
		t.Errorf("got %d keys, want about 30", seen["keys"])
	}
}

func TestLargeLoadsWithinItsMemory(t *testing.T) {
	testenv.Slow(t, "100,000 keys")
	if testing.Short() {
		t.Skip("100,000 keys")
	}
	s := New(Options{Clock: NewClock(worldStart), Rand: Seeded(1)})
	w, err := World("large")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(w); err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if got := m.HeapAlloc >> 20; got > 400 {
		t.Errorf("got %d MB of heap, want at most 400", got)
	}
	keys := 0
	for _, a := range s.accounts {
		for _, r := range a.regions {
			keys += len(r.keys)
		}
	}
	if keys != 100_000 {
		t.Errorf("got %d keys, want 100000", keys)
	}
	t.Logf("%d keys in %d MB", keys, m.HeapAlloc>>20)
}

func TestUnknownWorldIsNamed(t *testing.T) {
	if _, err := World("huge"); err == nil || err.Error() != `no world "huge": there are empty, small, demo, large` {
		t.Errorf("got %v", err)
	}
}

func TestAMovedClockRotatesAYearOfKeys(t *testing.T) {
	s, url := load(t, "small", Options{})
	arn, err := s.SeedKey("222222222222", "us-east-1", KeySeed{RotationPeriodDays: 365})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(366 * day)
	out, err := kms.NewFromConfig(as(url, "222222222222", "us-east-1")).ListKeyRotations(t.Context(), &kms.ListKeyRotationsInput{KeyId: &arn})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(out.Rotations); got != 1 {
		t.Errorf("got %d rotations, want 1", got)
	}
}
