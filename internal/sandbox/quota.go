package sandbox

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/keyrotor/keyrotor"
)

// quotas holds a token bucket per account, Region and call, filled at the
// documented rate; cryptographic calls have shared ones (quota_crypto.go). A bucket
// starts full and holds one second's worth, or the documented burst where there is
// one. Buckets run on the real clock: moving
// the sandbox's clock refills nothing. Like the real service, a refused call
// takes no token.
type quotas struct {
	mu      sync.Mutex
	buckets map[bucketKey]*bucket
	known   map[string]keyrotor.Quota // per call; a zero rate is "not published"
}

type bucketKey struct{ account, region, call string }

type bucket struct {
	tokens float64
	at     time.Time
}

// take refuses the call with the service's throttling error when its bucket is
// empty.
func (q *quotas) take(c *call) *apiError {
	if !c.s.opts.Quotas || q.allow(c.Account, c.quotaRegion(), c.Service+":"+c.Operation, time.Now()) {
		return nil
	}
	return throttled(c)
}

func (q *quotas) allow(account, region, call string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	rate := q.rate(call)
	if strings.HasPrefix(call, "sts:") {
		call = "sts" // one quota for all of its calls
	}
	return q.allowLocked(bucketKey{account, region, call}, rate, 1, now)
}

// allowLocked takes cost tokens; a zero rate has no limit.
func (q *quotas) allowLocked(key bucketKey, rate keyrotor.Quota, cost float64, now time.Time) bool {
	if rate.PerSecond == 0 {
		return true
	}
	b := q.buckets[key]
	if b == nil {
		if q.buckets == nil {
			q.buckets = map[bucketKey]*bucket{}
		}
		b = &bucket{tokens: float64(rate.Burst), at: now}
		q.buckets[key] = b
	}
	b.tokens = min(float64(rate.Burst), b.tokens+now.Sub(b.at).Seconds()*float64(rate.PerSecond))
	b.at = now
	if b.tokens < cost {
		return false
	}
	b.tokens -= cost
	return true
}

// rate remembers what the table of quotas says of a call.
func (q *quotas) rate(call string) keyrotor.Quota {
	rate, ok := q.known[call]
	if !ok {
		rate, ok = keyrotor.RequestQuota(call)
		if !ok {
			rate = sandboxQuota(call)
		}
		if q.known == nil {
			q.known = map[string]keyrotor.Quota{}
		}
		q.known[call] = rate
	}
	return rate
}

// quotaRegion is where a call is counted: Organizations and Account are global.
func (c *call) quotaRegion() string {
	if c.Service == "organizations" || c.Service == "account" {
		return "us-east-1"
	}
	return c.Region
}

// throttled is the error of each service for a call that came too fast.
func throttled(c *call) *apiError {
	switch c.Service {
	case "sts":
		return errf("Throttling", "Rate exceeded")
	case "ec2":
		return &apiError{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: http.StatusServiceUnavailable}
	case "organizations", "account":
		return errf("TooManyRequestsException", "Rate exceeded")
	}
	if c.Service == "kms" {
		return errf("ThrottlingException", "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.")
	}
	return errf("ThrottlingException", "Rate exceeded")
}
