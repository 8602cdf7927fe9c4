package aws

import (
	"bytes"
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
