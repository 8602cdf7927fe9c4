package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// mute accepts every connection and never says a word.
func mute(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l // the kernel accepts: nobody here answers
}

func TestWhoeverNeverAnswersIsNotWaitedForWithoutEnd(t *testing.T) {
	testenv.Slow(t, "waits half a minute for what does not come")
	if testing.Short() {
		t.Skip("waits half a minute for what does not come")
	}
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(t *testing.T, r *rig) string
		line string
		says []string
	}{
		"an AWS endpoint": {
			func(t *testing.T, _ *rig) string {
				return "AWS_ENDPOINT_URL=http://" + mute(t, "tcp", "127.0.0.1:0").Addr().String()
			},
			"scan", []string{"\n  now   ", "\n  next  "},
		},
		"an ssh-agent": {
			func(t *testing.T, r *rig) string {
				return "SSH_AUTH_SOCK=" + mute(t, "unix", filepath.Join(r.dir, "mute")).Addr().String()
			},
			"approve --all --key alice.pub plan.json", []string{"ask the ssh-agent for its keys", "i/o timeout", "\n  now   nothing was signed", "\n  next  "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := watch(t, many(1), sandbox.Options{})
			r := newRig(t, url, sandbox.Management)
			r.must(exitDone, "scan")
			r.must(exitDone, "plan")
			r.env = append(r.env, "AWS_MAX_ATTEMPTS=1", c.set(t, r))
			began := time.Now()
			out := r.must(exitBroken, strings.Fields(c.line)...)
			if took := time.Since(began); took > time.Minute {
				t.Errorf("it waited %s", took)
			}
			for _, want := range c.says {
				if !strings.Contains(out, want) {
					t.Errorf("it does not say %q:\n%s", want, out)
				}
			}
		})
	}
}
