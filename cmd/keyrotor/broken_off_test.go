package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/testenv"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// brokenOff is a state with one run that was applied whole, and a later one whose
// first apply was killed after its first effect.
func brokenOff(t *testing.T) (r *rig, whole, broken string) {
	t.Helper()
	w, url := watch(t, many(4), sandbox.Options{})
	r = newRig(t, url, sandbox.Management)
	whole = scannedRun(t, r)
	r.must(exitDone, "plan")
	r.approve()
	r.must(exitDone, "apply", "plan.json")
	broken = scannedRun(t, r)
	r.must(exitDone, "plan", "set-period", "--period", "180", "--select", "asset.rotation.on")
	r.approve()
	if killed, code := r.applyAndKill(w, crash{operation: "EnableKeyRotation", at: 2, when: afterEffect}); !killed {
		t.Fatalf("apply was not killed: exit code %d", code)
	}
	return r, whole, broken
}

func TestVerifyOfARunThatWasBrokenOffConfirmsNoOlderOne(t *testing.T) {
	testenv.Slow(t, "several applies")
	r, whole, broken := brokenOff(t)
	if out := r.must(exitDone, "report", "--output", "markdown"); strings.Contains(out, "Nothing of it has been carried out") || !strings.Contains(out, "a call was announced, and its answer is not in the log") {
		t.Errorf("the report knows nothing of what was done before the kill:\n%s", out)
	}
	for _, args := range [][]string{{"verify"}, {"verify", "--run", broken}} {
		out := r.must(exitRefused, args...)
		if strings.Contains(out, "confirmed") || strings.Contains(out, whole) {
			t.Errorf("keyrotor %v speaks of another run:\n%s", args, out)
		}
		for _, want := range []string{"the last apply of run " + broken + " ended before it wrote its outcomes", "keyrotor plan --undo " + broken} {
			if !strings.Contains(out, want) {
				t.Errorf("keyrotor %v does not say %q:\n%s", args, want, out)
			}
		}
		// The next command can be pasted, and does what it says.
		next := regexp.MustCompile(`(?m)^  next +keyrotor (apply \S+)`).FindStringSubmatch(out)
		if next == nil {
			t.Fatalf("no apply is offered:\n%s", out)
		}
		if len(args) > 1 {
			r.must(exitDone, strings.Fields(next[1])...)
		}
	}
	if out := r.must(exitDone, "verify"); !strings.Contains(out, "Run      "+broken+"\n") || !strings.Contains(out, "4 of 4 confirmed") {
		t.Errorf("got\n%s\nwant the run that was taken up, confirmed", out)
	}
}

func TestVerifyNamesTheRunItLookedAtAndNewerScans(t *testing.T) {
	testenv.Slow(t, "several scans and an apply")
	_, url := watch(t, many(2), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	first := scannedRun(t, r)
	// Nothing was carried out yet: there is nothing to verify, and apply is next.
	r.must(exitDone, "plan")
	out := r.must(exitRefused, "verify", "--run", first)
	if !strings.Contains(out, "nothing of the plan of run "+first+" has been carried out") || !strings.Contains(out, first+"/plan.json") {
		t.Errorf("got\n%s", out)
	}
	r.approve()
	r.must(exitDone, "apply", "plan.json")
	if out := r.must(exitDone, "verify"); !strings.HasPrefix(out, "Run      "+first+"\n") && !strings.Contains(out, "\nRun      "+first+"\n") {
		t.Errorf("the run is not named:\n%s", out)
	}
	second := scannedRun(t, r)
	out = r.must(exitDone, "verify")
	if want := "Run      " + first + ", the newest of which anything was carried out; run " + second + " is a newer scan\n"; !strings.Contains(out, want) {
		t.Errorf("got\n%s\nwant %q", out, want)
	}
	third := scannedRun(t, r)
	out = r.must(exitDone, "verify")
	if want := "there are 2 newer scans, the last is run " + third + "\n"; !strings.Contains(out, want) {
		t.Errorf("got\n%s\nwant %q", out, want)
	}
	if out := r.must(exitDone, "verify", "--run", first); strings.Contains(out, "newer") {
		t.Errorf("who named the run is told of others:\n%s", out)
	}
}

// scannedRun scans and returns the run's id.
func scannedRun(t *testing.T, r *rig) string {
	t.Helper()
	out := r.must(exitDone, "scan")
	found := regexp.MustCompile(`(?m)^  run +(\S+)`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no run in\n%s", out)
	}
	return found[1]
}
