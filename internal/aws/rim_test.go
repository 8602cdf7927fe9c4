package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/keyrotor/keyrotor"
)

func apiError(status int, code string) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code},
	}}
}

func TestWhatIsRepeated(t *testing.T) {
	dial := &smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	cut := &smithyhttp.RequestSendError{Err: io.ErrUnexpectedEOF}
	for name, c := range map[string]struct {
		err                    error
		repeatable, once, left bool // left: the attempt may have taken effect
	}{
		"throttle":                      {apiError(400, "ThrottlingException"), true, true, false},
		"429 without a code":            {apiError(429, "UnknownError"), true, false, true},
		"408 without a code":            {apiError(408, "UnknownError"), false, false, true},
		"a redirect":                    {apiError(307, "UnknownError"), false, false, true},
		"429 with a hard quota":         {apiError(429, "LimitExceededException"), false, false, false},
		"renewed credentials":           {renewedError{apiError(400, "ExpiredTokenException")}, true, true, false},
		"expired for good":              {apiError(400, "ExpiredTokenException"), false, false, false},
		"too many requests":             {apiError(400, "TooManyRequestsException"), true, true, false},
		"hard quota":                    {apiError(400, "LimitExceededException"), false, false, false},
		"access denied":                 {apiError(400, "AccessDeniedException"), false, false, false},
		"invalid state":                 {apiError(400, "KMSInvalidStateException"), false, false, false},
		"internal error":                {apiError(500, "KMSInternalException"), true, false, true},
		"internal error, as 400":        {apiError(400, "KMSInternalException"), true, false, true},
		"dependency timeout":            {apiError(503, "DependencyTimeoutException"), true, false, true},
		"unknown 5xx":                   {apiError(502, "BadGateway"), true, false, true},
		"cut connection":                {cut, true, false, true},
		"no connection":                 {dial, true, false, false},
		"no such host":                  {&smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}}, false, false, false},
		"deadline of one attempt":       {&smithyhttp.RequestSendError{Err: context.DeadlineExceeded}, true, false, true},
		"Ctrl-C":                        {fmt.Errorf("canceled: %w", context.Canceled), false, false, true},
		"an answer that cannot be read": {&smithy.DeserializationError{Err: errors.New("html")}, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (retryer{}).IsErrorRetryable(c.err); got != c.repeatable {
				t.Errorf("repeatable call: %t, want %t", got, c.repeatable)
			}
			if got := (retryer{once: true}).IsErrorRetryable(c.err); got != c.once {
				t.Errorf("call that must not happen twice: %t, want %t", got, c.once)
			}
			if got := doubtful(c.err); got != c.left {
				t.Errorf("in doubt: %t, want %t", got, c.left)
			}
		})
	}
}

func TestPausesAreBoundedAndTransientFaultsEndSooner(t *testing.T) {
	throttle, fault := apiError(400, "ThrottlingException"), apiError(500, "KMSInternalException")
	for attempt := range 40 {
		d, err := (retryer{}).RetryDelay(attempt, throttle)
		if err != nil || d < 0 || d > longestPause || d > firstPause<<min(attempt, 16) {
			t.Errorf("attempt %d: %s, %v", attempt, d, err)
		}
	}
	if _, err := (retryer{}).RetryDelay(transientAttempts, fault); !errors.Is(err, fault) {
		t.Errorf("a lasting fault must end with itself, got %v", err)
	}
}

func TestPaceKeepsBelowTheQuotaAndSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(keyrotor.Quota{PerSecond: 15}, true)
		start := time.Now()
		var sent []time.Duration
		for range 150 {
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, time.Since(start))
		}
		// The service's bucket: 15 at once, 15 a second.
		for i, at := range sent {
			if allowed := 15 + 15*at.Seconds(); float64(i+1) > allowed {
				t.Fatalf("call %d after %s: the quota allows %.1f", i+1, at, allowed)
			}
		}
		if forced := time.Duration(150-15) * time.Second / 15; time.Since(start) > forced*110/100 {
			t.Errorf("150 calls took %s, the quota forces %s", time.Since(start), forced)
		}

		p.told(true, time.Now())
		p.told(true, time.Now()) // the same burst says it twice
		if got := p.limiter.Limit(); got != p.nominal/2 {
			t.Errorf("after a throttle the pace is %v, want half of %v", got, p.nominal)
		}
		for range 10 {
			time.Sleep(paceStep)
			p.told(false, time.Now())
		}
		if got := p.limiter.Limit(); got != p.nominal {
			t.Errorf("the pace recovered to %v, want %v", got, p.nominal)
		}
		for range 60 {
			time.Sleep(paceStep)
			p.told(true, time.Now())
		}
		if got := p.limiter.Limit(); got != slowest {
			t.Errorf("the slowest pace is %v, want %v", got, slowest)
		}
	})
}

func TestBodiesLeaveFromMemoryAndTheRequestIsNotTouched(t *testing.T) {
	var got atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got.Store(string(b))
	}))
	defer server.Close()
	for _, known := range []bool{true, false} {
		body := io.NopCloser(strings.NewReader("hello"))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		if known {
			req.ContentLength = 5
		}
		resp, err := newWire(&http.Transport{}, 1, time.Minute).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got.Load() != "hello" || req.Body != body {
			t.Errorf("sent %q; the caller's body was replaced: %t", got.Load(), req.Body != body)
		}
	}
	short, err := http.NewRequest(http.MethodPost, server.URL, io.NopCloser(bytes.NewReader([]byte("x"))))
	if err != nil {
		t.Fatal(err)
	}
	short.ContentLength = 3
	if _, err := newWire(&http.Transport{}, 1, time.Minute).Do(short); err == nil {
		t.Error("a body shorter than announced was sent")
	}
}

func TestASilentConnectionEndsInTime(t *testing.T) {
	for name, flush := range map[string]bool{"before the headers": false, "after the headers": true} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if flush {
					w.Header().Set("Content-Length", "10")
					_, _ = w.Write([]byte("half"))
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
			}))
			defer server.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = newWire(&http.Transport{}, 1, 50*time.Millisecond).Do(req)
			if !noAnswer(err) || !isTransient(err) {
				t.Errorf("got %v, want a timeout that may be repeated", err)
			}
		})
	}
}

func TestConfigNamesTheFieldThatIsWrong(t *testing.T) {
	for field, c := range map[string]Config{
		"scan_role":            {ScanRole: "a b"},
		"apply_role":           {ApplyRole: "arn:aws:iam::1:role/x"},
		"assume_from":          {AssumeFrom: "role"},
		"external_id":          {ExternalID: "x"},
		"source_identity":      {SourceIdentity: "a b"},
		"session_duration":     {Duration: 2 * time.Hour},
		"own_account":          {Own: "sometimes"},
		"management_account":   {Management: AccessOwn}, // our own credentials would read our own keys a second time, under its name
		"home_region":          {HomeRegion: "Beijing"},
		"another partition":    {HomeRegion: "us-east-1", Regions: []string{"cn-north-1"}},
		"different partitions": {Regions: []string{"us-gov-west-1", "cn-north-1"}},
		"concurrency":          {MaxConcurrency: 100_000},
		"account":              {Accounts: []string{"12345"}},
		"Region":               {Regions: []string{"everywhere"}},
		"with":                 {With: []string{"horoscope"}},
	} {
		if err := c.validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	good := Config{ScanRole: "arn:aws-us-gov:iam::{account}:role/ops/scan", Regions: []string{"us-gov-west-1", "us-gov-east-1"}, HomeRegion: "us-gov-west-1"}
	if err := good.validate(); err != nil {
		t.Error(err)
	}
	if got := sessionName("keyrotor/20261121T101502Z 5f3c" + strings.Repeat("x", 80)); len(got) != 64 || strings.ContainsAny(got, "/ ") {
		t.Errorf("session name %q", got)
	}
}

func TestARoleIsNamedByItsPathAndByNoOther(t *testing.T) {
	for role, want := range map[string]bool{
		"keyrotor-scan": true, "ops/scan": true, "a.b/scan": true, "..scan": true,
		"arn:aws:iam::{account}:role/ops/scan": true, "arn:aws:iam::111122223333:role/scan": true,
		"/ops/scan": false, "../../x": false, "ops/../x": false, "./x": false, "ops//x": false, "ops/": false, "/": false, "..": false,
		strings.Repeat("x", 65): false, "arn:aws:iam::{account}:role/../x": false, "arn:aws:iam::{account}:role/": false,
	} {
		c := Config{ScanRole: role}
		if err := c.validate(); (err == nil) != want {
			t.Errorf("scan_role %s: got %v, want it taken: %v", role, err, want)
		}
	}
}

func TestManagersAreToldByTags(t *testing.T) {
	for name, c := range map[string]struct {
		tags map[string]string
		want *keyrotor.Manager
	}{
		"nobody": {map[string]string{"env": "prod"}, nil},
		"a stack": {map[string]string{"aws:cloudformation:stack-name": "s", "aws:cloudformation:logical-id": "Key"},
			&keyrotor.Manager{Tool: "cloudformation", Name: "s", Resource: "Key"}},
		"terraform=true":      {map[string]string{"Terraform": "true"}, &keyrotor.Manager{Tool: "terraform"}},
		"ManagedBy=Terraform": {map[string]string{"ManagedBy": "Terraform"}, &keyrotor.Manager{Tool: "terraform"}},
		"a module":            {map[string]string{"tf-module": "kms"}, &keyrotor.Manager{Tool: "terraform", Name: "kms"}},
		"terraform=false":     {map[string]string{"terraform": "false"}, nil},
	} {
		got := managerOf(c.tags)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestQuestionsThatCanTellNothingAreNotAsked(t *testing.T) {
	for name, c := range map[string]struct {
		facts             keyrotor.KMSFacts
		rotation, history bool
	}{
		"symmetric":             {keyrotor.KMSFacts{Spec: "SYMMETRIC_DEFAULT", Origin: "AWS_KMS", State: "Enabled"}, true, true},
		"disabled":              {keyrotor.KMSFacts{Spec: "SYMMETRIC_DEFAULT", Origin: "AWS_KMS", State: "Disabled"}, true, true},
		"pending deletion":      {keyrotor.KMSFacts{Spec: "SYMMETRIC_DEFAULT", Origin: "AWS_KMS", State: "PendingDeletion"}, false, true},
		"imported":              {keyrotor.KMSFacts{Spec: "SYMMETRIC_DEFAULT", Origin: "EXTERNAL", State: "Enabled"}, true, true},
		"awaiting its import":   {keyrotor.KMSFacts{Spec: "SYMMETRIC_DEFAULT", Origin: "EXTERNAL", State: "PendingImport"}, false, true},
		"in CloudHSM":           {keyrotor.KMSFacts{Spec: "SYMMETRIC_DEFAULT", Origin: "AWS_CLOUDHSM", State: "Enabled"}, false, false},
		"in some store":         {keyrotor.KMSFacts{Spec: "SYMMETRIC_DEFAULT", Origin: "AWS_KMS", CustomKeyStore: "cks-1"}, false, false},
		"RSA":                   {keyrotor.KMSFacts{Spec: "RSA_2048", Origin: "AWS_KMS", State: "Enabled"}, false, false},
		"HMAC":                  {keyrotor.KMSFacts{Spec: "HMAC_256", Origin: "AWS_KMS", State: "Enabled"}, false, false},
		"a spec of tomorrow":    {keyrotor.KMSFacts{Spec: "QUANTUM_9", Origin: "AWS_KMS", State: "Enabled"}, false, false},
		"an origin of tomorrow": {keyrotor.KMSFacts{Spec: "SYMMETRIC_DEFAULT", Origin: "MOON", State: "Enabled"}, false, false},
		"an old answer":         {keyrotor.KMSFacts{State: "Enabled"}, true, true},
		"replica in the making": {keyrotor.KMSFacts{Spec: "SYMMETRIC_DEFAULT", Origin: "AWS_KMS", State: "Creating"}, false, false},
	} {
		if got := tellsRotation(&c.facts); got != c.rotation {
			t.Errorf("%s: ask for rotation: %t, want %t", name, got, c.rotation)
		}
		if got := tellsHistory(&c.facts); got != c.history {
			t.Errorf("%s: ask for history: %t, want %t", name, got, c.history)
		}
	}
}
