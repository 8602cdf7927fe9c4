// Package testenv finds and starts the real parts that tests talk to. Under
// `make test`, which sets KEYROTOR_TEST_REQUIRE, what is absent makes a test
// fail: a green run cannot come from a missing server. Plain `go test ./...`
// needs nothing and is fast: tests with servers, browsers and long matrices skip
// with a reason.
package testenv

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Require is the environment variable that turns skips into failures: a comma
// separated list of names as given to Need, or "all", which leaves out shared and
// mount.
const Require = "KEYROTOR_TEST_REQUIRE"

// Missing skips the test, or fails it when name is required.
func Missing(t testing.TB, name, reason string) {
	t.Helper()
	if required(name) {
		t.Fatalf("%s is required by %s and missing: %s", name, Require, reason)
	}
	t.Skipf("needs %s: %s", name, reason)
}

func required(name string) bool {
	list := strings.Split(os.Getenv(Require), ",")
	// Newer recordings than the project's own are not part of it, and some containers
	// let nobody mount: a stranger's machine has everything but these.
	beyond := name == "shared" || name == "mount"
	return slices.Contains(list, name) || (slices.Contains(list, "all") && !beyond)
}

// Need checks that a part is there. Names: moto, awscli, boto3, chromium,
// ssh-keygen, python3, tmux.
func Need(t testing.TB, name string) {
	t.Helper()
	asked(t, name)
	switch name {
	case "moto":
		needPython(t, name, "import moto.server")
	case "boto3":
		needPython(t, name, "import boto3, cryptography")
	case "awscli":
		needProgram(t, name, "aws")
	case "chromium":
		Chromium(t)
	default:
		needProgram(t, name, name)
	}
}

// asked skips what `make test` is for.
func asked(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(Require) == "" {
		t.Skipf("uses %s: run by make test, or with %s=%s", what, Require, what)
	}
}

// Slow skips a test that takes seconds, unless `make test` runs it.
func Slow(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(Require) == "" {
		t.Skipf("slow (%s): run by make test, or with %s=slow", why, Require)
	}
}

// Chromium is the path of a Chromium or Chrome browser.
func Chromium(t testing.TB) string {
	t.Helper()
	asked(t, "chromium")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(t, "chromium", "no chromium, chromium-browser or google-chrome on PATH")
	return ""
}

// Python is the interpreter that holds moto and boto3: the one of the project's
// own environment (.venv, made by scripts/test-deps) or python3 of PATH.
func Python(t testing.TB) string {
	t.Helper()
	own := filepath.Join(Root(t), ".venv", "bin", "python3")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	path, err := exec.LookPath("python3")
	if err != nil {
		Missing(t, "python3", err.Error())
	}
	return path
}

// AWS is the path of the aws command line: the project's own, or that of PATH.
func AWS(t testing.TB) string {
	t.Helper()
	own := filepath.Join(Root(t), ".venv", "bin", "aws")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	path, err := exec.LookPath("aws")
	if err != nil {
		Missing(t, "awscli", err.Error())
	}
	return path
}

func needProgram(t testing.TB, name, program string) {
	t.Helper()
	if program == "aws" {
		AWS(t)
		return
	}
	if _, err := exec.LookPath(program); err != nil {
		Missing(t, name, err.Error())
	}
}

func needPython(t testing.TB, name, imports string) {
	t.Helper()
	if out, err := exec.Command(Python(t), "-c", imports).CombinedOutput(); err != nil {
		Missing(t, name, fmt.Sprintf("%v: %s", err, lastLine(out)))
	}
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// Root is the folder that holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("the test binary does not know its source files")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Recordings are the folders that hold recorded answers of the service: the
// project's own, and, where the project is developed, the one beside it, which may
// be newer.
func Recordings(t testing.TB, own, beside string) []string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(Root(t)), "shared", beside)
	if _, err := os.Stat(dir); err == nil {
		return []string{own, dir}
	} else if required("shared") {
		t.Fatalf("shared is required by %s and missing: %v", Require, err)
	}
	return []string{own}
}

// FreePort asks the kernel for a port on the loopback interface.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Moto starts the independent AWS emulator and returns its URL. It is stopped
// when the test ends.
func Moto(t testing.TB) string {
	t.Helper()
	Need(t, "moto")
	port := FreePort(t)
	cmd := exec.Command(Python(t), "-m", "moto.server", "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	if err := cmd.Start(); err != nil {
		t.Fatalf("start moto: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	Await(t, 30*time.Second, "moto to answer", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/moto-api/data.json", nil)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return url
}

// Await polls until ok, and fails the test after limit.
func Await(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", limit, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Has is Need for tests that can do part of their work without: it reports
// whether a program is there; that one is required and missing is an error.
func Has(program string) (bool, error) {
	_, err := exec.LookPath(program)
	if err != nil && required(program) {
		return false, fmt.Errorf("%s is required by %s and missing: %w", program, Require, err)
	}
	return err == nil, nil
}
