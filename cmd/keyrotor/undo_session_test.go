package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// The sessions of an undo bore the id of the run that it takes back: CloudTrail led
// from its calls to a run that had not made them.
func TestTheSessionsOfAnUndoBearItsOwnRunAndARefusedOneLeavesNone(t *testing.T) {
	var mu sync.Mutex
	var names []string
	box := sandbox.New(sandbox.Options{Rand: sandbox.Seeded(1)})
	world := few() // and a member, which is entered through roles
	world.Accounts = append(world.Accounts, sandbox.AccountSpec{ID: "222222222222", Name: "member", Since: 900, On: []string{"us-east-1"}, Keys: oneAccount("member", oneOff).Accounts[0].Keys,
		Roles: []sandbox.RoleSpec{{Name: sandbox.ScanRole}, {Name: sandbox.ApplyRole}}})
	if err := box.Load(world); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if form, err := url.ParseQuery(string(body)); err == nil && form.Has("RoleSessionName") {
			mu.Lock()
			names = append(names, form.Get("RoleSessionName"))
			mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		box.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)

	r := newRig(t, server.URL, sandbox.Management)
	runs := func() []string {
		found, err := filepath.Glob(filepath.Join(r.dir, "state", "runs", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	r.approve()
	r.must(exitDone, "apply", "plan.json")
	first := filepath.Base(runs()[0])

	credentials := r.env
	r.env = slices.DeleteFunc(slices.Clone(r.env), func(v string) bool {
		return strings.HasPrefix(v, "AWS_ACCESS_KEY_ID=") || strings.HasPrefix(v, "AWS_SECRET_ACCESS_KEY=")
	})
	r.must(exitBroken, "plan", "--undo", first, "-o", "back.json")
	if got := runs(); len(got) != 1 {
		t.Errorf("a refused undo leaves the runs %q, want the first alone", got)
	}

	mu.Lock()
	r.env, names = credentials, nil
	mu.Unlock()
	r.must(exitDone, "plan", "--undo", first, "-o", "back.json")
	mu.Lock()
	defer mu.Unlock()
	all := runs()
	if len(all) != 2 || len(names) == 0 {
		t.Fatalf("%d runs, %d sessions; want two, and some", len(all), len(names))
	}
	for _, name := range names {
		if want := "keyrotor-" + filepath.Base(all[1]); name != want {
			t.Errorf("a session of the undo is called %s, want %s", name, want)
		}
	}
}

// oneOff is a key that could rotate and does not.
func oneOff(ago func(int) time.Time) []sandbox.KeySeed {
	return []sandbox.KeySeed{{Aliases: []string{"alias/member"}, Created: ago(800), Tags: map[string]string{"env": "dev"}}}
}
