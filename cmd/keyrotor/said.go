package main

import (
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/keyrotor/keyrotor/internal/report"
)

// say prints a line whose own signs (✓ ✗ ·) the terminal may not have.
func (p *program) say(format string, args ...any) {
	fmt.Fprint(p.out, p.style.Plain(fmt.Sprintf(format, args...)))
}

// plainly writes help with the signs that the terminal has.
type plainly struct {
	to    io.Writer
	style report.Style
}

func (w plainly) Write(b []byte) (int, error) {
	if _, err := io.WriteString(w.to, w.style.Plain(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// mostSaid is how much of a line that tells of input is printed. A file may hold
// a number of a million digits, or all of its text in one line; the beginning
// says where, the end says why.
const mostSaid = 1000

// said is foreign text, fit for a line of a terminal.
func said(text string) string {
	text = report.Clean(text)
	if len(text) <= mostSaid {
		return text
	}
	head, tail := text[:mostSaid/2], text[len(text)-mostSaid/2:]
	for !utf8.ValidString(head) {
		head = head[:len(head)-1]
	}
	for !utf8.ValidString(tail) {
		tail = tail[1:]
	}
	return head + " … (" + strconv.Itoa(len(text)-len(head)-len(tail)) + " bytes) … " + tail
}
