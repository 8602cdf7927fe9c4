package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keyrotor/keyrotor/internal/testenv"
)

// TestMain lets the test binary stand in for keyrotor itself: scripts and crash
// tests run it as a process of its own, under the name keyrotor.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"keyrotor": func() { os.Exit(declared(runMain(scriptClock))) },
	})
}

// undeclared is an exit code that no test wants.
const undeclared = 67

// declared holds every run of a script to the exit codes in its command's help.
func declared(code int) int {
	p, _, _ := silent()
	cmd, _, err := p.rootCmd().Find(os.Args[1:])
	if err != nil || code <= exitUsage || slices.Contains(canEnd()[cmd.CommandPath()], code) {
		return code
	}
	fmt.Fprintf(os.Stderr, "%s ended with exit code %d, which its help does not name\n", cmd.CommandPath(), code)
	return undeclared
}

// raceOptions end a process of the race detector at once, where it would
// otherwise sleep for a second, and make a race an exit code that no test wants.
const raceOptions = "atexit_sleep_ms=0 exitcode=66"

// clockVar moves the clock of a script's keyrotor by a duration, together with
// the sandbox's, so that a script can wait for a year.
const clockVar = "KEYROTOR_TEST_CLOCK"

func scriptClock() time.Time {
	ahead, err := time.ParseDuration(os.Getenv(clockVar))
	if err != nil {
		return time.Now()
	}
	return time.Now().Add(ahead)
}

// TestScripts runs testdata/script/*.txt: the manual, which is executable. Each
// script has a folder, a sandbox and keys of its own.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts in testdata/script: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("KEYROTOR_TEST_UPDATE") != "",
		Setup:               setupScript,
		Cmds:                scriptCommands(),
		Condition:           scriptCondition,
	})
}

// scriptCondition knows [has:PROGRAM], which obeys KEYROTOR_TEST_REQUIRE, [root],
// and [quick], which holds unless make test runs the scripts.
func scriptCondition(cond string) (bool, error) {
	if program, ok := strings.CutPrefix(cond, "has:"); ok {
		return testenv.Has(program)
	}
	switch cond {
	case "root":
		return os.Getuid() == 0, nil
	case "quick":
		return os.Getenv(testenv.Require) == "", nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}
