//go:build unix

package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// nobody is the user that a test which runs as root becomes: permissions do not
// bind root.
const nobody = 65534

// unprivileged makes the rig's keyrotor run as a user whom permissions bind, and
// who owns the rig's folder.
func (r *rig) unprivileged() {
	r.t.Helper()
	if os.Getuid() != 0 {
		return
	}
	r.as = &syscall.Credential{Uid: nobody, Gid: nobody}
	binary := r.command().Path
	for _, dir := range []string{filepath.Dir(binary), filepath.Dir(filepath.Dir(binary)), filepath.Dir(r.dir)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	r.walk(r.dir, func(path string, _ fs.DirEntry) error { return os.Lchown(path, nobody, nobody) })
}

func (r *rig) walk(dir string, do func(path string, d fs.DirEntry) error) {
	r.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return do(path, d)
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// bytes is every file below a folder.
func (r *rig) bytes(dir string) map[string]string {
	r.t.Helper()
	all := map[string]string{}
	r.walk(dir, func(path string, d fs.DirEntry) error {
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	return all
}

// without takes permissions from everything below a folder while do runs.
func (r *rig) without(mask fs.FileMode, dir string, do func()) {
	r.t.Helper()
	modes := map[string]fs.FileMode{}
	r.walk(dir, func(path string, d fs.DirEntry) error {
		info, err := d.Info()
		if err == nil {
			modes[path] = info.Mode().Perm()
		}
		return err
	})
	paths := slices.Sorted(maps.Keys(modes)) // a folder stands before what it holds
	for _, path := range slices.Backward(paths) {
		if err := os.Chmod(path, modes[path]&^mask); err != nil {
			r.t.Fatal(err)
		}
	}
	defer func() {
		for _, path := range paths {
			if err := os.Chmod(path, modes[path]); err != nil {
				r.t.Fatal(err)
			}
		}
	}()
	do()
}

// What is asked of a state that others own works, or says in three parts who can
// do it, and loses nothing.
func TestAStateThatOnlyOthersMayWriteOrReadIsLeftAsItWas(t *testing.T) {
	testenv.Slow(t, "takes seconds")
	_, url := watch(t, many(3), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	r.unprivileged()
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	r.approve()
	r.must(exitDone, "apply", "plan.json")
	r.must(exitDone, "verify")
	r.must(exitDone, "scan")
	state := filepath.Join(r.dir, "state")
	before := r.bytes(state)
	runs := r.runs()

	const works, fails = exitDone, exitBroken
	commands := []struct {
		line              string
		readable, nothing int // the exit codes where it can be read, and where it cannot
	}{
		{"scan", fails, fails},
		{"assess", fails, fails},
		{"plan --out other.json", fails, fails},
		{"plan --undo " + runs[0] + " --out other.json", fails, fails},
		{"approve --all --key alice plan.json", fails, fails},
		{"apply plan.json", fails, fails},
		{"verify", fails, fails},
		{"report --file elsewhere.html", fails, fails},
		{"explain alias/k00", works, fails},
		{"diff " + runs[0] + " " + runs[1], works, fails},
		{"evidence verify state", works, fails},
	}
	for name, c := range map[string]struct {
		taken fs.FileMode
		want  func(i int) int
	}{
		"no writing": {0o222, func(i int) int { return commands[i].readable }},
		"no reading": {0o777, func(i int) int { return commands[i].nothing }},
	} {
		t.Run(name, func(t *testing.T) {
			r.without(c.taken, state, func() {
				for i, command := range commands {
					code, out := r.run(strings.Fields(command.line)...)
					if want := c.want(i); code != want {
						t.Errorf("keyrotor %s: exit code %d, want %d\n%s", command.line, code, want, out)
					}
					if code == fails && (!strings.Contains(out, "permission denied\n  now   ") || !strings.Contains(out, "\n  next  ")) {
						t.Errorf("keyrotor %s does not say what is denied, what holds and what next:\n%s", command.line, out)
					}
				}
			})
			if d := cmp.Diff(before, r.bytes(state)); d != "" {
				t.Errorf("the state changed (-want +got):\n%s", d)
			}
		})
	}
	r.must(exitDone, "evidence", "verify", "state")
	r.must(exitDone, "report")
}

// runs are the ids of the state's runs, oldest first.
func (r *rig) runs() []string {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.dir, "state", "runs"))
	if err != nil {
		r.t.Fatal(err)
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	return ids
}
