package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
)

func TestAFaultStrikesWhatItMatches(t *testing.T) {
	const enable = "EnableKeyRotation"
	for name, test := range map[string]struct {
		fault   Fault
		codes   []string // of successive calls; "cut" for a lost connection
		rotates bool     // afterwards
	}{
		"an error, once":         {Fault{Operation: enable, Code: "KMSInternalException", Status: 500, Times: 1}, []string{"KMSInternalException", ""}, true},
		"an error for ever":      {Fault{Operation: enable, Code: "AccessDeniedException"}, []string{"AccessDeniedException", "AccessDeniedException"}, false},
		"after two that pass":    {Fault{Operation: enable, Throttle: true, Skip: 2, Times: 1}, []string{"", "", "ThrottlingException", ""}, true},
		"cut before the effect":  {Fault{Operation: enable, Cut: CutBefore, Times: 1}, []string{"cut"}, false},
		"cut after the effect":   {Fault{Operation: enable, Cut: CutAfter, Times: 1}, []string{"cut"}, true},
		"an error that did work": {Fault{Operation: enable, Code: "KMSInternalException", Status: 500, After: true, Times: 1}, []string{"KMSInternalException"}, true},
		"of another call":        {Fault{Operation: "DescribeKey", Throttle: true}, []string{""}, true},
		"of another account":     {Fault{Account: "333333333333", Throttle: true}, []string{""}, true},
		"of another Region":      {Fault{Region: "eu-west-1", Throttle: true}, []string{""}, true},
		"of another key":         {Fault{KeyID: "11111111-2222-3333-4444-555555555555", Throttle: true}, []string{""}, true},
		"only slow":              {Fault{Delay: time.Millisecond}, []string{""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, url := load(t, "small", Options{})
			arn, err := s.SeedKey("222222222222", "us-east-1", KeySeed{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Inject(test.fault); err != nil {
				t.Fatal(err)
			}
			client := kms.NewFromConfig(as(url, "222222222222", "us-east-1"))
			for i, want := range test.codes {
				_, err := client.EnableKeyRotation(t.Context(), &kms.EnableKeyRotationInput{KeyId: &arn})
				got := codeOf(err)
				if strings.Contains(got, "EOF") || strings.Contains(got, "connection reset") {
					got = "cut"
				}
				if got != want {
					t.Errorf("call %d: got %q, want %q", i+1, got, want)
				}
			}
			s.ClearFaults()
			status, err := client.GetKeyRotationStatus(t.Context(), &kms.GetKeyRotationStatusInput{KeyId: &arn})
			if err != nil {
				t.Fatal(err)
			}
			if status.KeyRotationEnabled != test.rotates {
				t.Errorf("afterwards rotation is %t, want %t", status.KeyRotationEnabled, test.rotates)
			}
		})
	}
}

func TestAFaultThatDoesNothingIsRefused(t *testing.T) {
	s := New(Options{})
	for _, f := range []Fault{{}, {Cut: "sometimes"}, {Throttle: true, Times: -1}, {Code: "X", Status: 99999}, {Code: "X", Status: -1}} {
		if err := s.Inject(f); err == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}

func TestAHangingCallEndsWhenTheClientGivesUp(t *testing.T) {
	s, url := load(t, "empty", Options{})
	if err := s.Inject(Fault{Operation: "ListKeys", Hang: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := kms.NewFromConfig(as(url, Management, "us-east-1")).ListKeys(ctx, &kms.ListKeysInput{})
	if ctx.Err() == nil || err == nil {
		t.Errorf("got %v before the client gave up", err)
	}
}

func TestTheSandboxIsDrivenOverHTTP(t *testing.T) {
	s, url := load(t, "small", Options{})
	send := func(method, path, body string, want int) map[string]any {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url+"/_sandbox/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		out := map[string]any{}
		_ = json.NewDecoder(res.Body).Decode(&out) // some answers have no body
		if res.StatusCode != want {
			t.Errorf("%s %s %s: got %d %v, want %d", method, path, body, res.StatusCode, out, want)
		}
		return out
	}
	client := kms.NewFromConfig(as(url, Management, "us-east-1"))
	send("POST", "fault", `{"service":"kms","operation":"ListKeys","code":"KMSInternalException","status":500}`, 204)
	if _, err := client.ListKeys(t.Context(), &kms.ListKeysInput{}); codeOf(err) != "KMSInternalException" {
		t.Errorf("got %v", err)
	}
	send("DELETE", "fault", "", 204)
	if _, err := client.ListKeys(t.Context(), &kms.ListKeysInput{}); err != nil {
		t.Error(err)
	}
	before := s.clock.Now()
	send("POST", "clock", `{"advance":"8760h"}`, 200)
	if got := s.clock.Now().Sub(before); got < 8760*time.Hour {
		t.Errorf("the clock moved by %s", got)
	}
	if got := send("GET", "calls", "", 200)["kms:ListKeys"]; got != 2.0 {
		t.Errorf("got %v calls of ListKeys, want 2", got)
	}
	for path, bad := range map[string]string{
		"fault": `{"operatoin":"ListKeys","throttle":true}`, "clock": `{"advance":"a year"}`,
	} {
		send("POST", path, bad, 400)
	}
	send("POST", "clock", `{"advance":"-1h"}`, 400)
	send("POST", "fault", `{"throttle":true,"delay":"soon"}`, 400)
}

func TestQuotasThrottleOneCallOfOnePlace(t *testing.T) {
	_, url := load(t, "small", Options{Quotas: true})
	here := kms.NewFromConfig(as(url, "222222222222", "us-east-1"))
	elsewhere := kms.NewFromConfig(as(url, "222222222222", "eu-west-1"))
	nobody := new("11111111-2222-3333-4444-555555555555")
	codes := map[string]int{}
	for range 30 {
		_, err := here.EnableKeyRotation(t.Context(), &kms.EnableKeyRotationInput{KeyId: nobody})
		codes[codeOf(err)]++
	}
	// Fifteen a second, all of which may come at once.
	if codes["NotFoundException"] < 15 || codes["ThrottlingException"] < 10 {
		t.Errorf("got %v", codes)
	}
	if _, err := elsewhere.EnableKeyRotation(t.Context(), &kms.EnableKeyRotationInput{KeyId: nobody}); codeOf(err) != "NotFoundException" {
		t.Errorf("another Region: got %v", err)
	}
	if _, err := here.ListKeys(t.Context(), &kms.ListKeysInput{}); err != nil {
		t.Errorf("another call: got %v", err)
	}
	org := organizations.NewFromConfig(as(url, Management, "us-east-1"))
	codes = map[string]int{}
	for range 20 {
		_, err := org.ListAccounts(t.Context(), &organizations.ListAccountsInput{})
		codes[codeOf(err)]++
	}
	if codes[""] < 12 || codes["TooManyRequestsException"] == 0 {
		t.Errorf("organizations: got %v", codes)
	}
}

func TestABucketRefillsWithTime(t *testing.T) {
	var q quotas
	now := time.Now()
	take := func(n int, at time.Time) (got int) {
		for range n {
			if q.allow("a", "r", "kms:CreateKey", at) {
				got++
			}
		}
		return got
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 5}, {200 * time.Millisecond, 1}, {700 * time.Millisecond, 2}, {time.Minute, 5}} {
		if got := take(10, now.Add(step.after)); got != step.want {
			t.Errorf("after %s: got %d of 10 calls, want %d", step.after, got, step.want)
		}
	}
	if !q.allow("a", "r", "kms:SomethingNew", now) {
		t.Error("a call without a published quota was throttled")
	}
}
