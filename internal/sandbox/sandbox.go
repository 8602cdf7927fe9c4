package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options say how a Sandbox behaves; the zero value is a fast, obliging AWS.
type Options struct {
	// Clock is the time of the sandbox; nil is a clock that starts now.
	Clock *Clock
	// Rand is where ids and key material come from; nil is the system's source.
	// A repeatable reader makes repeatable worlds.
	Rand io.Reader
	// Quotas makes the sandbox enforce the documented request quotas, per
	// account and Region, with ThrottlingException.
	Quotas bool
	// Consistency is how long reads go on showing a key as it was before a
	// change (KMS is eventually consistent); 0 is at once.
	Consistency time.Duration
	// RotationTakes is how long an on-demand rotation is under way; 0 is one
	// second, negative is finished at once.
	RotationTakes time.Duration
	// Home is the account of access keys that name none; default 123456789012.
	Home string
}

// Sandbox is the endpoint. It implements http.Handler and is safe for
// concurrent use.
type Sandbox struct {
	opts     Options
	clock    *Clock
	rand     *lockedReader
	services map[string]service

	faults faults
	scp    denials
	quotas quotas
	worldState

	mu       sync.Mutex
	accounts map[string]*account
	wrapping wrappingKeys

	callMu sync.Mutex
	calls  map[callKey]int
}

type callKey struct{ service, operation, account, region string }

// New returns an empty sandbox.
func New(o Options) *Sandbox {
	if o.Clock == nil {
		o.Clock = NewClock(time.Now())
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Home == "" {
		o.Home = "123456789012"
	}
	if o.RotationTakes == 0 {
		o.RotationTakes = time.Second
	}
	s := &Sandbox{
		opts:     o,
		clock:    o.Clock,
		rand:     &lockedReader{r: o.Rand},
		accounts: map[string]*account{},
		calls:    map[callKey]int{},
	}
	s.services = services()
	s.wrapping.secret = s.bytes(32)
	return s
}

// ServeHTTP answers one AWS request.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, controlPath) {
		s.control().ServeHTTP(w, r)
		return
	}
	c, body, err := s.route(r)
	a := newAnswer(c.RequestID)
	if err == nil {
		s.count(c)
		err = s.admit(r.Context(), c)
	}
	if err == nil {
		s.services[c.Service](s, a, r, c, body)
		err = s.faults.after(c)
	}
	switch {
	case err == nil:
	case err.cut:
		abort(w)
		return
	default:
		a = newAnswer(c.RequestID)
		c.fail(a, err)
	}
	a.send(w)
}

// admit asks, in this order, the injected faults, the organization's policies
// and the request quotas.
func (s *Sandbox) admit(ctx context.Context, c *call) *apiError {
	if err := s.faults.before(ctx, c); err != nil {
		return err
	}
	if err := s.scp.check(c); err != nil {
		return err
	}
	return s.quotas.take(c)
}

func (s *Sandbox) count(c *call) {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.calls[callKey{c.Service, c.Operation, c.Account, c.Region}]++
}

// Calls counts the requests so far, by "service:Operation" and by
// "account/region/service:Operation". Calls that were refused or throttled
// count too.
func (s *Sandbox) Calls() map[string]int {
	s.callMu.Lock()
	calls := maps.Clone(s.calls)
	s.callMu.Unlock()
	out := make(map[string]int, 2*len(calls))
	for k, n := range calls {
		name := k.service + ":" + k.operation
		out[name] += n
		out[fmt.Sprintf("%s/%s/%s", k.account, k.region, name)] += n
	}
	return out
}

// lockedReader lets concurrent calls share one source of randomness.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return io.ReadFull(l.r, p)
}
