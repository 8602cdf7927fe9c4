package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/testenv"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// Uncalled are permissions that a command needs and the test cannot see it use,
// each with the reason.
func uncalled() map[string]string {
	return map[string]string{
		"scan ec2:DescribeRegions": "asked only where account:ListRegions is refused",
		"apply kms:TagResource":    "KMS asks for it where CreateKey carries tags; no call has that name",
	}
}

const member = "222222222222"

// memberWorld is an organization whose keys are in an account that keyrotor has to
// enter by a role: in its own account it would have its own credentials.
func memberWorld() sandbox.WorldSpec {
	keys := func(start time.Time) iter.Seq2[string, sandbox.KeySeed] {
		return func(yield func(string, sandbox.KeySeed) bool) {
			for region, seed := range few().Accounts[0].Keys(start) {
				seed.Policy = "" // one names another account
				if !yield(region, seed) {
					return
				}
			}
		}
	}
	return sandbox.WorldSpec{
		Name: "member", Organization: "o-member0world", Management: sandbox.Management,
		Accounts: []sandbox.AccountSpec{
			{ID: sandbox.Management, Name: "management", Since: 900, On: []string{"us-east-1"}, Keys: func(time.Time) iter.Seq2[string, sandbox.KeySeed] {
				return func(func(string, sandbox.KeySeed) bool) {}
			}},
			{ID: member, Name: "member", Since: 900, On: []string{"us-east-1"}, Keys: keys, Roles: []sandbox.RoleSpec{{Name: sandbox.ScanRole}, {Name: sandbox.ApplyRole}}},
		},
	}
}

// witness stands before the sandbox and notes in which role each call was made.
type witness struct {
	box *sandbox.Sandbox

	mu    sync.Mutex
	roles map[string]aws.Role // access key ▶ role
	calls map[string]bool     // "scan kms:DescribeKey"
}

var credential = regexp.MustCompile(`Credential=([^/]+)/\d+/[^/]+/([^/]+)/`)

func (w *witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	key, service := "", ""
	if m := credential.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		key, service = m[1], m[2]
	}
	call := service + ":" + form.Get("Action")
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		call = service + ":" + operation
	} else if path := strings.Trim(r.URL.Path, "/"); path != "" {
		call = service + ":" + strings.ToUpper(path[:1]) + path[1:]
	}
	answer := httptest.NewRecorder()
	w.box.ServeHTTP(answer, r)
	w.note(key, call, form.Get("RoleArn"), answer)
	maps.Copy(out.Header(), answer.Header())
	out.WriteHeader(answer.Code)
	_, _ = out.Write(answer.Body.Bytes())
}

func (w *witness) note(key, call, role string, answer *httptest.ResponseRecorder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	who, assumed := w.roles[key]
	if !assumed {
		who = aws.RoleOwn
	}
	w.calls[string(who)+" "+call] = true
	if call != "sts:AssumeRole" || answer.Code != http.StatusOK {
		return
	}
	var made struct {
		Key string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	}
	if err := xml.Unmarshal(answer.Body.Bytes(), &made); err == nil {
		w.roles[made.Key] = map[bool]aws.Role{true: aws.RoleApply, false: aws.RoleScan}[strings.HasSuffix(role, "/"+sandbox.ApplyRole)]
	}
}

// taken are the calls since the last time.
func (w *witness) taken() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = map[string]bool{}
	return calls
}

// census gathers calls under the names that iam-policy knows.
type census struct {
	mu    sync.Mutex
	calls map[string]map[string]bool
}

func (c *census) add(calls map[string]bool, names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		if c.calls[name] == nil {
			c.calls[name] = map[string]bool{}
		}
		maps.Copy(c.calls[name], calls)
	}
}

// watched is a rig whose every call is noted.
type watched struct {
	*rig
	w *witness
	c *census
}

func (c *census) watch(t *testing.T) *watched {
	t.Helper()
	box := sandbox.New(sandbox.Options{Rand: sandbox.Seeded(1), RotationTakes: -1})
	if err := box.Load(memberWorld()); err != nil {
		t.Fatal(err)
	}
	w := &witness{box: box, roles: map[string]aws.Role{}, calls: map[string]bool{}}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	r := newRig(t, server.URL, sandbox.Management)
	r.write("keyrotor.yaml", rigConfig+"organization: {exclude_accounts: ['"+sandbox.Management+"']}\n")
	return &watched{rig: r, w: w, c: c}
}

// counts runs a command and adds its calls under the names.
func (r *watched) counts(args []string, names ...string) {
	r.t.Helper()
	r.w.taken()
	r.must(exitDone, args...)
	r.c.add(r.w.taken(), names...)
}

// carryOut signs the plan that is there, applies and verifies it.
func (r *watched) carryOut(names ...string) {
	r.t.Helper()
	r.approve()
	r.counts([]string{"apply", "plan.json"}, append(names, "apply")...)
	r.counts([]string{"verify"}, "verify")
}

// undo takes back the newest run.
func (r *watched) undo(names ...string) {
	r.t.Helper()
	runs, err := os.ReadDir(filepath.Join(r.dir, "state", "runs"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.counts([]string{"plan", "--undo", runs[len(runs)-1].Name()}, "plan-undo", "undo")
	r.carryOut(append(names, "undo")...)
}

// The printed policies lacked what apply asks with the scan role and of the
// organization: every canary stopped. Others held what their commands never call.
func TestThePolicyOfEachCommandIsWhatItCalls(t *testing.T) {
	testenv.Slow(t, "every command and kind of change")
	t.Parallel()
	c := &census{calls: map[string]map[string]bool{"plan": {}, "explain": {}}}
	t.Run("commands", func(t *testing.T) {
		t.Run("that read", func(t *testing.T) {
			t.Parallel()
			r := c.watch(t)
			r.counts([]string{"scan"}, "scan")
			r.counts([]string{"scan", "--with", "last-use"}, "last-use")
			r.counts([]string{"scan", "--with", "grants"}, "grants")
			r.counts([]string{"plan", "--rotate-overdue"}, "plan")
			r.counts([]string{"explain", "alias/orders"}, "explain")
			r.counts([]string{"doctor", "--all"}, "doctor")
		})
		for name, tc := range map[string]struct {
			plan        []string
			does, undos string
		}{
			"enable-rotation": {[]string{"plan", "--select", `asset.name == "alias/orders"`}, "enable-rotation", "disable-rotation"},
			"set-period":      {[]string{"plan", "set-period", "--period", "180", "--select", `asset.name == "alias/ledger"`}, "set-period", "set-period"},
			"rotate-now":      {[]string{"plan", "rotate-now", "--select", `asset.name == "alias/ledger"`}, "rotate-now", ""},
			"tag-key":         {[]string{"plan", "tag", "owner=somebody", "--select", `asset.name == "alias/ledger"`}, "tag-key", "tag-key"},
			"untag-key":       {[]string{"plan", "tag", "fresh=yes", "--select", `asset.name == "alias/ledger"`}, "tag-key", "untag-key"},
			"create-key":      {[]string{"plan", "create-key", "--account", member, "--region", "us-east-1", "--alias", "alias/fresh", "--tag", "owner=somebody"}, "create-key", ""},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := c.watch(t)
				r.must(exitDone, "scan")
				r.counts(tc.plan, "plan")
				r.carryOut(tc.does)
				if tc.undos != "" {
					r.undo(tc.undos)
				}
			})
		}
	})
	for _, name := range aws.PermissionCommands() {
		made, ran := c.calls[name]
		if !ran {
			t.Errorf("no command was run for the policy of %s", name)
			continue
		}
		allowed, err := aws.Permissions(name)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, p := range allowed {
			call := string(p.Role) + " " + p.Call
			if uncalled()[call] != "" && !made[call] {
				continue
			}
			want = append(want, call)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(made))); diff != "" {
			t.Errorf("the policy of %s is not what it calls (-allowed +called):\n%s", name, diff)
		}
	}
}
