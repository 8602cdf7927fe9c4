package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/report"
)

func TestProgress(t *testing.T) {
	for name, c := range map[string]struct {
		style report.Style
		lines int
		esc   bool
	}{
		"a pipe gets a plain line every ten seconds": {report.Style{}, 6, false},
		"a terminal gets one line that redraws":      {report.Style{Width: 80}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			now := testNow
			p := report.NewProgress(&b, c.style, func() time.Time { return now })
			for i := range 60 {
				p.Update(i, 59, "EnableKeyRotation 15/s in us-east-1\x1b[2J")
				now = now.Add(time.Second)
			}
			p.Done()
			if got := strings.Count(b.String(), "\n"); got != c.lines && got != c.lines+1 {
				t.Errorf("got %d lines, want about %d:\n%s", got, c.lines, b.String())
			}
			if got := strings.Contains(b.String(), "\x1b"); got != c.esc {
				t.Errorf("escape sequences: got %v, want %v", got, c.esc)
			}
			if strings.Contains(b.String(), "\x1b[2J") {
				t.Error("the note reached the terminal raw")
			}
			if !strings.Contains(b.String(), "left") {
				t.Error("no word of the time left")
			}
		})
	}
}

func TestAFileOfProgressStaysShort(t *testing.T) {
	for name, c := range map[string]struct {
		work func(p *report.Progress, pass func(time.Duration))
		want string
	}{
		"a total that grows with what is done is not an end each time": {
			func(p *report.Progress, pass func(time.Duration)) {
				for i := 1; i <= 36; i++ {
					p.Update(i, i, "keys")
					pass(50 * time.Millisecond)
				}
			}, "1/1 · keys\n36/36 · keys\n"},
		"the end is said once": {
			func(p *report.Progress, _ func(time.Duration)) {
				p.Update(1, 2, "a")
				p.Update(2, 2, "b")
				p.Update(2, 2, "b")
			}, "1/2 · a\n2/2 · b\n"},
		"one of one is one line": {
			func(p *report.Progress, _ func(time.Duration)) { p.Update(1, 1, "a") }, "1/1 · a\n"},
		"what never began has no end": {func(*report.Progress, func(time.Duration)) {}, ""},
		"the first of many is no measure of the rest": {
			func(p *report.Progress, pass func(time.Duration)) {
				pass(4 * time.Second)
				p.Update(1, 255, "looked at")
			}, "1/255 · looked at\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			now := testNow
			p := report.NewProgress(&b, report.Style{}, func() time.Time { return now })
			c.work(p, func(d time.Duration) { now = now.Add(d) })
			p.Done()
			if got := b.String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("an hour of work is a line a minute", func(t *testing.T) {
		var b bytes.Buffer
		now := testNow
		p := report.NewProgress(&b, report.Style{}, func() time.Time { return now })
		for i := range 3600 {
			p.Update(i, 3600, "")
			now = now.Add(time.Second)
		}
		p.Done()
		if got := strings.Count(b.String(), "\n"); got < 60 || got > 75 {
			t.Errorf("got %d lines", got)
		}
	})
}
