//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// disk is a place for the state that can become full while keyrotor writes.
type disk struct {
	prepare func(t *testing.T, r *rig) // before the first command
	fill    func(r *rig, pid int)      // while the process pid is applying
	free    func(t *testing.T, r *rig)
	cause   string // what keyrotor then says
	next    string
}

// smallDisk is a real file system of 1 MiB, filled to its last byte.
func smallDisk() disk {
	ballast := func(r *rig) string { return filepath.Join(r.dir, "state", "ballast") }
	return disk{
		prepare: func(t *testing.T, r *rig) {
			dir := filepath.Join(r.dir, "state")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1024k"); err != nil {
				t.Skip(cannotMount, err) // seen by ownMounts
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
					t.Errorf("unmount: %v", err)
				}
			})
		},
		fill: func(r *rig, _ int) {
			_ = os.WriteFile(ballast(r), make([]byte, 2<<20), 0o600) // takes all there is, and fails
		},
		free: func(t *testing.T, r *rig) {
			if err := os.Remove(ballast(r)); err != nil {
				t.Fatal(err)
			}
		},
		cause: "no space left on device", next: "\n  next  make room",
	}
}

// byteLimit is any disk, under a limit of the process on the size of its files:
// from then on not one more byte can be written. Every user may do this to
// oneself, in any container.
func byteLimit() disk {
	return disk{
		prepare: func(*testing.T, *rig) {},
		fill: func(r *rig, pid int) {
			limitFileSize(r.t, pid)
			r.wrap = []string{"/bin/sh", "-c", `ulimit -f 0; exec "$@"`, "sh"}
		},
		free:  func(_ *testing.T, r *rig) { r.wrap = nil },
		cause: "file too large", next: "\n  next  ",
	}
}

// limitFileSize is what ulimit -f 0 does, to a process that runs.
func limitFileSize(t testing.TB, pid int) {
	none := syscall.Rlimit{}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&none)), 0, 0, 0)
	if errno != 0 {
		t.Errorf("limit the files of process %d: %v", pid, errno)
	}
}

// inOwnMounts is set where the test binary runs itself in a namespace of its own.
const inOwnMounts = "KEYROTOR_TEST_OWN_MOUNTS"

// cannotMount is what it then says where even that is forbidden.
const cannotMount = "nothing can be mounted here, not even in a user namespace:"

// ownMounts runs the calling test once more as a process in which it may mount:
// as root of a new user namespace, which needs no privilege of the caller.
func ownMounts(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), inOwnMounts+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		testenv.Missing(t, "mount", cannotMount+" "+err.Error())
	}
	if _, reason, skipped := strings.Cut(string(out), cannotMount); skipped {
		reason, _, _ = strings.Cut(reason, "\n")
		testenv.Missing(t, "mount", cannotMount+reason)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("in a user namespace: %v\n%s", err, out)
	}
}

func TestApplyOnAFullDiskStopsBeforeTheNextEffectAndGoesOnLater(t *testing.T) {
	testenv.Slow(t, "takes seconds")
	t.Run("a file system without room", func(t *testing.T) {
		if os.Getenv(inOwnMounts) == "" {
			ownMounts(t)
			return
		}
		applyOnFull(t, smallDisk())
	})
	t.Run("files that may not grow", func(t *testing.T) { applyOnFull(t, byteLimit()) })
}

func applyOnFull(t *testing.T, d disk) {
	const keys = 20
	w, url := watch(t, many(keys), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	d.prepare(t, r)
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	r.approve()

	// The disk fills up while changes are under way.
	apply := r.command("apply", "plan.json")
	var said strings.Builder
	apply.Stdout, apply.Stderr = &said, &said
	started := make(chan struct{})
	w.arm("EnableKeyRotation", 4, duringEffect, func() {
		<-started
		d.fill(r, apply.Process.Pid)
	})
	if err := apply.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	_ = apply.Wait() // its state says all
	if code := apply.ProcessState.ExitCode(); code != exitBroken {
		t.Fatalf("exit code %d, want %d\n%s", code, exitBroken, &said)
	}
	for _, want := range []string{d.cause, "\n  now   ", d.next} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &said)
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
	if code, out := r.run("scan"); code != exitBroken || !strings.Contains(out, d.cause) || !strings.Contains(out, d.next) {
		t.Errorf("scan on a full disk: exit code %d\n%s", code, out)
	}

	// And nobody is called a forger for it, now or once there is room again.
	r.must(exitDone, "evidence", "verify", "state")
	w.arm("", 0, 0, nil)
	d.free(t, r)
	r.must(exitDone, "evidence", "verify", "state")
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

// TestADiskThatFillsUpAtAnyWriteIsNoForgery gives the record less room than a
// command needs, a little more each time, so that every one of its writes is the
// one that fails.
func TestADiskThatFillsUpAtAnyWriteIsNoForgery(t *testing.T) {
	testenv.Slow(t, "takes seconds")
	if os.Getenv(inOwnMounts) == "" {
		ownMounts(t)
		return
	}
	world := many(8)
	for kilobytes := 24; kilobytes <= pick(120, 360); kilobytes += pick(32, 8) {
		_, url := watch(t, world, sandbox.Options{})
		r := newRig(t, url, sandbox.Management)
		dir := filepath.Join(r.dir, "state")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kilobytes)); err != nil {
			t.Skip(cannotMount, err) // seen by ownMounts
		}
		for _, command := range []string{"scan", "assess", "plan", "approve --all --key alice plan.json", "apply plan.json", "verify", "report"} {
			code, out := r.run(strings.Fields(command)...)
			if strings.Contains(out, "panic") {
				t.Errorf("%d KiB: %s: exit code %d\n%s", kilobytes, command, code, out)
			}
			if _, err := os.Stat(filepath.Join(dir, "runs")); err != nil {
				continue // not even the folder fitted
			}
			if code, out := r.run("evidence", "verify", "state"); code != exitDone {
				t.Errorf("%d KiB, after %s: exit code %d\n%s", kilobytes, command, code, out)
			}
		}
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	}
}
