package aws

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// inProcess is an endpoint without a network, so that its time can be simulated.
type inProcess struct{ http.Handler }

func (p inProcess) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// TestARegionThatThrottlesForEverIsSaidMeanwhileAndAfterwards: a proxy before
// AWS throttles by status alone, without a code of AWS.
func TestARegionThatThrottlesForEverIsSaidMeanwhileAndAfterwards(t *testing.T) {
	for name, throttle := range map[string]http.HandlerFunc{
		"with AWS's code": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"ThrottlingException","message":"Rate exceeded"}`))
		},
		"by status alone": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"by status and page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte("<html>slow down</html>"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := sandbox.New(sandbox.Options{})
				asked := 0
				e := estateOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListKeys") {
						asked++
						throttle(w, r)
						return
					}
					box.ServeHTTP(w, r)
				}))
				source := &kmsSource{estate: e, at: keyrotor.Place{Account: "111111111111", Region: "eu-west-1"}}
				var gaps []keyrotor.Gap
				done := make(chan keyrotor.Place)
				start := time.Now()
				go func() {
					at, err := source.Scan(t.Context(), func(keyrotor.Asset) error { return nil }, func(g keyrotor.Gap) { gaps = append(gaps, g) })
					if err != nil {
						t.Error(err)
					}
					done <- at
				}()
				time.Sleep(10 * time.Second)
				waits := e.Waits()
				if len(waits) != 1 || waits[0].Account != "111111111111" || waits[0].Region != "eu-west-1" || waits[0].Call != "kms:ListKeys" || waits[0].For < 5*time.Second {
					t.Errorf("after 10 s it waits for %+v", waits)
				}
				at := <-done
				if asked != throttledAttempts || time.Since(start) > 2*time.Minute {
					t.Errorf("asked %d times in %s", asked, time.Since(start))
				}
				if at.Status != keyrotor.PlaceGap || len(gaps) != 1 || gaps[0].Cause != keyrotor.CauseThrottled || gaps[0].Call != "kms:ListKeys" || gaps[0].Code == "" || gaps[0].Code == codeUnknown {
					t.Errorf("the place ended %s with gaps %+v", at.Status, gaps)
				}
				time.Sleep(time.Minute)
				if waits := e.Waits(); len(waits) != 0 {
					t.Errorf("a minute later it still waits for %+v", waits)
				}
			})
		})
	}
}

// estateOf is an estate on an endpoint in this process.
func estateOf(t *testing.T, endpoint http.Handler) *Estate {
	t.Helper()
	cfg := Config{}
	if err := cfg.validate(); err != nil {
		t.Fatal(err)
	}
	e, err := open(t.Context(), cfg, awssdk.Config{
		Region: "eu-west-1", BaseEndpoint: awssdk.String("http://sandbox"), HTTPClient: inProcess{endpoint},
		Credentials: credentials.NewStaticCredentialsProvider("111111111111", "sandbox", ""),
		Retryer:     func() awssdk.Retryer { return retryer{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
