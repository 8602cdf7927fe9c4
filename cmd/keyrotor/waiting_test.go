package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/report"
)

func TestProgressSaysWhatIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
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
