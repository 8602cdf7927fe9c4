package aws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/testenv"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/inventory"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

func TestRolesAreTakenOnWithExternalIDAndSessionName(t *testing.T) {
	mixedWorld(t, func(w *sandbox.WorldSpec) {
		w.Accounts[1].Roles = []sandbox.RoleSpec{
			{Name: "reader", ExternalID: "shared-word"}, {Name: aws.DefaultApplyRole},
			{Name: "hub"},
		}
	})
	_, _, gaps, _ := collect(t, open(t, aws.Config{ScanRole: "reader", Accounts: []string{member}}))
	if g := gapOf(t, gaps, member); g.Cause != keyrotor.CauseTrust {
		t.Errorf("without the external id: %+v", g)
	}
	assets, _, gaps, _ := collect(t, open(t, aws.Config{ScanRole: "arn:aws:iam::{account}:role/reader", ExternalID: "shared-word", Accounts: []string{member}}))
	if len(gaps) != 0 || len(assets) != 1 {
		t.Errorf("with the external id: %d keys, gaps %+v", len(assets), gaps)
	}

	e := open(t, aws.Config{AssumeFrom: "arn:aws:iam::" + member + ":role/hub", SessionName: "run 20261121T101502Z-5f3c"})
	if want := "arn:aws:sts::" + member + ":assumed-role/hub/run-20261121T101502Z-5f3c"; e.Identity().ARN != want {
		t.Errorf("identity %s, want %s", e.Identity().ARN, want)
	}
}

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	s := mixedWorld(t, nil)
	for name, c := range map[string]struct {
		prepare func(*testing.T)
		cfg     aws.Config
		want    string
	}{
		"Regions of another partition": {nil, aws.Config{Regions: []string{"cn-north-1"}}, "belong to partition aws, and regions names cn-north-1"},
		"a role of another partition":  {nil, aws.Config{ScanRole: "arn:aws-cn:iam::{account}:role/scan"}, "belong to partition aws, and scan_role is arn:aws-cn:"},
		"no credentials":               {func(t *testing.T) { t.Setenv("AWS_ACCESS_KEY_ID", ""); t.Setenv("AWS_SECRET_ACCESS_KEY", "") }, aws.Config{}, "no AWS credentials: tried AWS_ACCESS_KEY_ID"},
		"a profile that is not there":  {func(t *testing.T) { t.Setenv("AWS_PROFILE", "nobody") }, aws.Config{}, "nobody"},
		"a helper program that is silent": {func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(file, []byte("[profile helped]\ncredential_process = /bin/false\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONFIG_FILE", file)
			t.Setenv("AWS_PROFILE", "helped")
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "")
		}, aws.Config{}, "the AWS credentials of profile helped cannot be fetched"},
		"a key that AWS does not know": {func(t *testing.T) {
			if err := s.Inject(sandbox.Fault{Service: "sts", Operation: "GetCallerIdentity", Code: "InvalidClientTokenId", Status: 403, Times: 1}); err != nil {
				t.Fatal(err)
			}
		}, aws.Config{}, "InvalidClientTokenId"},
		"expired token": {func(t *testing.T) {
			if err := s.Inject(sandbox.Fault{Service: "sts", Operation: "GetCallerIdentity", Code: "ExpiredToken", Status: 403, Times: 1}); err != nil {
				t.Fatal(err)
			}
		}, aws.Config{}, "ExpiredToken"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.prepare != nil {
				c.prepare(t)
			}
			_, err := aws.Open(t.Context(), c.cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
			var p *keyrotor.Problem
			if name != "expired token" && (!errors.As(err, &p) || p.Now == "" || p.Next == "") {
				t.Errorf("%v does not say what holds now and what to do next", err)
			}
		})
	}
}

func useSandboxKeys(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", home)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
}

// TestAccountsAreListedOverEmptyPagesByState: pages may be empty and have a
// successor; State decides, and Status only where there is no State.
func TestAccountsAreListedOverEmptyPagesByState(t *testing.T) {
	pages := map[string]string{
		"":  `{"Accounts":[],"NextToken":"2"}`,
		"2": `{"Accounts":[{"Id":"111111111111","Name":"own","State":"ACTIVE","Paths":["o-a/r-b/111111111111/"]},{"Id":"222222222222","State":"PENDING_CLOSURE","Status":"ACTIVE"}],"NextToken":"3"}`,
		"3": `{"NextToken":"4"}`,
		"4": `{"Accounts":[{"Id":"333333333333","Status":"ACTIVE"},{"Id":"444444444444","Status":"SUSPENDED"},{"Id":"555555555555","State":"ACTIVE"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		target := r.Header.Get("X-Amz-Target")
		switch {
		case strings.HasSuffix(target, ".ListAccounts"):
			_, token, _ := strings.Cut(string(body), `"NextToken":"`)
			_, _ = io.WriteString(w, pages[strings.TrimRight(token, `"}`)])
		case strings.HasSuffix(target, ".DescribeOrganization"):
			_, _ = io.WriteString(w, `{"Organization":{"Id":"o-a","MasterAccountId":"555555555555"}}`)
		case strings.Contains(string(body), "GetCallerIdentity"):
			fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::%[1]s:user/u</Arn><Account>%[1]s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, home)
		case strings.Contains(string(body), "AssumeRole"):
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
		default:
			refuse(w, 403, "AccessDenied", "no")
		}
	}))
	t.Cleanup(server.Close)
	useEndpoint(t, server.URL)
	_, _, gaps, p := collect(t, open(t, aws.Config{}))
	var ids []string
	for _, a := range p.Accounts {
		ids = append(ids, a.ID)
	}
	if fmt.Sprint(ids) != "[111111111111 333333333333 555555555555]" || p.Inactive["PENDING_CLOSURE"] != 1 || p.Inactive["SUSPENDED"] != 1 {
		t.Errorf("accounts %v, inactive %v", ids, p.Inactive)
	}
	if p.Accounts[0].OU != "o-a/r-b/" || !p.Accounts[0].Own || !p.Accounts[2].Management {
		t.Errorf("accounts %+v", p.Accounts)
	}
	if g := gapOf(t, gaps, "555555555555"); g.Cause != keyrotor.CauseNoRole {
		t.Errorf("the management account's gap: %+v", g)
	}
	if g := gapOf(t, gaps, home); g.Call != "account:ListRegions" && g.Call != "ec2:DescribeRegions" {
		t.Errorf("own account without Regions: %+v", g)
	}
}

func TestACancelledScanIsAnErrorAndNoGap(t *testing.T) {
	s := mixedWorld(t, nil)
	if err := s.Inject(sandbox.Fault{Service: "kms", Delay: 50 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	time.AfterFunc(100*time.Millisecond, cancel) // as an interrupt does
	gaps := 0
	_, err := inventory.Collect(ctx, open(t, aws.Config{Accounts: []string{member}}), inventory.Options{}, func(l keyrotor.InventoryLine) error {
		if l.Gap != nil {
			gaps++
		}
		return nil
	})
	if err == nil || gaps != 0 {
		t.Errorf("error %v, %d gaps", err, gaps)
	}
}

func TestQuotasOfTheServiceAreKeptWithoutAFailedCall(t *testing.T) {
	testenv.Slow(t, "waits as the quotas force")
	s, a := actorWorld(t, sandbox.Options{Quotas: true}, aws.Config{})
	var steps []keyrotor.Step
	for range 30 {
		steps = append(steps, keyrotor.Step{Verb: keyrotor.EnableRotation, Target: seed(t, s, sandbox.KeySeed{})})
	}
	start := time.Now()
	for _, step := range steps {
		mustDo(t, a, step)
	}
	if took := time.Since(start); took < 900*time.Millisecond {
		t.Errorf("30 calls at 15 a second took %s", took)
	}
	if n := s.Calls()["kms:EnableKeyRotation"]; n != len(steps) {
		t.Errorf("%d calls for %d steps: some were throttled", n, len(steps))
	}
}
