package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

func TestClean(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain text is left alone":              {"payments – größer ✓ 鍵", "payments – größer ✓ 鍵"},
		"a terminal escape is shown":            {"\x1b[2J\x1b]0;title\x07", `\x1b[2J\x1b]0;title\x07`},
		"the 8-bit escape is shown":             {"\u009b31m", `\x9b31m`},
		"a new line does not forge a row":       {"a\nb\r\tc", `a\nb\r\tc`},
		"direction overrides are shown":         {"gpj.\u202eexe", `gpj.\u202eexe`},
		"isolates are shown":                    {"\u2066x\u2069", `\u2066x\u2069`},
		"invisible characters are shown":        {"a\u200bb\ufeff", `a\u200bb\ufeff`},
		"characters beyond the first plane":     {"\U000e0041", `\U000e0041`},
		"broken UTF-8 is shown byte by byte":    {"a\xff\xc3", `a\xff\xc3`},
		"the replacement character may be real": {"\ufffd", "\ufffd"},
		"separators of lines are shown":         {"a\u2028b", `a\u2028b`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := report.Clean(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "plain", hostile, "\xff", "\u202e", "a\nb", "\u009b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := report.Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q: not UTF-8: %q", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("%q: left %q", s, r)
			}
		}
		if again := report.Clean(got); again != got {
			t.Fatalf("%q: cleaned twice %q, once %q", s, again, got)
		}
		if cell := report.CSVCell(s); cell != "" && strings.ContainsRune("=+-@\t\r", rune(strings.TrimSpace(cell + "x")[0])) {
			t.Fatalf("%q: a formula: %q", s, cell)
		}
	})
}

func TestCSVCell(t *testing.T) {
	for in, want := range map[string]string{
		"plain":           "plain",
		"a=b":             "a=b",
		"=1+1":            "'=1+1",
		"+1":              "'+1",
		"-1":              "'-1",
		"@SUM(A1)":        "'@SUM(A1)",
		"\t=1":            `'\t=1`,
		"\r=1":            `'\r=1`,
		"  =1":            "'  =1",
		"\u200b=1":        `'\u200b=1`,
		"":                "",
		"arn:aws:kms:x:y": "arn:aws:kms:x:y",
	} {
		if got := report.CSVCell(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	run := realisticRun(40)
	for _, f := range []report.Format{report.JSON, report.YAML, report.CSV, report.Markdown} {
		for name, doc := range map[string]any{
			"keys": report.AssessmentRows(run.Assessments), "plan": *run.Plan, "changes": report.PlanRows(*run.Plan), "outcomes": report.OutcomeRows(run.Outcomes),
			"verifications": report.VerificationRows(run.Verifications), "places": report.PlaceRows(run.Places), "rules": report.RuleRows(run.Rules, itself),
		} {
			t.Run(string(f)+" "+name, func(t *testing.T) {
				var b bytes.Buffer
				if err := report.Write(&b, f, doc); err != nil {
					t.Fatal(err)
				}
				harmless(t, b.String())
				readBack(t, f, b.Bytes())
			})
		}
	}
	t.Run("an unknown format is refused", func(t *testing.T) {
		if err := report.Write(&bytes.Buffer{}, "xml", report.RuleRows(run.Rules, itself)); err == nil {
			t.Error("got no error")
		}
	})
}

// harmless fails on anything a terminal would obey.
func harmless(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Fatalf("%q is in the output raw", r)
		}
	}
}

// readBack parses the output with a parser that is not ours.
func readBack(t *testing.T, f report.Format, text []byte) {
	t.Helper()
	switch f {
	case report.JSON:
		for line := range bytes.Lines(text) {
			var v struct {
				Schema  string `json:"schema"`
				Version int    `json:"version"`
			}
			if err := json.Unmarshal(line, &v); err != nil {
				t.Fatal(err)
			}
		}
	case report.YAML:
		dec := yaml.NewDecoder(bytes.NewReader(text))
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
	case report.CSV:
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) < 2 {
			t.Errorf("got %d rows", len(rows))
		}
	}
}

func TestYAMLIsTheSameValueAsJSON(t *testing.T) {
	doc := report.Document{Schema: "x", Version: 1, Body: map[string]any{
		"on": "no", "12": "0123", "empty": "", "list": []any{[]any{"a", 1}, map[string]any{"k": []string{}}, nil, true},
		"hostile": hostile, "nested": map[string]any{"a": map[string]any{}}, "- x": "- y: z # no", "wide": "\U000e0041 ✓", "number": 1.5,
	}}
	var y, j bytes.Buffer
	if err := report.Write(&y, report.YAML, doc); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(&j, report.JSON, doc); err != nil {
		t.Fatal(err)
	}
	var read, want any
	if err := yaml.Unmarshal(y.Bytes(), &read); err != nil {
		t.Fatalf("%v\n%s", err, y.String())
	}
	if err := json.Unmarshal(j.Bytes(), &want); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(read) // brings both to the same number types
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(again, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-json +yaml):\n%s\n%s", diff, y.String())
	}
}

func TestDiff(t *testing.T) {
	run := realisticRun(1400)
	d, err := report.Diff(run, changed(run))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.New) != 1 || len(d.Gone) == 0 || len(d.Better) == 0 || len(d.Worse) == 0 {
		t.Errorf("got %d new, %d gone, %d better, %d worse", len(d.New), len(d.Gone), len(d.Better), len(d.Worse))
	}
	for _, w := range d.Worse {
		if w.Before != keyrotor.ViewRotating || w.After != keyrotor.ViewTarget {
			t.Errorf("%s: %s to %s is not worse", w.Target.ID, w.Before, w.After)
		}
	}
	same, err := report.Diff(run, run)
	if err != nil {
		t.Fatal(err)
	}
	if len(same.New)+len(same.Gone)+len(same.Better)+len(same.Worse) != 0 {
		t.Errorf("a run differs from itself: %+v", same)
	}
}

func itself(r keyrotor.RuleInfo) keyrotor.RuleInfo { return r }
