package assess

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// TestResult is one expectation of a test file held against what a rule said.
type TestResult struct {
	Test string           `json:"test"`
	Rule string           `json:"rule"`
	Line int              `json:"line"` // of the expectation, in the test file
	Want keyrotor.Verdict `json:"want"`
	Got  keyrotor.Verdict `json:"got"`
	// WantMessage is empty where the test does not care.
	WantMessage string   `json:"want_message,omitempty"`
	Message     string   `json:"message,omitempty"`
	Needs       []string `json:"needs,omitempty"`
	OK          bool     `json:"ok"`
}

// testFile is the YAML of a test file. Ages are written relative to now.
type testFile struct {
	Now              scalar     `yaml:"now"`
	CryptoperiodDays int        `yaml:"cryptoperiod_days"`
	Tests            []testCase `yaml:"tests"`
}

type testCase struct {
	Name     scalar            `yaml:"name"`
	Asset    testAsset         `yaml:"asset"`
	WasOn    *bool             `yaml:"was_on"`
	Expect   map[string]scalar `yaml:"expect"`
	Messages map[string]string `yaml:"messages"`
}

// TestPack runs the tests of a YAML file against a pack: each names the facts
// of an asset and the verdicts that rules must give.
func TestPack(pack *Pack, tests []byte) ([]TestResult, error) {
	var tf testFile
	f, err := decode("tests", tests, &tf)
	if err != nil {
		return nil, err
	}
	if len(tf.Tests) == 0 {
		return nil, f.errorAt(1, 1, "the file holds no tests; it has a list under \"tests:\"")
	}
	now, err := testNow(f, tf.Now)
	if err != nil {
		return nil, err
	}
	var results []TestResult
	for _, tc := range tf.Tests {
		got, err := runTest(f, pack, tf, tc, now)
		if err != nil {
			return nil, err
		}
		results = append(results, got...)
	}
	return results, nil
}

// testNow is the time of all tests of a file; any fixed time would do.
func testNow(f *file, s scalar) (time.Time, error) {
	if !s.set {
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), nil
	}
	return instant(f, s, time.Time{})
}

func runTest(f *file, pack *Pack, tf testFile, tc testCase, now time.Time) ([]TestResult, error) {
	if !tc.Name.set || len(tc.Expect) == 0 {
		at := firstSet(append([]scalar{tc.Name}, slices.Collect(maps.Values(tc.Expect))...)...)
		return nil, f.errorAt(at.line, at.column, "a test needs a name, an asset and an expect with at least one rule")
	}
	asset, err := tc.Asset.build(f, now)
	if err != nil {
		return nil, err
	}
	a, err := New(Options{
		Packs: []*Pack{pack}, Now: now, CryptoperiodDays: tf.CryptoperiodDays,
		Previous: func(string) (bool, bool) { return tc.WasOn != nil && *tc.WasOn, tc.WasOn != nil },
	})
	if err != nil {
		return nil, err
	}
	said := map[string]keyrotor.Finding{}
	for _, finding := range a.Assess(asset).Findings {
		said[finding.Rule] = finding
	}
	return compare(f, pack, tc, said)
}

// compare lists the expectations of a test in the order of its file.
func compare(f *file, pack *Pack, tc testCase, said map[string]keyrotor.Finding) ([]TestResult, error) {
	for _, id := range slices.Sorted(maps.Keys(tc.Messages)) {
		if _, expected := tc.Expect[id]; !expected {
			return nil, f.errorAt(tc.Name.line, tc.Name.column, "test "+tc.Name.text+": a message is given for "+id+", which expect does not name")
		}
	}
	var results []TestResult
	for id, want := range tc.Expect {
		if !slices.ContainsFunc(pack.rules, func(r *rule) bool { return r.ID == id }) {
			return nil, f.errorAt(want.line, want.column, "no rule "+fmt.Sprintf("%q", id)+" in "+pack.Name)
		}
		verdict := keyrotor.Verdict(want.text)
		switch verdict {
		case keyrotor.Pass, keyrotor.Fail, keyrotor.NotApplicable, keyrotor.Unknown:
		default:
			return nil, f.errorAt(want.line, want.column, fmt.Sprintf("verdict %q: use pass, fail, not-applicable or unknown", want.text))
		}
		got := said[id]
		got.Verdict = cmp.Or(got.Verdict, keyrotor.NotApplicable)
		message := strings.TrimSpace(tc.Messages[id])
		results = append(results, TestResult{
			Test: tc.Name.text, Rule: id, Line: want.line,
			Want: verdict, Got: got.Verdict, WantMessage: message, Message: got.Message, Needs: got.Needs,
			OK: got.Verdict == verdict && (message == "" || message == got.Message),
		})
	}
	slices.SortFunc(results, func(x, y TestResult) int {
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Rule, y.Rule))
	})
	return results, nil
}
