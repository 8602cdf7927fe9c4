package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// TestReadmePracticeWorksToItsEnd pastes what the README shows for the sandbox into a
// shell. What was pasted line by line goes on after a line that fails; only the scan
// and what reads it say that something refused them, as the README foretells.
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
		script.WriteString(line + "\ncode=$?; [ $code = 0 ] || echo ENDED $code " + quoted(words[0]+" "+words[1]) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir, cmd.WaitDelay = home, time.Minute
	cmd.Env = append(os.Environ(),
		"HOME="+home, "XDG_CONFIG_HOME="+home, "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID="+world.Management, "AWS_SECRET_ACCESS_KEY=sandbox",
		"AWS_REGION=us-east-1", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "SSH_AUTH_SOCK=", "GORACE="+raceOptions)
	said, _ := cmd.CombinedOutput() // what ended how stands in it
	var ended []string
	for line := range strings.Lines(string(said)) {
		if command, found := strings.CutPrefix(strings.TrimSpace(line), "ENDED 5 "); found {
			ended = append(ended, command)
		}
	}
	if want := []string{"keyrotor scan", "keyrotor assess"}; !slices.Equal(ended, want) || strings.Count(string(said), "\nENDED ") != len(want) {
		t.Errorf("%q ended with 5, and perhaps others otherwise; want %q and no other", ended, want)
	}
	if !strings.Contains(string(page), "\ndescribed: `scan` and `assess` say so and end with [exit code 5]") {
		t.Error("the README does not say which of them end with 5")
	}
	if want := "consistent"; !strings.Contains(string(said), want) || t.Failed() {
		t.Errorf("the record at its end is not %s:\n%s", want, said)
	}
}
