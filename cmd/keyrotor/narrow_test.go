package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/report"
)

// narrow is a program at a terminal of 80 columns.
func narrow() (p *program, out, errs *bytes.Buffer) {
	p, out, errs = silent()
	p.style, p.errStyle = report.Style{Width: 80}, report.Style{Width: 80}
	return p, out, errs
}

// tooWide are the lines of more than 80 columns, but for those that are set in to be
// pasted.
func tooWide(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if ansi.StringWidth(line) > 80 && !strings.Contains(line, "  keyrotor ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestHelpFitsEightyColumns(t *testing.T) {
	p, _, _ := silent()
	each(p.rootCmd(), func(c *cobra.Command) {
		if strings.HasPrefix(c.CommandPath(), "keyrotor completion ") || c.IsAdditionalHelpTopicCommand() {
			return
		}
		p, out, _ := narrow()
		p.run(t.Context(), append(strings.Fields(c.CommandPath())[1:], "--help"))
		for _, line := range tooWide(out.String()) {
			t.Errorf("%s --help: %q", c.CommandPath(), line)
		}
	})
	p, out, _ := narrow()
	p.run(t.Context(), []string{"--help"})
	if words := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(words, "without breaking anyone, and can prove it") || !strings.Contains(out.String(), "\n    scan ▶ assess ▶ plan") {
		t.Errorf("folding lost words or the loop:\n%s", out)
	}
}

func TestErrorsBreakBetweenWordsAndKeepCommandsWhole(t *testing.T) {
	p, _, errs := narrow()
	long := strings.TrimSpace(strings.Repeat("word ", 40))
	next := "keyrotor --config somewhere/far/away/keyrotor.yaml approve --all --key KEY a-plan-of-some-length.json"
	p.explainError(nil, &keyrotor.Problem{Err: errors.New(long), Now: long, Next: next + "   " + long + "\n" + long})
	for _, line := range tooWide(errs.String()) {
		t.Errorf("%q", line)
	}
	if !strings.Contains(errs.String(), "  next  "+next+"\n") {
		t.Errorf("the command is not a line of its own:\n%s", errs)
	}
	if got := strings.Count(errs.String(), "word"); got != 160 {
		t.Errorf("%d of 160 words are left", got)
	}
}

func TestTheCheckOfTheRecordFitsEightyColumnsAndBreaksNoWord(t *testing.T) {
	p, out, _ := narrow()
	cannot := "that whoever holds the ledger's key wrote all of it anew; name the key's public half, which was kept elsewhere (--key FILE), to exclude it"
	p.showCheck("state", ledger.VerifyOptions{}, ledger.Report{Runs: 1, Entries: 12, Artifacts: 9, Head: "3:" + strings.Repeat("h", 44), CannotExclude: []string{cannot}, Notices: []string{cannot}})
	for _, line := range tooWide(out.String()) {
		t.Errorf("%q", line)
	}
	if got := strings.Join(strings.Fields(out.String()), " "); strings.Count(got, cannot) != 2 {
		t.Errorf("a word is broken:\n%s", out)
	}
}

func TestDoctorAndRunsFitEightyColumns(t *testing.T) {
	p, out, _ := narrow()
	s := &session{program: p}
	long := strings.TrimSpace(strings.Repeat("word ", 30))
	s.showDoctorCheck(aws.DoctorCheck{Account: "111122223333", Region: "ap-southeast-1", Role: aws.RoleScan, Check: "kms:GetKeyRotationStatus", Status: aws.CheckFailed, Detail: long, Fix: long})
	p.hang("20261121T101502Z-5f3c ", long)
	for _, line := range tooWide(out.String()) {
		t.Errorf("%q", line)
	}
	if got := strings.Count(out.String(), "word"); got != 90 {
		t.Errorf("%d of 90 words are left:\n%s", got, out)
	}
}
