package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// long says whether the long loops run: where everything is required.
func long() bool { return !testing.Short() && os.Getenv(testenv.Require) != "" }

func pick(short, whole int) int {
	if long() {
		return whole
	}
	return short
}

// crash is apply, killed with SIGKILL at a request to AWS.
type crash struct {
	operation string // count only these; "" is every request
	at        int
	when      moment
}

func (c crash) String() string { return fmt.Sprintf("%s request %d of %q", c.when, c.at, c.operation) }

// applyAndKill runs one apply that dies at the crash, and reports whether it
// did; one that ended before has exited with code.
func (r *rig) applyAndKill(w *onlooker, c crash) (killed bool, code int) {
	r.t.Helper()
	cmd := r.command("apply", "plan.json")
	started := make(chan struct{})
	w.arm(c.operation, c.at, c.when, func() {
		<-started
		_ = cmd.Process.Kill() // the wait below tells
		for !dead(cmd.Process.Pid) {
			time.Sleep(time.Millisecond)
		}
	})
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	close(started)
	_ = cmd.Wait() // its state says all
	w.arm("", 0, 0, nil)
	return !cmd.ProcessState.Exited(), cmd.ProcessState.ExitCode()
}

// dead reports whether a killed process holds no file and no lock any more.
func dead(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// journal is the whole lines of the run's log; each crash must leave those that
// the one before left.
func (r *rig) journal(before string) string {
	r.t.Helper()
	if found, _ := filepath.Glob(filepath.Join(r.dir, "state", "runs", "*", "log", "journal.jsonl")); len(found) == 0 && before == "" {
		return "" // killed before there was anything to record
	}
	now := r.read("log/journal.jsonl")
	if end := strings.LastIndexByte(now, '\n'); end >= 0 {
		now = now[:end+1] // what follows was never acknowledged
	} else {
		now = ""
	}
	if !strings.HasPrefix(now, before) {
		r.t.Fatalf("the log lost lines that were there before the crash:\nbefore\n%s\nafter\n%s", before, now)
	}
	return now
}

// outcomes are those of the only run.
func (r *rig) outcomes() []keyrotor.Outcome {
	r.t.Helper()
	var all []keyrotor.Outcome
	for line := range strings.Lines(r.read("outcomes.jsonl")) {
		var o keyrotor.Outcome
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			r.t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

// finish applies without crashes until nothing is open, and proves the record.
func (r *rig) finish(before string) []keyrotor.Outcome {
	r.t.Helper()
	code, out := r.run("apply", "plan.json")
	if code != exitDone && code != exitPart {
		r.t.Fatalf("the last apply: exit code %d\n%s", code, out)
	}
	r.journal(before)
	r.must(exitDone, "evidence", "verify", "state")
	return r.outcomes()
}

func TestApplyKilledAgainAndAgainEndsWithEveryKeyEnabledOnce(t *testing.T) {
	testenv.Slow(t, "takes seconds")
	const keys = 12
	w, url := watch(t, many(keys), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	r.approve()

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(1, seed))
	before, kills := "", 0
	for range pick(8, 25) {
		c := crash{at: 1 + chance.IntN(9), when: moment(chance.IntN(3))}
		killed, code := r.applyAndKill(w, c)
		if !killed && code != exitDone {
			t.Fatalf("%s: exit code %d", c, code)
		}
		if !killed {
			break // everything was done before the crash came
		}
		kills++
		before = r.journal(before)
	}
	for _, o := range r.finish(before) {
		if o.State != keyrotor.Succeeded {
			t.Errorf("%s ended %s (%s), want succeeded", o.Target.Name, o.State, o.Reason)
		}
	}
	if kills == 0 {
		t.Error("no apply was killed: this test shows nothing")
	}
	enabled := w.effectsOf("EnableKeyRotation")
	if len(enabled) != keys {
		t.Errorf("%d keys were enabled, want %d", len(enabled), keys)
	}
	for key, n := range enabled {
		if n != 1 {
			t.Errorf("EnableKeyRotation took effect %d times on %s, want once", n, key)
		}
	}
	r.must(exitDone, "verify")
	r.must(exitDone, "evidence", "verify", "state")
}

// Every boundary of the call itself: the request is not sent on, is sent on
// after keyrotor is gone, and has its effect with nobody to hear of it.
func TestRotateNowKilledAtTheCallNeverRotatesTwice(t *testing.T) {
	testenv.Slow(t, "a killed process")
	w, url := watch(t, many(pick(3, 6)), sandbox.Options{RotationTakes: 50 * time.Millisecond})
	r := newRig(t, url, sandbox.Management)
	r.must(exitDone, "scan")
	r.must(exitDone, "plan", "rotate-now", "--select", "true")
	r.approve()
	before := ""
	for i := range pick(3, 6) {
		c := crash{operation: "RotateKeyOnDemand", at: 1, when: moment(i % 3)}
		if killed, code := r.applyAndKill(w, c); !killed && code != exitDone && code != exitPart {
			t.Fatalf("%s: exit code %d", c, code)
		}
		before = r.journal(before)
	}
	outcomes := r.finish(before)
	rotated := w.effectsOf("RotateKeyOnDemand")
	for _, o := range outcomes {
		n := rotated[o.Target.ID]
		switch {
		case n > 1:
			t.Errorf("%s was rotated %d times", o.Target.Name, n)
		case n == 1 && o.State != keyrotor.Succeeded && o.State != keyrotor.Unproven:
			t.Errorf("%s was rotated and ended %s (%s)", o.Target.Name, o.State, o.Reason)
		case n == 0 && o.State == keyrotor.NotStarted:
			// The check after the canary wave saw too many doubts to go on.
		case n == 0 && o.State != keyrotor.Unproven:
			t.Errorf("%s was not rotated and ended %s (%s), want unproven: the call may have been made", o.Target.Name, o.State, o.Reason)
		}
	}
}

func TestCreateKeyKilledAnywhereMakesOneKeyAtMost(t *testing.T) {
	testenv.Slow(t, "takes seconds")
	for _, c := range []crash{
		{"CreateKey", 1, beforeEffect}, {"CreateKey", 1, duringEffect}, {"CreateKey", 1, afterEffect},
		{"CreateAlias", 1, beforeEffect}, {"CreateAlias", 1, afterEffect},
		{"EnableKeyRotation", 1, beforeEffect}, {"EnableKeyRotation", 1, afterEffect},
	} {
		if !long() && c.when != afterEffect {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			w, url := watch(t, many(1), sandbox.Options{})
			r := newRig(t, url, sandbox.Management)
			r.must(exitDone, "scan")
			r.must(exitDone, "plan", "create-key", "--account", sandbox.Management, "--region", "us-east-1", "--alias", "alias/fresh", "--tag", "owner=me")
			r.approve()
			if killed, code := r.applyAndKill(w, c); !killed {
				t.Fatalf("ended with %d before the crash came", code)
			}
			outcomes := r.finish(r.journal(""))
			made := 0
			for _, n := range w.effectsOf("CreateKey") {
				made += n
			}
			switch state := outcomes[0].State; {
			case made > 1:
				t.Errorf("%d keys were made", made)
			case made == 1 && state != keyrotor.Succeeded:
				t.Errorf("a key was made, and the change ended %s (%s)", state, outcomes[0].Reason)
			case made == 0 && state != keyrotor.Unproven:
				t.Errorf("no key was made, and the change ended %s (%s), want unproven", state, outcomes[0].Reason)
			}
		})
	}
}

// A connection that was lost killed apply like kill -9: what was under way became
// unproven.
func TestApplyEndsCleanlyWhenItIsToldTo(t *testing.T) {
	for name, signals := range map[string][]os.Signal{
		"from the keyboard":                   {os.Interrupt},
		"by a service manager":                {syscall.SIGTERM},
		"by a terminal that is closed, twice": {syscall.SIGHUP, syscall.SIGHUP},
	} {
		t.Run(name, func(t *testing.T) {
			if signals[0] != os.Interrupt {
				testenv.Slow(t, "the same by another signal")
			}
			applyEndsCleanly(t, signals)
		})
	}
}

func applyEndsCleanly(t *testing.T, signals []os.Signal) {
	t.Helper()
	w, url := watch(t, many(8), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	r.approve()
	cmd := r.command("apply", "plan.json")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	started := make(chan struct{})
	w.arm("EnableKeyRotation", 2, afterEffect, func() {
		<-started
		for _, s := range signals {
			_ = cmd.Process.Signal(s) // the exit code below tells
			time.Sleep(100 * time.Millisecond)
		}
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	_ = cmd.Wait() // its state says all
	// None failed, and the same command goes on: that is waiting, not done in part.
	if code := cmd.ProcessState.ExitCode(); code != exitWaiting {
		t.Fatalf("exit code %d, want %d\n%s", code, exitWaiting, &said)
	}
	for _, want := range []string{"keyrotor: interrupted", "What holds now", "keyrotor apply plan.json"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &said)
		}
	}
	w.arm("", 0, 0, nil)
	if n := len(w.effectsOf("EnableKeyRotation")); n == 0 || n == 8 {
		t.Errorf("%d keys were enabled when it ended: this test shows nothing", n)
	}
	r.must(exitDone, "evidence", "verify", "state")
	for _, o := range r.finish(r.journal("")) {
		if o.State != keyrotor.Succeeded {
			t.Errorf("%s ended %s, want succeeded", o.Target.Name, o.State)
		}
	}
}
