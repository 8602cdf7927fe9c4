package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/report"
)

func TestOfALongLineItsBeginningAndItsEndAreSaid(t *testing.T) {
	for name, text := range map[string]string{
		"letters": "begin " + strings.Repeat("x", 1<<20) + " end",
		"umlauts": "begin " + strings.Repeat("ä", 1<<19) + " end",
		"escapes": "begin " + strings.Repeat("\x1b", 1<<18) + " end",
	} {
		t.Run(name, func(t *testing.T) {
			got := said(text)
			if len(got) > mostSaid+50 || !strings.HasPrefix(got, "begin ") || !strings.HasSuffix(got, " end") {
				t.Errorf("%d bytes: %.40s … %s", len(got), got, got[len(got)-10:])
			}
			if !utf8.ValidString(got) || report.Clean(got) != got {
				t.Errorf("it is not fit for a terminal: %q", got)
			}
		})
	}
	if short := "as it is"; said(short) != short {
		t.Errorf("got %q, want %q", said(short), short)
	}
}

// A terminal without UTF-8 is sent none of the house's signs, whichever command
// prints them.
func TestAPlainTerminalIsSentPlainSigns(t *testing.T) {
	for name, show := range map[string]func(*program){
		"a record that is whole": func(p *program) { p.showCheck("state", ledger.VerifyOptions{}, ledger.Report{Runs: 1}) },
		"a record that is not": func(p *program) {
			p.showCheck("state", ledger.VerifyOptions{}, ledger.Report{Faults: []ledger.Fault{{}}})
		},
		"help":                     func(p *program) { p.run(t.Context(), []string{"--help"}) },
		"help of a command":        func(p *program) { p.run(t.Context(), []string{"iam-policy", "--help"}) },
		"the signs of doctor":      func(p *program) { p.say("%s%s%s", p.aligned("✓"), p.aligned("✗"), p.aligned("–")) },
		"the words of the outcome": func(p *program) { p.say("%s", "1 succeeded · 2 failed …") },
	} {
		t.Run(name, func(t *testing.T) {
			p, out, _ := silent()
			p.style = report.Style{Width: 80, ASCII: true}
			show(p)
			for _, r := range out.String() {
				if r > 0x7e {
					t.Fatalf("it prints %q:\n%s", r, out)
				}
			}
			if out.Len() == 0 {
				t.Error("it prints nothing")
			}
		})
	}
}
