package aws_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

func TestDoubtIsToldAndNeverFollowedByASecondCall(t *testing.T) {
	testenv.Slow(t, "waits for answers that do not come")
	zero := 0
	cases := map[string]struct {
		fault sandbox.Fault
		doubt bool
		calls int
	}{
		"cut before the effect":      {sandbox.Fault{Cut: sandbox.CutBefore}, true, 1},
		"cut after the effect":       {sandbox.Fault{Cut: sandbox.CutAfter}, true, 1},
		"internal error":             {sandbox.Fault{Code: "KMSInternalException", Status: 500}, true, 1},
		"dependency timeout":         {sandbox.Fault{Code: "DependencyTimeoutException", Status: 503, After: true}, true, 1},
		"no answer in time":          {sandbox.Fault{Hang: true}, true, 1},
		"access denied":              {sandbox.Fault{Code: "AccessDeniedException", Message: "no"}, false, 1},
		"throttled twice, then done": {sandbox.Fault{Throttle: true, Times: 2}, false, 3},
	}
	for name, c := range cases {
		for _, verb := range []keyrotor.Verb{keyrotor.RotateNow, keyrotor.CreateKey} {
			t.Run(name+", "+string(verb), func(t *testing.T) {
				s, a := actorWorld(t, sandbox.Options{}, aws.Config{CallTimeout: 300 * time.Millisecond})
				step := keyrotor.Step{Verb: verb, Token: "token-1", Before: keyrotor.Before{OnDemand: &zero},
					Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: home, Region: region}}
				operation := "CreateKey"
				if verb == keyrotor.RotateNow {
					operation, step.Target = "RotateKeyOnDemand", seed(t, s, sandbox.KeySeed{})
				}
				c.fault.Service, c.fault.Operation = "kms", operation
				if err := s.Inject(c.fault); err != nil {
					t.Fatal(err)
				}
				_, err := a.Do(t.Context(), step)
				var doubt *keyrotor.InDoubt
				if got := errors.As(err, &doubt); got != c.doubt {
					t.Errorf("in doubt: %t, want %t: %v", got, c.doubt, err)
				}
				if c.fault.Code == "AccessDeniedException" {
					var failed *keyrotor.CallFailed
					if !errors.As(err, &failed) || !failed.Stop {
						t.Errorf("access denied: %v, want a CallFailed that stops", err)
					}
				}
				if n := s.Calls()["kms:"+operation]; n != c.calls {
					t.Errorf("%s was called %d times, want %d", operation, n, c.calls)
				}
			})
		}
	}
}

// A proxy let the call through and answered with a status of its own: the call was
// made again, three keys for one, or told as refused though it had its effect.
func TestAnAnswerThatNamesNoCodeIsDoubtWhateverItsStatus(t *testing.T) {
	zero := 0
	for _, status := range []int{307, 400, 403, 404, 408, 429} {
		for operation, verb := range map[string]keyrotor.Verb{"RotateKeyOnDemand": keyrotor.RotateNow, "CreateKey": keyrotor.CreateKey} {
			t.Run(fmt.Sprintf("%s %d", operation, status), func(t *testing.T) {
				s := sandbox.New(sandbox.Options{Home: home})
				proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+operation) {
						s.ServeHTTP(w, r)
						return
					}
					s.ServeHTTP(httptest.NewRecorder(), r)
					w.WriteHeader(status)
				}))
				t.Cleanup(proxy.Close)
				useEndpoint(t, proxy.URL)
				t.Setenv("AWS_ACCESS_KEY_ID", home)
				step := keyrotor.Step{Verb: verb, Token: "token-1", Before: keyrotor.Before{OnDemand: &zero},
					Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: home, Region: region}}
				if verb == keyrotor.RotateNow {
					step.Target = seed(t, s, sandbox.KeySeed{})
				}
				_, err := open(t, aws.Config{}).KMSActor().Do(t.Context(), step)
				if !errors.As(err, new(*keyrotor.InDoubt)) {
					t.Errorf("got %v, want doubt", err)
				}
				if n := s.Calls()["kms:"+operation]; n != 1 {
					t.Errorf("called %d times, want once", n)
				}
			})
		}
	}
}

func TestRepeatableCallsOutliveTransientFaults(t *testing.T) {
	testenv.Slow(t, "waits out back-off")
	for name, fault := range map[string]sandbox.Fault{
		"cut connections":  {Cut: sandbox.CutAfter, Times: 2},
		"internal errors":  {Code: "KMSInternalException", Status: 500, Times: 2},
		"throttling":       {Throttle: true, Times: 4},
		"no answer once":   {Hang: true, Times: 1},
		"service is away":  {Code: "ServiceUnavailable", Status: 503, Times: 2},
		"dependency slow":  {Code: "DependencyTimeoutException", Status: 503, Times: 2},
		"effect, no reply": {Code: "KMSInternalException", Status: 500, After: true, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, a := actorWorld(t, sandbox.Options{}, aws.Config{CallTimeout: 300 * time.Millisecond})
			step := keyrotor.Step{Verb: keyrotor.EnableRotation, Target: seed(t, s, sandbox.KeySeed{})}
			fault.Service, fault.Operation = "kms", "EnableKeyRotation"
			if err := s.Inject(fault); err != nil {
				t.Fatal(err)
			}
			mustDo(t, a, step)
			mustCheck(t, a, step, true)
		})
	}
}
