//go:build unix

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// leftPipe is a pipe whose reader has gone, as head goes after its lines.
func leftPipe(t *testing.T) *os.File {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { writer.Close() })
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	return writer
}

func TestAReaderWhoLeavesEarlyEndsAListWithoutAWord(t *testing.T) {
	_, url := watch(t, many(3), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	r.must(exitDone, "scan")
	for _, line := range []string{"assess --all-rows", "assess --output json", "explain alias/k00", "--help"} {
		cmd := r.command(strings.Fields(line)...)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = leftPipe(t), &said
		_ = cmd.Run() // its state says all
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !ok || !status.Signaled() || status.Signal() != syscall.SIGPIPE {
			t.Errorf("keyrotor %s: %v, want the end that every program has there", line, cmd.ProcessState)
		}
		if said.Len() > 0 {
			t.Errorf("keyrotor %s says %q", line, said.String())
		}
	}
	r.must(exitDone, "evidence", "verify", "state")
}

// Ctrl-C ends the reader of "apply | tee log" too: that must not be the end of
// apply between a call and its record.
func TestApplyGoesOnWithoutAReader(t *testing.T) {
	const keys = 6
	w, url := watch(t, many(keys), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	r.approve()
	apply := r.command("apply", "plan.json")
	left := leftPipe(t)
	apply.Stdout, apply.Stderr = left, left
	_ = apply.Run() // its state says all
	if code := apply.ProcessState.ExitCode(); code != exitBroken {
		t.Errorf("%v, want exit code %d: nobody saw the result", apply.ProcessState, exitBroken)
	}
	if got := len(w.effectsOf("EnableKeyRotation")); got != keys {
		t.Errorf("%d keys are enabled, want %d", got, keys)
	}
	for _, o := range r.outcomes() {
		if o.State != keyrotor.Succeeded {
			t.Errorf("%s ended %s, want succeeded", o.Target.Name, o.State)
		}
	}
	r.must(exitDone, "evidence", "verify", "state")
}
