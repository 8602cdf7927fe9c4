package aws

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// retryer repeats throttled calls, calls whose credentials had expired and were
// renewed, and, where a call may be repeated, calls that met a transient fault.
// It differs from the SDK's in three more ways:
//
//   - LimitExceededException is final. KMS says it for hard quotas (25 on-demand
//     rotations, 50 aliases); the SDK counts it among the throttles and would
//     spend three calls and their pauses on each.
//   - once: for calls that are not repeatable a timeout, a cut connection or a
//     5xx ends the call, for it may have taken effect. A throttle is a definite
//     "not done" and is repeated all the same, where AWS says it by its code: a
//     bare 429 is of whoever stands before AWS, who may have sent the call on.
//   - no retry budget: the meter already paces every attempt.
type retryer struct{ once bool }

const (
	throttledAttempts = 12
	transientAttempts = 4
	firstPause        = 100 * time.Millisecond
	longestPause      = 20 * time.Second
)

// IsErrorRetryable implements awssdk.Retryer.
func (r retryer) IsErrorRetryable(err error) bool {
	if isRenewed(err) || isThrottle(err) && (!r.once || namesCode(err)) {
		return true
	}
	return !r.once && isTransient(err)
}

// MaxAttempts implements awssdk.Retryer; transient faults end earlier, see
// RetryDelay.
func (retryer) MaxAttempts() int { return throttledAttempts }

// RetryDelay is the pause before the next attempt: full jitter, a random time
// up to a bound that doubles. Returning the error itself ends the retries.
func (retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	switch {
	case isRenewed(err):
		return 0, nil // at most once in a call: see meteredCall
	case attempt >= transientAttempts && !isThrottle(err):
		return 0, err
	}
	bound := min(firstPause<<min(attempt, 16), longestPause)
	return rand.N(bound), nil
}

// GetRetryToken implements awssdk.Retryer.
func (retryer) GetRetryToken(context.Context, error) (func(error) error, error) {
	return releaseNothing, nil
}

// GetInitialToken implements awssdk.Retryer.
func (retryer) GetInitialToken() func(error) error { return releaseNothing }

// GetAttemptToken implements awssdk.RetryerV2.
func (retryer) GetAttemptToken(context.Context) (func(error) error, error) {
	return releaseNothing, nil
}

var _ awssdk.RetryerV2 = retryer{}

func releaseNothing(error) error { return nil }

// isThrottle reports a refusal for rate: nothing was done. A proxy or gateway in
// front of AWS says it by status alone, with no code of AWS in the answer.
func isThrottle(err error) bool {
	code := errorCode(err)
	if code == "LimitExceededException" {
		return false
	}
	_, ok := retry.DefaultThrottleErrorCodes[code]
	return ok || httpStatus(err) == http.StatusTooManyRequests
}

// namesCode reports whether an answer has an error code, as all refusals of AWS do.
func namesCode(err error) bool {
	code := errorCode(err)
	return code != "" && code != codeUnknown
}

// isTransient reports a fault that may be gone at the next try.
func isTransient(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	switch errorCode(err) {
	case "RequestTimeout", "RequestTimeoutException", "KMSInternalException", "DependencyTimeoutException",
		"InternalFailure", "InternalError", "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException",
		"IDPCommunicationError":
		return true
	}
	var skew interface{ RetryableError() bool } // the SDK's mark for a clock it has just corrected
	if errors.As(err, &skew) && skew.RetryableError() {
		return true
	}
	if status := httpStatus(err); status != 0 {
		return status >= 500
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false // a Region without such an endpoint
	}
	var api smithy.APIError
	return !errors.As(err, &api) && noAnswer(err)
}

// noAnswer reports that the request got no reply at all.
func noAnswer(err error) bool {
	var send interface{ ConnectionError() bool }
	if errors.As(err, &send) && send.ConnectionError() {
		return true
	}
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func errorMessage(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func httpStatus(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}

func requestID(err error) string {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.ServiceRequestID()
	}
	return ""
}
