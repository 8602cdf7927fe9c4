package aws_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// recording replays answers of the real service that cloud-custodian kept: the
// n-th call of an operation gets file n, and later calls the last one. What was
// not recorded is refused.
type recording struct {
	dir, account, region string
	mu                   sync.Mutex
	calls                map[string]int
}

func (r *recording) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	target := req.Header.Get("X-Amz-Target")
	service, operation, _ := strings.Cut(target, ".")
	switch {
	case service == "TrentService":
		r.kms(w, operation)
	case target != "":
		refuse(w, 400, "AWSOrganizationsNotInUseException", "no organization")
	case strings.HasSuffix(req.URL.Path, "istRegions"):
		fmt.Fprintf(w, `{"Regions":[{"RegionName":%q,"RegionOptStatus":"ENABLED_BY_DEFAULT"}]}`, r.region)
	default:
		fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::%[1]s:user/u</Arn><UserId>u</UserId><Account>%[1]s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, r.account)
	}
}

func (r *recording) kms(w http.ResponseWriter, operation string) {
	r.mu.Lock()
	r.calls[operation]++
	n := r.calls[operation]
	r.mu.Unlock()
	var b []byte
	var err error
	for ; n > 0; n-- {
		if b, err = os.ReadFile(filepath.Join(r.dir, fmt.Sprintf("kms.%s_%d.json", operation, n))); err == nil {
			break
		}
	}
	if n == 0 {
		refuse(w, 400, "AccessDeniedException", "not recorded because no identity-based policy allows it")
		return
	}
	var answer struct {
		Status int            `json:"status_code"`
		Data   map[string]any `json:"data"`
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		refuse(w, 500, "BadRecording", err.Error())
		return
	}
	if e, ok := answer.Data["Error"].(map[string]any); ok {
		refuse(w, answer.Status, fmt.Sprint(e["Code"]), fmt.Sprint(e["Message"]))
		return
	}
	delete(answer.Data, "ResponseMetadata")
	out, err := json.Marshal(epochs(answer.Data))
	if err != nil {
		refuse(w, 500, "BadRecording", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_, _ = w.Write(out)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	b, _ := json.Marshal(map[string]string{"__type": code, "message": message})
	_, _ = w.Write(b)
}

// epochs turns recorded dates into what goes over the wire.
func epochs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["__class__"] == "datetime" {
			n := func(name string) int { f, _ := v[name].(float64); return int(f) }
			return time.Date(n("year"), time.Month(n("month")), n("day"), n("hour"), n("minute"), n("second"), 0, time.UTC).Unix()
		}
		for name := range v {
			v[name] = epochs(v[name])
		}
	case []any:
		for i := range v {
			v[i] = epochs(v[i])
		}
	}
	return v
}

// replay scans the recording in dir.
func replay(t *testing.T, dir string) ([]keyrotor.Asset, keyrotor.Place, []keyrotor.Gap) {
	t.Helper()
	account, region := "644160558196", "us-east-1"
	b, err := os.ReadFile(filepath.Join(dir, "kms.ListKeys_1.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, rest, ok := strings.Cut(string(b), "arn:aws:kms:"); ok {
		parts := strings.SplitN(rest, ":", 3)
		region, account = cmp.Or(parts[0], region), cmp.Or(parts[1], account)
	}
	server := httptest.NewServer(&recording{dir: dir, account: account, region: region, calls: make(map[string]int)})
	t.Cleanup(server.Close)
	useEndpoint(t, server.URL)
	assets, places, gaps, _ := collect(t, open(t, aws.Config{MaxConcurrency: 1, With: []string{keyrotor.FactLastUse}}))
	if len(places) != 1 {
		t.Fatalf("read %d places, want 1", len(places))
	}
	return assets, places[0], gaps
}

// ownRecordings are those that the project brings along; PROVENANCE.md there says
// where from.
const ownRecordings = "testdata/recorded"

// recorded are the files of the recordings that match, in every folder of them.
func recorded(t testing.TB, pattern string) []string {
	t.Helper()
	var all []string
	for _, dir := range testenv.Recordings(t, ownRecordings, "data/aws/c7n") {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no recordings like %s in %s: %v", pattern, dir, err)
		}
		all = append(all, files...)
	}
	return all
}

func TestEveryRecordedAnswerOfTheServiceIsRead(t *testing.T) {
	listings := recorded(t, "*/kms.ListKeys_1.json")
	for _, listing := range listings {
		dir := filepath.Dir(listing)
		t.Run(dir, func(t *testing.T) {
			assets, at, _ := replay(t, dir)
			if at.Listed != at.Described+at.Unreadable || at.Listed != len(assets) {
				t.Errorf("listed %d, described %d, unreadable %d, emitted %d", at.Listed, at.Described, at.Unreadable, len(assets))
			}
			if at.Status == keyrotor.PlaceGap {
				t.Errorf("the place ended as a gap")
			}
		})
	}
}

func TestRecordedRefusalOfAKeyIsAGapOfItsKeyPolicy(t *testing.T) {
	assets, at, gaps := replay(t, filepath.Join(ownRecordings, "test_kms_access_denied"))
	if at.Unreadable != 1 || at.Described != 1 || at.Status != keyrotor.PlacePartial {
		t.Errorf("place %+v", at)
	}
	var refused keyrotor.Asset
	for _, a := range assets {
		if a.Refused(keyrotor.FactDescription) {
			refused = a
		}
	}
	if refused.ID != "d01ee9b3-ce85-4622-8e1c-ce85b8cdc89d" || refused.Name() != "alias/test-kms-restrictive" {
		t.Errorf("refused key %+v", refused)
	}
	var found bool
	for _, g := range gaps {
		if g.Fact == keyrotor.FactDescription {
			found = true
			if g.Cause != keyrotor.CauseKeyPolicy || g.Call != "kms:DescribeKey" || g.Asset != refused.ARN {
				t.Errorf("gap %+v", g)
			}
		}
	}
	if !found {
		t.Error("no gap for the refused key")
	}
}

func TestRecordedUsageAndRotationsAreTakenOver(t *testing.T) {
	dir := ownRecordings
	assets, _, _ := replay(t, filepath.Join(dir, "test_kms_last_usage"))
	if use := assets[0].KMS.LastUse; use == nil || use.At.IsZero() || use.TrackedSince.IsZero() || use.Operation == "" {
		t.Errorf("last use %+v", use)
	}
	assets, _, _ = replay(t, filepath.Join(dir, "test_key_rotation"))
	if assets[0].KMS.Rotation == nil {
		t.Error("the rotation status of an old answer without a key spec was not read")
	}
}
