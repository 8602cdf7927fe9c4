package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong with the calls it matches. Empty fields
// match everything. It does the first of these that is set, after Delay: Hang,
// Cut, Throttle, Code; a fault with only a Delay makes the call slow.
type Fault struct {
	Service   string // "kms", "sts", …
	Operation string // "EnableKeyRotation"
	Account   string // of the caller
	Region    string
	KeyID     string // id or any text that ends the call's KeyId

	Skip  int // let this many matching calls pass first
	Times int // then strike this often; 0 is always

	Code    string // error code to answer
	Status  int    // its HTTP status; 0 is 400
	Message string
	// After answers with Code only after the call has taken effect.
	After    bool
	Delay    time.Duration // real time
	Cut      CutWhen
	Throttle bool // the service's own throttling error
	Hang     bool // no answer until the client gives up
}

// CutWhen says when the connection is cut instead of answering.
type CutWhen string

// When a connection is cut: not at all, before the call takes effect, or after
// it, so that the client cannot know.
const (
	CutNever  CutWhen = ""
	CutBefore CutWhen = "before"
	CutAfter  CutWhen = "after"
)

// faults holds what was injected, in order; the first that strikes decides.
type faults struct {
	mu    sync.Mutex
	armed []*armedFault
}

type armedFault struct {
	Fault
	skipped, struck int
}

// Inject adds a fault. It stays until it has struck Times times, or until
// ClearFaults.
func (s *Sandbox) Inject(f Fault) error {
	if !slices.Contains([]CutWhen{CutNever, CutBefore, CutAfter}, f.Cut) {
		return fmt.Errorf("fault: cut is %q; it must be %q or %q", f.Cut, CutBefore, CutAfter)
	}
	if f.Delay == 0 && !f.Hang && f.Cut == CutNever && !f.Throttle && f.Code == "" {
		return fmt.Errorf("fault: it does nothing; set code, throttle, cut, hang or delay")
	}
	if f.After && f.Code == "" && !f.Throttle {
		return fmt.Errorf("fault: after needs a code or throttle to answer with")
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("fault: status %d is no HTTP status of an answer", f.Status)
	}
	if f.Skip < 0 || f.Times < 0 || f.Delay < 0 {
		return fmt.Errorf("fault: skip, times and delay must not be negative")
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = append(s.faults.armed, &armedFault{Fault: f})
	return nil
}

// ClearFaults takes all faults away.
func (s *Sandbox) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = nil
}

// before strikes a call that has had no effect yet.
func (f *faults) before(ctx context.Context, c *call) *apiError {
	hit := f.strike(c)
	if hit == nil {
		return nil
	}
	if !pause(ctx, hit) {
		return &apiError{cut: true} // nobody is listening any more
	}
	switch {
	case hit.Cut == CutBefore:
		return &apiError{cut: true}
	case hit.Cut == CutAfter, hit.After:
		c.fault = hit
		return nil
	case hit.Throttle:
		return throttled(c)
	case hit.Code != "":
		return hit.err()
	}
	return nil
}

// after strikes a call that has taken effect.
func (f *faults) after(c *call) *apiError {
	switch {
	case c.fault == nil:
		return nil
	case c.fault.Cut == CutAfter:
		return &apiError{cut: true}
	case c.fault.Throttle:
		return throttled(c)
	}
	return c.fault.err()
}

// strike returns the fault that hits this call, counted.
func (f *faults) strike(c *call) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, a := range f.armed {
		if !a.matches(c) {
			continue
		}
		if a.skipped < a.Skip {
			a.skipped++
			continue
		}
		a.struck++
		if a.Times > 0 && a.struck == a.Times {
			f.armed = slices.Delete(slices.Clone(f.armed), i, i+1)
		}
		return &a.Fault
	}
	return nil
}

func (f *Fault) matches(c *call) bool {
	fits := func(want, got string) bool { return want == "" || strings.EqualFold(want, got) }
	return fits(f.Service, c.Service) && fits(f.Operation, c.Operation) &&
		fits(f.Account, c.Account) && fits(f.Region, c.Region) &&
		(f.KeyID == "" || strings.HasSuffix(jsonText(c.Body, "KeyId"), f.KeyID))
}

func (f *Fault) err() *apiError {
	return &apiError{Code: f.Code, Message: f.Message, Status: max(f.Status, http.StatusBadRequest)}
}

// pause waits as long as the fault says, on the real clock; false when the
// client left.
func pause(ctx context.Context, f *Fault) bool {
	if f.Hang && f.Delay == 0 {
		<-ctx.Done()
		return false
	}
	if f.Delay == 0 {
		return true
	}
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return !f.Hang // a hang with a delay is cut when it is over
	}
}
