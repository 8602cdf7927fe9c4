package report_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares text with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", name, diff)
	}
}

// faces are the transcripts, by name.
func faces(run report.Run) map[string]func(io.Writer, report.Style) error {
	next := []report.Next{{Command: "keyrotor plan -o plan.json", About: "the target list would be changed"}, {Command: "keyrotor plan --rotate-overdue -o plan.json", About: "and the overdue rotated now"}}
	target := firstOf(run, keyrotor.ViewTarget)
	change := run.Plan.Changes[0]
	return map[string]func(io.Writer, report.Style) error{
		"scan":   func(w io.Writer, s report.Style) error { return report.ScanText(w, run, next, s) },
		"assess": func(w io.Writer, s report.Style) error { return report.AssessText(w, run, next, s) },
		"plan":   func(w io.Writer, s report.Style) error { return report.PlanText(w, *run.Plan, run.Now, next, s) },
		"apply": func(w io.Writer, s report.Style) error {
			return report.ApplyText(w, *run.Plan, run.Outcomes, run.Now, next, s)
		},
		"verify": func(w io.Writer, s report.Style) error {
			return report.VerifyText(w, *run.Plan, run.Outcomes, run.Verifications, run.Now, next, s)
		},
		"explain": func(w io.Writer, s report.Style) error {
			cost := keyrotor.Cost{FirstMonthly: 100, SecondMonthly: 100, PricesAsOf: "2026-11"}
			past := []report.Past{{Run: "20260102T030405Z-aaaa", At: run.Now.AddDate(0, -10, 0), What: "rotation found off"}}
			return report.ExplainText(w, report.Explanation{Assessment: target, Rules: run.Rules, Change: &change, Cost: &cost, Past: past, Now: run.Now}, next, s)
		},
		"diff": func(w io.Writer, s report.Style) error {
			d, err := report.Diff(run, changed(run))
			if err != nil {
				return err
			}
			return report.DiffText(w, d, next, s)
		},
	}
}

// changed is the run some days later: keys came, went, got better and worse.
func changed(run report.Run) report.Run {
	var all []keyrotor.Assessment
	n := 0
	_ = run.Assessments(func(a keyrotor.Assessment) error {
		n++
		switch {
		case n%101 == 0:
			return nil
		case n%37 == 0 && a.View == keyrotor.ViewRotating:
			a.View = keyrotor.ViewTarget
			a.Findings = []keyrotor.Finding{{Rule: "kms-rotation-on", Severity: keyrotor.High, Verdict: keyrotor.Fail}}
		case n%5 == 0 && a.View == keyrotor.ViewTarget:
			a.View, a.Findings = keyrotor.ViewRotating, slices.Clone(a.Findings)
			for i := range a.Findings {
				a.Findings[i].Verdict = keyrotor.Pass
			}
		}
		all = append(all, a)
		return nil
	})
	born := all[0]
	born.Asset.ARN += "-new"
	run.Assessments = assessments(append(all, born))
	return run
}

func TestTextFaces(t *testing.T) {
	run := realisticRun(1400)
	for name, face := range faces(run) {
		for suffix, style := range map[string]report.Style{
			"pipe":  {},
			"100":   {Width: 100},
			"ascii": {Width: 120, ASCII: true},
		} {
			t.Run(name+" "+suffix, func(t *testing.T) {
				var b bytes.Buffer
				if err := face(&b, style); err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+suffix+".txt", b.String())
				if strings.ContainsRune(b.String(), '\x1b') {
					t.Error("an escape sequence without colour")
				}
				if style.ASCII {
					for _, r := range b.String() {
						if r > 127 {
							t.Fatalf("%q in ASCII output", r)
						}
					}
				}
			})
		}
	}
}

func TestColourIsOnlyPaint(t *testing.T) {
	run := realisticRun(200)
	for name, face := range faces(run) {
		t.Run(name, func(t *testing.T) {
			var plain, painted bytes.Buffer
			if err := face(&plain, report.Style{Width: 100}); err != nil {
				t.Fatal(err)
			}
			if err := face(&painted, report.Style{Width: 100, Color: true}); err != nil {
				t.Fatal(err)
			}
			text := painted.String()
			for _, code := range []string{"0", "1", "2", "31", "32", "33"} {
				text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
			}
			if diff := cmp.Diff(plain.String(), text); diff != "" {
				t.Errorf("the words differ (-plain +painted):\n%s", diff)
			}
		})
	}
}

func TestEmptyRunsHaveFacesToo(t *testing.T) {
	run := report.Run{Now: testNow, Plan: &keyrotor.Plan{}}
	for _, face := range []func() error{
		func() error { return report.ScanText(io.Discard, run, nil, report.Style{}) },
		func() error { return report.AssessText(io.Discard, run, nil, report.Style{}) },
		func() error { return report.PlanText(io.Discard, keyrotor.Plan{}, testNow, nil, report.Style{}) },
		func() error { return report.ApplyText(io.Discard, keyrotor.Plan{}, nil, testNow, nil, report.Style{}) },
		func() error {
			return report.VerifyText(io.Discard, keyrotor.Plan{}, nil, nil, testNow, nil, report.Style{})
		},
		func() error {
			return report.ExplainText(io.Discard, report.Explanation{Now: testNow}, nil, report.Style{})
		},
		func() error { return report.DiffText(io.Discard, report.Difference{}, nil, report.Style{}) },
		func() error { return report.HTML(io.Discard, run) },
	} {
		if err := face(); err != nil {
			t.Error(err)
		}
	}
}

func TestWhen(t *testing.T) {
	for name, c := range map[string]struct {
		at   time.Time
		want string
	}{
		"within the year leaves it out": {testNow.AddDate(0, 0, 23), "in 23 days (14 Dec)"},
		"another year is named":         {testNow.AddDate(1, 0, 0), "in 365 days (21 Nov 2027)"},
		"minutes ago":                   {testNow.Add(-3 * time.Minute), "3 minutes ago (21 Nov)"},
		"one of a unit":                 {testNow.Add(time.Minute), "in 1 minute (21 Nov)"},
		"never told":                    {time.Time{}, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := report.When(c.at, testNow); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
