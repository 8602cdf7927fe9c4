package main

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// scriptBudget runs a command and demands that KMS was called just as often as
// the plan says: apply by what it counts, verify by what it counts apart.
func scriptBudget(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: budget PLAN.json keyrotor COMMAND …")
	}
	pl, err := plan.Decode(args[0], []byte(ts.ReadFile(args[0])))
	ts.Check(err)
	before := boxOf(ts).Calls()
	ts.Check(ts.Exec(args[1], args[2:]...))
	want := map[string]int{}
	for _, b := range pl.Budget {
		n := b.Count
		if args[2] == "verify" {
			n = b.Verify
		}
		want[b.Account+"/"+b.Region+"/"+b.Call] += n
	}
	got := map[string]int{}
	for call, n := range boxOf(ts).Calls() {
		if strings.Contains(call, "/kms:") {
			got[call] = n - before[call]
		}
	}
	none := func(_ string, n int) bool { return n == 0 }
	maps.DeleteFunc(want, none)
	maps.DeleteFunc(got, none)
	if diff := cmp.Diff(want, got); diff != "" {
		ts.Fatalf("calls of %s (-in the plan +made):\n%s", strings.Join(args[1:], " "), diff)
	}
	if len(want) == 0 {
		ts.Fatalf("%s: the plan expects no call at all", args[0])
	}
}

// The script holds a plan of every verb against the calls that were made.
func TestABudgetIsHeldAgainstTheCallsOfEveryKindOfChange(t *testing.T) {
	script, err := os.ReadFile("testdata/script/budget.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []keyrotor.Verb{
		keyrotor.EnableRotation, keyrotor.SetPeriod, keyrotor.DisableRotation, keyrotor.RotateNow,
		keyrotor.CreateKey, keyrotor.CreateAlias, keyrotor.TagKey, keyrotor.UntagKey,
	} {
		if !strings.Contains(string(script), `"verb": "`+string(verb)+`"`) {
			t.Errorf("no plan of budget.txt is known to hold %s", verb)
		}
	}
}
