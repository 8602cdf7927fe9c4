package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// TestReadmePracticeWorksToItsEnd pastes what the README shows for the sandbox into a
// shell. What was pasted line by line goes on after a line that fails; only the scan
// and what reads it may say that something refused them.
func TestReadmePracticeWorksToItsEnd(t *testing.T) {
	testenv.Need(t, "bash")
	testenv.Need(t, "ssh-keygen")
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "\n    keyrotor sandbox --world small ") {
		t.Error("the README does not say which world it practises in")
	}
	world, options, err := worldNamed("small")
	if err != nil {
		t.Fatal(err)
	}
	box := sandbox.New(options)
	if err := box.Load(world); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box)
	defer server.Close()
	home := t.TempDir()
	var script strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(block(t, string(page), "mkdir practice")), "\n") {
		words := append(strings.Fields(line), "")
		script.WriteString(line + "\n[ $? = 0 ] || echo ENDED " + quoted(words[0]+" "+words[1]) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir, cmd.WaitDelay = home, time.Minute
	cmd.Env = append(os.Environ(),
		"HOME="+home, "XDG_CONFIG_HOME="+home, "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID="+world.Management, "AWS_SECRET_ACCESS_KEY=sandbox",
		"AWS_REGION=us-east-1", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "SSH_AUTH_SOCK=", "GORACE="+raceOptions)
	said, _ := cmd.CombinedOutput() // what ended how stands in it
	for line := range strings.Lines(string(said)) {
		ended, found := strings.CutPrefix(strings.TrimSpace(line), "ENDED ")
		if found && ended != "keyrotor scan" && ended != "keyrotor assess" {
			t.Errorf("%s did not end well", ended)
		}
	}
	if want := "consistent"; !strings.Contains(string(said), want) || t.Failed() {
		t.Errorf("the record at its end is not %s:\n%s", want, said)
	}
}
