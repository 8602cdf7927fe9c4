package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Progress shows how far long work has come: one line that redraws itself on a
// terminal, now and then a plain line elsewhere. It may be used by several
// goroutines. Errors of the writer are ignored: progress is not a result.
type Progress struct {
	mu    sync.Mutex
	w     io.Writer
	style Style
	now   func() time.Time

	started time.Time
	last    time.Time
	shown   bool // a line of ours stands on the terminal
	said    bool // a plain line has told the present counts
	done    int
	total   int
	note    string
}

// How often a line is drawn: the eye needs no more, a log file much less, and
// of long work less still.
const (
	redraw    = 100 * time.Millisecond
	plainLine = 10 * time.Second
	longWork  = 2 * time.Minute
	longLine  = time.Minute
)

// NewProgress begins to count. A Style without a Width writes plain lines.
func NewProgress(w io.Writer, s Style, now func() time.Time) *Progress {
	return &Progress{w: w, style: s, now: now, started: now()}
}

// Update says that done of total is done (total 0: not known yet), and what is
// waited for: "EnableKeyRotation 15/s in us-east-1".
func (p *Progress) Update(done, total int, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total, p.note, p.said = done, total, note, false
	now := p.now()
	end := p.style.Width > 0 && total > 0 && done >= total // a plain line says it in Done: totals grow
	if !p.last.IsZero() && now.Sub(p.last) < p.every(now) && !end {
		return
	}
	p.last = now
	p.draw(now)
}

// every is how long a line stands before the next.
func (p *Progress) every(now time.Time) time.Duration {
	switch {
	case p.style.Width > 0:
		return redraw
	case now.Sub(p.started) > longWork:
		return longLine
	}
	return plainLine
}

// Line prints a whole line above the progress, which stays the last line.
func (p *Progress) Line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	_, _ = fmt.Fprintln(p.w, text)
	if p.style.Width > 0 && !p.last.IsZero() {
		p.draw(p.now())
	}
}

// Done takes the line off the terminal, so that results follow in clear. Where
// there is no terminal, it says once how far the work came.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	if p.style.Width <= 0 && !p.last.IsZero() && !p.said {
		p.draw(p.now())
	}
}

func (p *Progress) clear() {
	if p.shown {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
		p.shown = false
	}
}

func (p *Progress) draw(now time.Time) {
	text := p.counts(now)
	if p.style.Width <= 0 {
		_, _ = fmt.Fprintln(p.w, text)
		p.said = true
		return
	}
	text = p.bar() + text
	_, _ = io.WriteString(p.w, "\r\x1b[K"+ansi.Truncate(text, p.style.Width-1, p.style.ellipsis()))
	p.shown = true
}

func (p *Progress) counts(now time.Time) string {
	parts := []string{count(p.done)}
	if p.total > 0 {
		parts[0] = count(p.done) + "/" + count(p.total)
	}
	if left, known := p.left(now); known {
		parts = append(parts, left)
	}
	if p.note != "" { // last, for it is what a narrow terminal cuts
		parts = append(parts, p.style.text(p.note))
	}
	return strings.Join(parts, p.style.dot())
}

// left guesses the time to the end once there is something to guess from: the
// first of many waits for what the others find ready.
func (p *Progress) left(now time.Time) (string, bool) {
	spent := now.Sub(p.started)
	if p.done*20 < p.total || p.done <= 0 || p.total <= p.done || spent < 2*time.Second {
		return "", false
	}
	rest := time.Duration(float64(spent) / float64(p.done) * float64(p.total-p.done))
	return rest.Round(time.Second).String() + " left", true
}

func (p *Progress) bar() string {
	width := min(32, p.style.Width/3)
	if p.total <= 0 || width < 8 {
		return ""
	}
	full := min(width, width*p.done/p.total)
	return strings.Repeat(p.style.pick("█", "#"), full) + p.style.dim(strings.Repeat(p.style.pick("░", "."), width-full)) + " "
}
