package main

import (
	"bytes"
	"encoding/json"
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
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// scriptBox is the key under which a script keeps its sandbox.
type scriptBox struct{}

// setupScript gives a script the environment of a user whose own credentials
// and keys are all of the script's making.
func setupScript(e *testscript.Env) error {
	e.Values[scriptBox{}] = new(*sandbox.Sandbox)
	for _, pair := range [][2]string{
		{"AWS_CONFIG_FILE", os.DevNull}, {"AWS_SHARED_CREDENTIALS_FILE", os.DevNull},
		{"AWS_SECRET_ACCESS_KEY", "sandbox"}, {"AWS_REGION", "us-east-1"}, {"AWS_EC2_METADATA_DISABLED", "true"},
		{"KEYROTOR_LEDGER_KEY", filepath.Join(e.WorkDir, "ledger.key")},
		{"KEYROTOR_SSH_KEY", filepath.Join(e.WorkDir, "keys", "carol")},
		{"GORACE", raceOptions},
	} {
		e.Setenv(pair[0], pair[1])
	}
	return os.Mkdir(filepath.Join(e.WorkDir, "keys"), 0o700)
}

// scriptCommands are what scripts have beside testscript's own commands:
//
//	sandbox WORLD            start a pretend AWS and point the environment at it
//	sshkey NAME …            make keys/NAME, and NAME@example.com in allowed_signers
//	exits CODE COMMAND …     run, and demand exactly this exit code
//	fault JSON | fault none  make calls go wrong, or right again
//	clock DURATION           move the clock, of the sandbox and of keyrotor
//	kms ACCOUNT REGION OPERATION JSON   what somebody else does in AWS meanwhile
//	calls OPERATION COUNT    demand how often an operation was called
//	capture NAME REGEXP [FILE]  set $NAME to the first group found (default: stdout)
//	normalize FILE           times, digests, ids and folders as words, for cmp
//	jsonlines FILE           demand JSON documents and nothing else, each with a schema
//	schemas STATE [NAME …]   demand that every document of a record fits its schema, and one of each NAME
//	signature NAME           demand that ssh-keygen accepts NAME's approval
//	flip FILE                change one byte in the middle
//	budget PLAN COMMAND …    run, and demand just the calls of KMS that the plan expects
//	await OPERATION          wait until AWS was called with it
//	hostile WORD …           explain each key whose description holds the word, harmlessly
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"sandbox": scriptSandbox, "sshkey": scriptSSHKey, "exits": scriptExits, "fault": scriptFault,
		"clock": scriptClockCmd, "kms": scriptKMS, "calls": scriptCalls, "capture": scriptCapture,
		"normalize": scriptNormalize, "flip": scriptFlip, "jsonlines": scriptJSONLines, "signature": scriptSignature,
		"hostile": scriptHostile, "await": scriptAwait, "budget": scriptBudget, "schemas": scriptSchemas,
	}
}

func boxOf(ts *testscript.TestScript) *sandbox.Sandbox {
	box := *ts.Value(scriptBox{}).(**sandbox.Sandbox)
	if box == nil {
		ts.Fatalf("this script has no sandbox yet: begin with sandbox WORLD")
	}
	return box
}

func scriptSandbox(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: sandbox WORLD [CONSISTENCY]")
	}
	world, o, err := worldNamed(args[0])
	ts.Check(err)
	if len(args) == 2 {
		o.Consistency, err = time.ParseDuration(args[1])
		ts.Check(err)
	}
	box := sandbox.New(o)
	account := "123456789012" // without a world, any account is there
	if args[0] != "none" {
		ts.Check(box.Load(world))
		account = world.Management
	}
	server := httptest.NewServer(box)
	ts.Defer(server.Close)
	*ts.Value(scriptBox{}).(**sandbox.Sandbox) = box
	ts.Setenv("AWS_ENDPOINT_URL", server.URL)
	ts.Setenv("AWS_ACCESS_KEY_ID", account)
}

func scriptSSHKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sshkey NAME …")
	}
	signers, err := os.OpenFile(ts.MkAbs("allowed_signers"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	ts.Check(err)
	defer signers.Close()
	for _, name := range args {
		public, err := writeSSHKey(filepath.Join(ts.Getenv("WORK"), "keys", name), name)
		ts.Check(err)
		_, err = fmt.Fprintf(signers, "%s@example.com %s", name, public)
		ts.Check(err)
	}
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND …")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func scriptFault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fault JSON, or fault none")
	}
	method, body := http.MethodPost, args[0]
	if body == "none" {
		method, body = http.MethodDelete, ""
	}
	control(ts, method, "fault", body)
}

func scriptClockCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: clock DURATION")
	}
	ahead, err := time.ParseDuration(args[0])
	ts.Check(err)
	control(ts, http.MethodPost, "clock", `{"advance":"`+args[0]+`"}`)
	before, err := time.ParseDuration(ts.Getenv(clockVar))
	if err != nil {
		before = 0
	}
	ts.Setenv(clockVar, (before + ahead).String())
}

// control drives the sandbox over HTTP, as docs/sandbox-worlds.md says.
func control(ts *testscript.TestScript, method, what, body string) {
	boxOf(ts)
	req, err := http.NewRequest(method, ts.Getenv("AWS_ENDPOINT_URL")+"/_sandbox/"+what, strings.NewReader(body))
	ts.Check(err)
	send(ts, req)
}

func send(ts *testscript.TestScript, req *http.Request) []byte {
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode >= 300 {
		ts.Fatalf("%s %s: %s %s", req.Method, req.URL.Path, resp.Status, answer)
	}
	return answer
}

// scriptKMS makes one call as another program would. A KeyId that is an alias
// is looked up first, for most operations take none.
func scriptKMS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: kms ACCOUNT REGION OPERATION JSON")
	}
	account, region, operation := args[0], args[1], args[2]
	var in map[string]any
	ts.Check(json.Unmarshal([]byte(args[3]), &in))
	if alias, ok := in["KeyId"].(string); ok && strings.HasPrefix(alias, "alias/") {
		var out struct{ KeyMetadata struct{ KeyId string } }
		ts.Check(json.Unmarshal(callKMS(ts, account, region, "DescribeKey", map[string]any{"KeyId": alias}), &out))
		in["KeyId"] = out.KeyMetadata.KeyId
	}
	fmt.Fprintln(ts.Stdout(), string(callKMS(ts, account, region, operation, in)))
}

func callKMS(ts *testscript.TestScript, account, region, operation string, in any) []byte {
	body, err := json.Marshal(in)
	ts.Check(err)
	req, err := http.NewRequest(http.MethodPost, ts.Getenv("AWS_ENDPOINT_URL"), bytes.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "TrentService."+operation)
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/20260101/%s/kms/aws4_request, SignedHeaders=host, Signature=0", account, region))
	return send(ts, req)
}

func scriptCalls(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: calls SERVICE:OPERATION COUNT")
	}
	if got := boxOf(ts).Calls()[args[0]]; strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s was called %d times, want %s", args[0], got, args[1])
	}
}

func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await SERVICE:OPERATION")
	}
	box := boxOf(ts)
	for range 1000 {
		if box.Calls()[args[0]] > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s was not called within 10 s", args[0])
}

// scriptHostile looks for what no terminal should be sent.
func scriptHostile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: hostile WORD …")
	}
	for _, word := range args {
		if err := ts.Exec("keyrotor", "assess", "--output", "json", "--select", "asset.description.matches('"+word+"')"); err != nil {
			ts.Fatalf("assess: %v", err)
		}
		var line struct {
			Body struct{ Asset struct{ ARN string } }
		}
		ts.Check(json.NewDecoder(strings.NewReader(ts.ReadFile("stdout"))).Decode(&line))
		arn := line.Body.Asset.ARN
		ts.Check(ts.Exec("keyrotor", "explain", arn))
		for _, r := range ts.ReadFile("stdout") {
			if r != '\n' && (r < ' ' || r == 0x7f || r == 0x202e || (r >= 0x80 && r < 0xa0)) {
				ts.Fatalf("explain %s prints %q", arn, r)
			}
		}
	}
}

func scriptCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: capture NAME REGEXP [FILE]")
	}
	file := append(args, "stdout")[2]
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	found := re.FindStringSubmatch(ts.ReadFile(file))
	if len(found) < 2 {
		ts.Fatalf("%s holds nothing like %s", file, args[1])
	}
	ts.Setenv(args[0], found[1])
}

// scriptFlip changes one byte in the middle of a file.
func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(path, data, 0o600))
}

func scriptJSONLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: jsonlines FILE")
	}
	docs := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	for n := 1; ; n++ {
		var doc struct {
			Schema  string `json:"schema"`
			Version int    `json:"version"`
		}
		switch err := docs.Decode(&doc); {
		case err == io.EOF && n > 1:
			return
		case err != nil:
			ts.Fatalf("document %d: %v", n, err)
		case doc.Schema == "" || doc.Version == 0:
			ts.Fatalf("document %d names no schema and version", n)
		}
	}
}

// scriptSignature holds an approval against ssh-keygen -Y verify.
func scriptSignature(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: signature NAME")
	}
	files, err := filepath.Glob(ts.MkAbs("state/runs/*/approvals/*" + args[0] + "@*.json"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no approval by %s", args[0])
	}
	data, err := os.ReadFile(files[0])
	ts.Check(err)
	a, err := approve.ParseApproval(files[0], data)
	ts.Check(err)
	signed, err := approve.Canonical(a.Statement)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("approval.sig"), []byte(a.Signature), 0o600))
	cmd := exec.Command("ssh-keygen", "-Y", "verify", "-f", ts.MkAbs("allowed_signers"), "-I", a.Principal, "-n", approve.Namespace, "-s", ts.MkAbs("approval.sig"))
	cmd.Stdin = bytes.NewReader(signed)
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("ssh-keygen -Y verify: %v: %s", err, out)
	}
}

// scriptNormalize prints a file (or stdout) with everything that differs from
// run to run replaced by a word.
func scriptNormalize(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: normalize FILE")
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), ts.Getenv("WORK"), "$WORK")
	text = strings.ReplaceAll(text, ts.Getenv("AWS_ENDPOINT_URL"), "http://sandbox")
	for _, r := range normal() {
		text = r.from.ReplaceAllString(text, r.to)
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	fmt.Fprint(ts.Stdout(), strings.Join(lines, "\n"))
}

type replacement struct {
	from *regexp.Regexp
	to   string
}

func normal() []replacement {
	var out []replacement
	for pair := range slices.Chunk([]string{
		`\d{8}T\d{6}Z-[0-9a-f]{4}`, "RUN",
		`sha256:[0-9a-f]{64}`, "DIGEST",
		`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`, "KEY-ID",
		`\b[0-9a-f]{12}\b(-[a-z]+@|…)`, "SHORT$1",
		`(plan|inventory) [0-9a-f]{12}\b`, "$1 SHORT",
		`head (\d+):\S+`, "head $1:HEAD",
		`\d+ seconds? ago`, "SECONDS ago",
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`, "TIME",
		`\b\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)( \d{4})?( \d\d:\d\d UTC)?`, "DATE",
		`\d+\.\d s\b`, "SECONDS",
	}, 2) {
		out = append(out, replacement{regexp.MustCompile(pair[0]), pair[1]})
	}
	return out
}
