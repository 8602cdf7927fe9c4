package aws

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go/middleware"
)

// Role is in whose name a call is made.
type Role string

// Roles. Own is the credentials that keyrotor was started with.
const (
	RoleOwn   Role = "own"
	RoleScan  Role = "scan"
	RoleApply Role = "apply"
)

// meter is what the clients of one account, Region and role have in common: each
// attempt of a call is paced, counted, and its request id kept.
type meter struct {
	lanes *lanes
	role  Role
	renew *renewal // nil: these credentials cannot be fetched anew
}

// meteredCall stands in the stack of one call, inside the retry loop.
type meteredCall struct {
	*meter
	// renewed: its credentials were fetched anew; if that does not help, no more will.
	renewed bool
}

// lanes are the paces of one account and Region, shared by all its clients.
type lanes struct {
	estate *Estate
	mu     sync.RWMutex
	by     map[operation]*lane
}

type operation struct{ service, name string }

type lane struct {
	call string // "kms:DescribeKey"
	pace *pace
	sent [3]atomic.Int64 // attempts, by role in the order of roles
}

// roles are all roles.
func roles() [3]Role { return [3]Role{RoleOwn, RoleScan, RoleApply} }

// count notes an attempt. There are too many of them for a map and a lock.
func (l *lane) count(role Role) {
	for i, r := range roles() {
		if r == role {
			l.sent[i].Add(1)
		}
	}
}

// addTo adds the attempts of all lanes to the sums, by role and call.
func (l *lanes) addTo(sums map[Role]map[string]int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, lane := range l.by {
		for i, role := range roles() {
			n := int(lane.sent[i].Load())
			if n == 0 {
				continue
			}
			if sums[role] == nil {
				sums[role] = make(map[string]int)
			}
			sums[role][lane.call] += n
		}
	}
}

func (l *lanes) lane(op operation) *lane {
	l.mu.RLock()
	known := l.by[op]
	l.mu.RUnlock()
	if known != nil {
		return known
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if known = l.by[op]; known == nil {
		call := callName(op.service, op.name)
		quota, published := l.estate.cfg.Quota(call)
		known = &lane{call: call, pace: newPace(quota, published)}
		l.by[op] = known
	}
	return known
}

// callName is the IAM action of an operation: the prefix is the service's id in
// lower case but for a few.
func callName(service, name string) string {
	switch service {
	case kms.ServiceID: // of every call of a scan
		return "kms:" + name
	case "Resource Groups Tagging API":
		return "tag:" + name
	default:
		return strings.ToLower(strings.ReplaceAll(service, " ", "")) + ":" + name
	}
}

// ID implements middleware.FinalizeMiddleware.
func (*meteredCall) ID() string { return "keyrotor.Meter" }

// HandleFinalize implements middleware.FinalizeMiddleware.
func (m *meteredCall) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	lane := m.lanes.lane(operation{awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)})
	if err := lane.pace.wait(ctx); err != nil {
		return middleware.FinalizeOutput{}, middleware.Metadata{}, err
	}
	trace := traceOf(ctx)
	trace.sent(lane)
	lane.count(m.role)
	out, metadata, err := next.HandleFinalize(ctx, in)
	id, _ := awsmiddleware.GetRequestIDMetadata(metadata)
	trace.answered(lane.call, id, err)
	now := time.Now()
	lane.pace.told(isThrottle(err), now)
	if m.renew.after(err, now) && !m.renewed {
		m.renewed, err = true, renewedError{err}
	}
	return out, metadata, err
}

// install puts the meter inside the retry loop and before the signature, which
// must not grow old while a call waits for its turn, and the check of answers
// next to the wire, before they are decoded.
func (m *meter) install(stack *middleware.Stack) error {
	if err := stack.Deserialize.Add(wholeAnswers{}, middleware.After); err != nil {
		return err
	}
	if err := stack.Deserialize.Add(wholeResults{}, middleware.Before); err != nil {
		return err
	}
	return stack.Finalize.Insert(&meteredCall{meter: m}, "Signing", middleware.Before)
}

// trace follows the calls made under one context: those of a place, of a walk,
// or of a single step.
type trace struct {
	mu    sync.Mutex
	calls map[*lane]int
	doubt map[string]bool
	ids   []string
	keep  bool // request ids are wanted: a step's few, not a scan's thousands
}

type traceKey struct{}

func withTrace(ctx context.Context, t *trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func traceOf(ctx context.Context) *trace {
	t, _ := ctx.Value(traceKey{}).(*trace)
	return t
}

func (t *trace) sent(l *lane) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls == nil {
		t.calls = make(map[*lane]int)
	}
	t.calls[l]++
}

// answered notes how one attempt ended. Only a step keeps such notes: a scan
// makes many thousands of calls and needs none of them.
func (t *trace) answered(call, id string, err error) {
	if t == nil || !t.keep {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if id != "" {
		t.ids = append(t.ids, id)
	}
	if doubtful(err) {
		if t.doubt == nil {
			t.doubt = make(map[string]bool)
		}
		t.doubt[call] = true
	}
}

// inDoubt reports whether any attempt of a call may have taken effect without
// our knowing.
func (t *trace) inDoubt(call string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.doubt[call]
}

func (t *trace) counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := make(map[string]int, len(t.calls))
	for l, n := range t.calls {
		sum[l.call] += n // an account's call in two Regions is two lanes
	}
	return sum
}

func (t *trace) requestIDs() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.ids...)
}
