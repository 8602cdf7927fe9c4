package aws_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// front puts something between keyrotor and the sandbox that the environment
// points to.
func front(t *testing.T, between func(next http.Handler) http.Handler) {
	t.Helper()
	to, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(between(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		FlushInterval: -1,
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
}

// TestAClockTenMinutesOffIsCorrectedAndSaid: AWS refuses signatures that are
// more than five minutes off its own clock. Its refusal carries the time.
func TestAClockTenMinutesOffIsCorrectedAndSaid(t *testing.T) {
	testenv.Slow(t, "takes seconds")
	for name, ahead := range map[string]time.Duration{"ours is slow": 10 * time.Minute, "ours is fast": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			mixedWorld(t, nil)
			var refused atomic.Int64
			front(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					theirs := time.Now().Add(ahead)
					signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
					if err != nil || theirs.Sub(signed).Abs() > 5*time.Minute {
						refused.Add(1)
						w.Header().Set("Date", theirs.UTC().Format(http.TimeFormat))
						refuseSkewed(w, r)
						return
					}
					next.ServeHTTP(&dated{w, theirs}, r)
				})
			})
			e := open(t, aws.Config{Accounts: []string{member}})
			assets, _, gaps, _ := collect(t, e)
			if len(assets) != 1 || len(gaps) != 0 {
				t.Errorf("%d keys, gaps %+v", len(assets), gaps)
			}
			if refused.Load() == 0 {
				t.Fatal("nothing was refused: the test tests nothing")
			}
			c := find(t, checks(t, e), home, aws.RoleOwn, "clock")
			if c.Status != aws.CheckFailed || !strings.HasPrefix(c.Detail, "10m") && !strings.HasPrefix(c.Detail, "9m59s") || c.Fix == "" {
				t.Errorf("the doctor says %+v of a clock 10 minutes off", c)
			}
		})
	}
}

// refuseSkewed is AWS's answer to a signature of another time.
func refuseSkewed(w http.ResponseWriter, r *http.Request) {
	const message = "Signature expired: 20261121T101502Z is now earlier than 20261121T102002Z (20261121T102502Z - 5 min.)"
	if r.Header.Get("X-Amz-Target") != "" || r.Header.Get("Content-Type") == "application/json" {
		refuse(w, http.StatusBadRequest, "InvalidSignatureException", message)
		return
	}
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write([]byte(`<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>` + message + `</Message></Error></ErrorResponse>`))
}

// dated answers with another clock's time.
type dated struct {
	http.ResponseWriter
	now time.Time
}

func (d *dated) WriteHeader(status int) {
	d.Header().Set("Date", d.now.UTC().Format(http.TimeFormat))
	d.ResponseWriter.WriteHeader(status)
}

// TestASessionThatEndsDuringTheScanIsRenewed: the service may call credentials
// expired that look good from here, when our clock is slow or somebody revoked
// the session.
func TestASessionThatEndsDuringTheScanIsRenewed(t *testing.T) {
	s := mixedWorld(t, nil)
	for range 20 {
		if _, err := s.SeedKey(member, "eu-west-1", sandbox.KeySeed{}); err != nil {
			t.Fatal(err)
		}
	}
	var seen atomic.Int64
	var ended atomic.Value
	ended.Store("")
	front(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, key, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
			key, _, _ = strings.Cut(key, "/")
			if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "TrentService.") && seen.Add(1) == 30 {
				ended.Store(key)
			}
			if key == ended.Load() {
				refuse(w, http.StatusBadRequest, "ExpiredTokenException", "The security token included in the request is expired")
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	assets, places, gaps, _ := collect(t, open(t, aws.Config{Accounts: []string{member}}))
	if len(assets) != 21 || len(gaps) != 0 || places[0].Unreadable != 0 {
		t.Errorf("%d keys, %d of them unreadable, %d gaps", len(assets), places[0].Unreadable, len(gaps))
	}
	if ended.Load() == "" {
		t.Fatal("no session ended: the test tests nothing")
	}
	if n := s.Calls()["sts:AssumeRole"]; n != 2 {
		t.Errorf("the role was taken on %d times, want once more than at the start", n)
	}
}
