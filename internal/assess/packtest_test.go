package assess_test

import (
	"os"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The built-in pack is tested as users test theirs: the file is an example.
func TestTheBuiltinPackPassesItsOwnTestFile(t *testing.T) {
	t.Parallel()
	results, err := assess.TestPack(builtin(t), read(t, "testdata/builtin_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, r := range results {
		tested[r.Rule] = true
		if !r.OK {
			t.Errorf("line %d, %s: %s is %s (%s), want %s %s", r.Line, r.Test, r.Rule, r.Got, r.Message, r.Want, r.WantMessage)
		}
	}
	for _, r := range builtin(t).Rules() {
		if !tested[r.ID] {
			t.Errorf("rule %s is not tested by the file", r.ID)
		}
	}
}

func TestTheExamplePackOfTheManualPassesItsTests(t *testing.T) {
	t.Parallel()
	pack, err := assess.LoadPack("own.yaml", read(t, "testdata/own.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	results, err := assess.TestPack(pack, read(t, "testdata/own_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 10 {
		t.Errorf("got %d results, want 10", len(results))
	}
	for _, r := range results {
		if !r.OK {
			t.Errorf("line %d, %s: %s is %s (%s), want %s", r.Line, r.Test, r.Rule, r.Got, r.Message, r.Want)
		}
	}
}

func TestAWrongExpectationIsReportedAndNotAnError(t *testing.T) {
	t.Parallel()
	results, err := assess.TestPack(builtin(t), []byte(`
tests:
  - name: rotation is off
    asset: {rotation: {on: false}}
    expect: {kms-rotation-on: pass, kms-public-policy: unknown}
  - name: the message differs
    asset: {rotation: {on: false}}
    expect: {kms-rotation-on: fail}
    messages: {kms-rotation-on: rotation is on}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 3 {
		t.Fatalf("got %d results, want 3", len(results))
	}
	if r := results[0]; r.OK && results[1].OK {
		t.Errorf("got %+v, want a failed expectation", r)
	}
	if r := results[2]; r.OK || r.Got != keyrotor.Fail || r.Message != "rotation is off" {
		t.Errorf("got %+v, want a message that differs", r)
	}
}
