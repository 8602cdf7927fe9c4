package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// rig is a user with a folder, keys and an AWS: for tests that must do to
// keyrotor what a script cannot, such as kill it in the middle.
type rig struct {
	t   testing.TB
	dir string
	env []string

	wrap []string            // the command that runs keyrotor; nil runs it itself
	as   *syscall.Credential // the user that keyrotor runs as; nil is the test's
}

const rigConfig = "approval: {signers: allowed_signers}\napply: {patience: 1s, concurrency: 2}\n"

// newRig makes the folder and points keyrotor at an endpoint.
func newRig(t testing.TB, endpoint, account string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	r.write("keyrotor.yaml", rigConfig)
	var signers strings.Builder
	for _, who := range []string{"alice", "carol"} {
		public, err := writeSSHKey(filepath.Join(r.dir, who), who)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&signers, "%s@example.com %s", who, public)
	}
	r.write("allowed_signers", signers.String())
	r.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TMPDIR=" + os.Getenv("TMPDIR"),
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=" + account, "AWS_SECRET_ACCESS_KEY=sandbox",
		"AWS_REGION=us-east-1", "GORACE=" + raceOptions, "AWS_EC2_METADATA_DISABLED=true",
		"KEYROTOR_LEDGER_KEY=" + filepath.Join(r.dir, "ledger.key"), "KEYROTOR_SSH_KEY=" + filepath.Join(r.dir, "carol"),
	}
	return r
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// command is keyrotor as a process of its own, not yet started.
func (r *rig) command(args ...string) *exec.Cmd {
	r.t.Helper()
	binary, err := exec.LookPath("keyrotor")
	if err != nil {
		r.t.Fatalf("the test binary did not install keyrotor: %v", err)
	}
	line := append(append(slices.Clone(r.wrap), binary), args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir, cmd.Env = r.dir, r.env
	if r.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: r.as}
	}
	return cmd
}

// run runs keyrotor to its end and returns the exit code and all it printed.
func (r *rig) run(args ...string) (code int, out string) {
	r.t.Helper()
	text, err := r.command(args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return code, string(text)
}

// must runs keyrotor and demands an exit code.
func (r *rig) must(want int, args ...string) string {
	r.t.Helper()
	got, out := r.run(args...)
	if got != want {
		r.t.Fatalf("keyrotor %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, want, out)
	}
	return out
}

// approve signs plan.json as alice.
func (r *rig) approve() {
	r.t.Helper()
	r.must(exitDone, "approve", "--all", "--key", "alice", "plan.json")
}

// read is a file of the only run that matches the pattern.
func (r *rig) read(pattern string) string {
	r.t.Helper()
	found, err := filepath.Glob(filepath.Join(r.dir, "state", "runs", "*", pattern))
	if err != nil || len(found) != 1 {
		r.t.Fatalf("%d files like %s (%v), want one", len(found), pattern, err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

// onlooker stands between keyrotor and the sandbox: it counts effects by
// operation and key, and can strike at any request, before or after its effect.
type onlooker struct {
	box *sandbox.Sandbox

	mu      sync.Mutex
	seen    int            // requests since the last arm
	effects map[string]int // "EnableKeyRotation key-id" that were answered 200
	at      int            // the request to strike at, from 1; 0 is never
	only    string         // counts only requests of this operation; "" is all
	when    moment
	strike  func()
}

// moment is when an onlooker strikes at a request.
type moment int

const (
	beforeEffect moment = iota // and the effect never comes
	duringEffect               // the effect comes after keyrotor is gone
	afterEffect                // keyrotor is gone before it is answered
)

func (m moment) String() string { return [...]string{"before", "during", "after"}[m] }

func watch(t testing.TB, world sandbox.WorldSpec, o sandbox.Options) (*onlooker, string) {
	t.Helper()
	w := &onlooker{box: sandbox.New(o), effects: map[string]int{}}
	if err := w.box.Load(world); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return w, server.URL
}

// arm sets the next strike.
func (w *onlooker) arm(operation string, at int, when moment, strike func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen, w.only, w.at, w.when, w.strike = 0, operation, at, when, strike
}

var keyOf = regexp.MustCompile(`"KeyId":"(?:arn:[^"]*key/)?([^"]+)"`)

func (w *onlooker) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	strike, when := w.due(operation)
	if strike != nil && when == beforeEffect {
		strike()
		return
	}
	if strike != nil && when == duringEffect {
		strike()
	}
	answer := httptest.NewRecorder()
	w.box.ServeHTTP(answer, r)
	w.note(operation, string(body), answer)
	if strike != nil && when == afterEffect {
		strike()
		return
	}
	for k, v := range answer.Header() {
		out.Header()[k] = v
	}
	out.WriteHeader(answer.Code)
	_, _ = out.Write(answer.Body.Bytes()) // whoever left is dead by our hand
}

func (w *onlooker) due(operation string) (func(), moment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.only != "" && w.only != operation {
		return nil, 0
	}
	w.seen++
	if w.at == 0 || w.seen != w.at {
		return nil, 0
	}
	return w.strike, w.when
}

func (w *onlooker) note(operation, body string, answer *httptest.ResponseRecorder) {
	if answer.Code != http.StatusOK {
		return
	}
	key := ""
	if found := keyOf.FindStringSubmatch(body); found != nil {
		key = " " + found[1]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.effects[operation+key]++
}

// effectsOf are the effects of an operation, by key.
func (w *onlooker) effectsOf(operation string) map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]int{}
	for name, n := range w.effects {
		if op, key, _ := strings.Cut(name, " "); op == operation {
			out[key] = n
		}
	}
	return out
}
