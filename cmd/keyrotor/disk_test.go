package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// smallDisk mounts a disk of that many KiB, where this process may.
func smallDisk(t *testing.T, dir string, kib string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		t.Skip("a disk that fills up is mounted by root alone")
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+kib+"k", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no disk can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

func TestApplyOnAFullDiskStopsBeforeTheNextEffectAndGoesOnLater(t *testing.T) {
	const keys = 20
	w, url := watch(t, many(keys), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	state := filepath.Join(r.dir, "state")
	smallDisk(t, state, "1024")
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	r.approve()

	// The disk fills up while changes are under way.
	ballast := filepath.Join(state, "ballast")
	w.arm("EnableKeyRotation", 4, duringEffect, func() {
		_ = os.WriteFile(ballast, make([]byte, 2<<20), 0o600) // takes all there is, and fails
	})
	code, out := r.run("apply", "plan.json")
	if code != exitBroken {
		t.Fatalf("exit code %d, want %d\n%s", code, exitBroken, out)
	}
	for _, want := range []string{"no space left on device", "\n  now   ", "\n  next  make room"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	intents := strings.Count(r.read("log/journal.jsonl"), `"type":"intent"`)
	effects := len(w.effectsOf("EnableKeyRotation"))
	if effects > intents || effects == keys {
		t.Errorf("%d effects with %d intents on record", effects, intents)
	}

	// Still full: nothing is begun.
	if code, out := r.run("apply", "plan.json"); code != exitBroken {
		t.Errorf("on a disk that is still full: exit code %d\n%s", code, out)
	}
	if again := len(w.effectsOf("EnableKeyRotation")); again != effects {
		t.Errorf("%d effects were begun without a record", again-effects)
	}

	// A scan there says so too, and leaves the runs that were there alone.
	if code, out := r.run("scan"); code != exitBroken || !strings.Contains(out, "make room") {
		t.Errorf("scan on a full disk: exit code %d\n%s", code, out)
	}

	w.arm("", 0, 0, nil)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	r.must(exitDone, "apply", "plan.json")
	for key, n := range w.effectsOf("EnableKeyRotation") {
		if n != 1 {
			t.Errorf("%s was enabled %d times", key, n)
		}
	}
	if got := len(w.effectsOf("EnableKeyRotation")); got != keys {
		t.Errorf("%d keys are enabled, want %d", got, keys)
	}
	r.must(exitDone, "verify")
	r.must(exitDone, "evidence", "verify", "state")
	for _, o := range r.outcomes() {
		if o.State != keyrotor.Succeeded {
			t.Errorf("%s ended %s (%s)", o.Target.Name, o.State, o.Reason)
		}
	}
}
