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
