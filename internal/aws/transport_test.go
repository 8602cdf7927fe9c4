package aws

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// allocates is how many bytes f allocates, and what runs beside it.
func allocates(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

func ask(t *testing.T, w *wire, url, call string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", call)
	resp, err := w.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// TestAnswersWithoutAnEndCostLittleMemory: 30 keys whose descriptions had no end
// once took 1.3 GB.
func TestAnswersWithoutAnEndCostLittleMemory(t *testing.T) {
	blanks := bytes.Repeat([]byte(" "), 64<<10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/told" {
			w.Header().Set("Content-Length", "3000000")
		}
		for range 1 << 10 {
			if _, err := w.Write(blanks); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	const keys = 30
	for name, tt := range map[string]struct {
		path, call string
		most       int64 // bytes for all keys
	}{
		"what is told of one key":         {"/", "TrentService.DescribeKey", keys << 20},
		"a list of one key's":             {"/", "TrentService.ListGrants", keys << 22},
		"another service's":               {"/", "AWSOrganizationsV20161128.ListAccounts", keys << 22},
		"one that says how long it is":    {"/told", "TrentService.ListResourceTags", keys << 17},
		"a list that says how long it is": {"/told", "TrentService.ListGrants", keys << 17},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(&http.Transport{}, keys, time.Minute)
			var all sync.WaitGroup
			got := allocates(func() {
				for range keys {
					all.Go(func() {
						if err := ask(t, w, server.URL+tt.path, tt.call); err == nil || !strings.Contains(err.Error(), "longer than") {
							t.Errorf("got %v, want an error that names the length", err)
						}
					})
				}
				all.Wait()
			})
			if got > tt.most {
				t.Errorf("%d answers took %d kB, want at most %d kB", keys, got>>10, tt.most>>10)
			}
		})
	}
}

func TestTheLongestAnswersThatAWSGivesAreRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := 230_000
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListGrants") {
			size = 800_000
		}
		_, _ = w.Write(bytes.Repeat([]byte(" "), size)) // in chunks: its length is not told
	}))
	defer server.Close()
	w := newWire(&http.Transport{}, 1, time.Minute)
	for _, call := range []string{"TrentService.ListResourceTags", "TrentService.ListGrants"} {
		if err := ask(t, w, server.URL, call); err != nil {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// lateBody tells the whole of an answer a moment after the time for it is over.
type lateBody struct {
	io.Reader
	after time.Duration
}

func (b *lateBody) Read(p []byte) (int, error) {
	time.Sleep(b.after)
	b.after = 0
	return b.Reader.Read(p)
}

func (*lateBody) Close() error { return nil }

// TestAnAnswerThatIsWholeWhenItsTimeEndsIsTaken: the timer that ends the reading may
// fire while the answer that was read takes the body's place. Under -race a timer
// that looks at the answer and not at the body fails here.
func TestAnAnswerThatIsWholeWhenItsTimeEndsIsTaken(t *testing.T) {
	tr := &http.Transport{}
	tr.RegisterProtocol("late", roundTrip(func(r *http.Request) *http.Response {
		return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Request: r, Body: &lateBody{strings.NewReader("whole"), 50 * time.Millisecond}}
	}))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "late://kms", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newWire(tr, 1, time.Millisecond).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); string(got) != "whole" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }
