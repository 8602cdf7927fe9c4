package aws

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// TestACallIsRepeatedOnceWithNewCredentials: a throttle before it once counted as
// if new credentials had not helped.
func TestACallIsRepeatedOnceWithNewCredentials(t *testing.T) {
	const throttled, expired = "ThrottlingException", "ExpiredTokenException"
	for name, c := range map[string]struct {
		answers []string // before the call is let through
		asked   int
		want    string // the error it ends with
	}{
		"expired":                         {[]string{expired}, 2, ""},
		"throttled, then expired":         {[]string{throttled, throttled, expired}, 4, ""},
		"expired, then throttled":         {[]string{expired, throttled}, 3, ""},
		"expired for good":                {[]string{expired, expired}, 2, expired},
		"expired, throttled, and expired": {[]string{expired, throttled, expired}, 3, expired},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := sandbox.New(sandbox.Options{})
				asked := 0
				e := estateOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListKeys") {
						asked++
						if asked <= len(c.answers) {
							w.WriteHeader(http.StatusBadRequest)
							_, _ = w.Write([]byte(`{"__type":"` + c.answers[asked-1] + `","message":"no"}`))
							return
						}
					}
					box.ServeHTTP(w, r)
				}))
				e.base.Credentials = renewing(awssdk.CredentialsProviderFunc(func(context.Context) (awssdk.Credentials, error) {
					return awssdk.Credentials{AccessKeyID: "111111111111", SecretAccessKey: "sandbox"}, nil
				}))
				_, err := e.kms("111111111111", "eu-west-1", RoleScan).ListKeys(t.Context(), &kms.ListKeysInput{})
				if errorCode(err) != c.want || asked != c.asked {
					t.Errorf("asked %d times and ended with %v; want %d times and %q", asked, err, c.asked, c.want)
				}
			})
		})
	}
}
