package aws

import (
	"errors"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// renewal throws credentials away that the service calls expired although our
// copy says otherwise: the clock here is slow, or somebody ended the session.
// The next attempt fetches new ones. One session signs the calls of many
// workers, which all hear of the expiry at about the same time; only the first
// of them throws away.
type renewal struct {
	cache *awssdk.CredentialsCache

	mu   sync.Mutex
	last time.Time
}

// renewEvery is how long new credentials are left alone: answers to what the
// old ones signed still arrive.
const renewEvery = 10 * time.Second

// renewalOf is the renewal of credentials that can be fetched anew, shared by
// all clients that sign with them; nil for those that cannot.
func (e *Estate) renewalOf(p awssdk.CredentialsProvider) *renewal {
	cache, ok := p.(*awssdk.CredentialsCache)
	if !ok || awssdk.IsCredentialsProvider(p, credentials.StaticCredentialsProvider{}) {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.renewals[cache]
	if r == nil {
		r = &renewal{cache: cache}
		e.renewals[cache] = r
	}
	return r
}

// after looks at how an attempt ended, and reports whether there will be new
// credentials for the next.
func (r *renewal) after(err error, now time.Time) bool {
	if r == nil || !isExpired(err) {
		return false
	}
	r.throwAway(now)
	return true
}

func (r *renewal) throwAway(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.last.IsZero() && now.Sub(r.last) < renewEvery {
		return
	}
	r.last = now
	r.cache.Invalidate()
}

// renewedError marks the failure of an attempt for whose repetition there will
// be new credentials. Nothing was done by it.
type renewedError struct{ error }

func (r renewedError) Unwrap() error { return r.error }

func isRenewed(err error) bool {
	var r renewedError
	return errors.As(err, &r)
}

// isExpired reports that the service takes our credentials for past.
func isExpired(err error) bool {
	switch errorCode(err) {
	case "ExpiredToken", "ExpiredTokenException":
		return true
	}
	return false
}
