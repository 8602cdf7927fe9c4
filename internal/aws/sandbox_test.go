package aws_test

import (
	"maps"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// serveWorld runs a sandbox of the named world and points the SDK at it.
func serveWorld(t *testing.T, name string, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	w, err := sandbox.World(name)
	if err != nil {
		t.Fatal(err)
	}
	s := sandbox.New(o)
	if err := s.Load(w); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	useEndpoint(t, server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "111111111111")
	return s
}

func TestScanOfTheDemoWorldAddsUpAndAsksNothingUseless(t *testing.T) {
	testenv.Slow(t, "a scan of 1,400 keys")
	s := serveWorld(t, "demo", sandbox.Options{})
	e := open(t, aws.Config{})
	assets, places, gaps, p := collect(t, e)
	t.Logf("%d assets, %d places, %d gaps", len(assets), len(places), len(gaps))
	for _, g := range inventoryGroups(gaps) {
		t.Log(g)
	}
	var listed int
	for _, at := range places {
		listed += at.Listed
		if at.Listed != at.Described+at.Unreadable {
			t.Errorf("place %s/%s: listed %d, described %d, unreadable %d", at.Account, at.Region, at.Listed, at.Described, at.Unreadable)
		}
		if len(at.Born)+len(at.Gone) > 0 {
			t.Errorf("place %s/%s: born %v, gone %v in a world at rest", at.Account, at.Region, at.Born, at.Gone)
		}
	}
	if listed != len(assets) || p.Keys != listed {
		t.Errorf("listed %d keys, emitted %d, population says %d", listed, len(assets), p.Keys)
	}
	// What we counted is what the endpoint saw: every attempt is metered.
	seen := s.Calls()
	for call, n := range p.Calls {
		want := seen[call]
		if call == "sts:GetCallerIdentity" {
			continue
		}
		if n != want {
			t.Errorf("%s: counted %d, the endpoint saw %d", call, n, want)
		}
	}
	if seen["kms:GetKeyLastUsage"]+seen["kms:ListGrants"] > 0 {
		t.Error("asked for last use or grants although nobody wanted them")
	}
	for _, a := range assets {
		if a.KMS.AWSManaged() && (a.Tags != nil || a.KMS.Policy != nil || a.KMS.Rotation != nil) {
			t.Errorf("%s: more than DescribeKey was asked of an AWS managed key", a.ARN)
		}
	}
	t.Log(slices.Sorted(maps.Keys(p.Calls)), p.Calls)
}

func TestLookSeesWhatTheScanSaw(t *testing.T) {
	serveWorld(t, "small", sandbox.Options{})
	e := open(t, aws.Config{})
	assets, _, gaps, _ := collect(t, e)
	for _, g := range gaps {
		t.Logf("gap %+v", g)
	}
	if len(assets) == 0 {
		t.Fatal("no keys")
	}
	for _, want := range assets {
		if want.Refused(keyrotor.FactDescription) || want.KMS.AWSManaged() {
			continue
		}
		got, err := e.Look(t.Context(), want.Target())
		if err != nil {
			t.Errorf("look at %s: %v", want.Target(), err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: scan and look differ (-scan +look):\n%s", want.Target(), diff)
		}
	}
}
