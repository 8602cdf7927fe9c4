package sandbox_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// BenchmarkDescribeKey is the sandbox's own share of a call, without network.
func BenchmarkDescribeKey(b *testing.B) {
	s := newBench(b, sandbox.Options{})
	arn := s.seed(b, sandbox.KeySeed{Description: "a key", Tags: map[string]string{"owner": "team"}})
	body := fmt.Sprintf(`{"KeyId":%q}`, arn)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "TrentService.DescribeKey")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+account+"/20261121/"+region+"/kms/aws4_request, SignedHeaders=host, Signature=0")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkDescribeKeySDK is the same through the SDK and a loopback socket.
func BenchmarkDescribeKeySDK(b *testing.B) {
	s := newBench(b, sandbox.Options{})
	arn := s.seed(b, sandbox.KeySeed{})
	b.RunParallel(func(pb *testing.PB) {
		c := s.client(account, region)
		for pb.Next() {
			if _, err := c.DescribeKey(context.Background(), &kms.DescribeKeyInput{KeyId: &arn}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkSeedKey reports what a key of a world costs.
func BenchmarkSeedKey(b *testing.B) {
	s := newBench(b, sandbox.Options{})
	before := heap()
	n := 0
	for b.Loop() {
		s.seed(b, worldKey(n))
		n++
	}
	b.ReportMetric(float64(heap()-before)/float64(n), "bytes/key")
	runtime.KeepAlive(s)
}

func worldKey(n int) sandbox.KeySeed {
	return sandbox.KeySeed{
		Description: "key of an application", Aliases: []string{fmt.Sprintf("alias/app/%d", n)}, RotationPeriodDays: 365,
		Tags: map[string]string{"owner": "payments", "env": "prod", "app": "ledger"},
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestAKeyIsSmall holds the memory of a key below what lets 100,000 of them fit
// beside the program under test.
func TestAKeyIsSmall(t *testing.T) {
	const keys, most = 5000, 1536
	s := newBench(t, sandbox.Options{})
	before := heap()
	for n := range keys {
		s.seed(t, worldKey(n))
	}
	if got := (heap() - before) / keys; got > most {
		t.Errorf("a key takes %d bytes, want at most %d", got, most)
	}
	runtime.KeepAlive(s)
}
