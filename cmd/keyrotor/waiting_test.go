package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/report"
)

// locked is a buffer that may be read while somebody writes it.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestProgressSaysWhatIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out locked
		start := time.Now()
		p := newProgress(report.NewProgress(&out, report.Style{}, time.Now), func() []aws.Wait {
			return []aws.Wait{
				{Account: "222222222222", Region: "eu-west-1", Call: "kms:ListKeys", For: time.Since(start)},
				{Account: "111111111111", Region: "eu-west-1", Call: "kms:ListKeys", For: time.Second},
			}
		})
		p.Update(3, 7, "120 keys")
		time.Sleep(2500 * time.Millisecond)
		if strings.Contains(out.String(), "throttles") {
			t.Errorf("a pause of two seconds is worth no word: %s", out.String())
		}
		time.Sleep(30 * time.Second)
		p.Done()
		if want := "3/7"; !strings.Contains(out.String(), want) {
			t.Errorf("got %q, want %q in it", out.String(), want)
		}
		if want := "AWS throttles kms:ListKeys in account 222222222222, eu-west-1, for 30s now; trying on (and 1 other call)"; !strings.Contains(out.String(), want) {
			t.Errorf("got %q, want %q in it", out.String(), want)
		}
		if n := strings.Count(out.String(), "throttles"); n > 4 {
			t.Errorf("%d lines in half a minute: a log file needs fewer", n)
		}
	})
}
