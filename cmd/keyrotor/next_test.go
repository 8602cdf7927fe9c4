package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

func TestNextCommandsCanBePasted(t *testing.T) {
	apply := &cobra.Command{Use: "apply PLAN.json"}
	if err := apply.ParseFlags([]string{"the plan.json"}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		cmd        *cobra.Command
		flags      globalFlags
		next, want string
	}{
		"as it was given":                        {nil, globalFlags{}, "keyrotor scan", "keyrotor scan"},
		"with the configuration and the state":   {nil, globalFlags{config: "c.yaml", state: "my state"}, "keyrotor scan", "keyrotor --config c.yaml --state 'my state' scan"},
		"with the run where it matters":          {nil, globalFlags{run: "R"}, "keyrotor assess\nkeyrotor scan", "keyrotor --run R assess\nkeyrotor scan"},
		"a flag that is there is not repeated":   {nil, globalFlags{config: "c"}, "keyrotor --config d scan", "keyrotor --config d scan"},
		"some commands read no configuration":    {nil, globalFlags{config: "c"}, "keyrotor demo --dir x\nkeyrotor evidence verify s", "keyrotor demo --dir x\nkeyrotor evidence verify s"},
		"a check is of the state that was named": {nil, globalFlags{state: "my state", output: "text"}, stateCheck + "   says where", "keyrotor evidence verify 'my state'   says where"},
		"words are left alone":                   {nil, globalFlags{config: "c"}, "set the clock", "set the clock"},
		"the plan has the name the user gave":    {apply, globalFlags{}, "keyrotor apply PLAN.json", "keyrotor apply 'the plan.json'"},
		"who signs next names a key, explained":  {apply, globalFlags{}, "keyrotor approve --all PLAN.json", "keyrotor approve --all --key KEY 'the plan.json'\n" + aboutKey},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, _ := silent()
			p.flags = tc.flags
			if got := p.pasted(tc.cmd, tc.next); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestQuotedWordsAreReadBackByAShell(t *testing.T) {
	for _, word := range []string{"plain", "", "two words", "it's", `a "b" $HOME \ *`, "asset.id == \"1\"", "-x", "ä", "~"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quoted(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("quoted(%q) is %s, which a shell reads as %q: %v", word, quoted(word), out, err)
		}
	}
}

// What a terminal must not be sent is written so that bash reads it back; sh alone
// knows no such form.
func TestQuotedControlCharactersAreReadBackByBash(t *testing.T) {
	testenv.Need(t, "bash")
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"a\nb", "\x1b[31mred", `it's` + "\t" + `\n`, "\x7f9", "\xff\xfe", "\u202eabc", "ä\n"} {
		shown := quoted(word)
		if report.Clean(shown) != shown {
			t.Errorf("quoted(%q) is %q, which a terminal must not be sent", word, shown)
		}
		out, err := exec.Command(bash, "-c", "printf %s "+shown).Output()
		if err != nil || string(out) != word {
			t.Errorf("quoted(%q) is %s, which bash reads as %q: %v", word, shown, out, err)
		}
	}
}

func TestAPathIsNoFlag(t *testing.T) {
	for path, want := range map[string]string{"-plan.json": "./-plan.json", "--all": "./--all", "a-b": "a-b", "./-x": "./-x", "- x": "'./- x'"} {
		if got := pathWord(path); got != want {
			t.Errorf("pathWord(%q) is %s, want %s", path, got, want)
		}
	}
}

func TestFlagsThatWereMissingStandBeforeTheEndOfFlags(t *testing.T) {
	p, _, _ := silent()
	p.args = []string{"approve", "--", "-plan.json"}
	if got, want := p.again("--all"), "keyrotor approve --all -- -plan.json"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCountsAgreeWithTheirNouns(t *testing.T) {
	for want, got := range map[string]string{
		"0 faults": count(0, "fault"), "1 fault": count(1, "fault"), "2 faults": count(2, "fault"),
		"1 log entry": count(1, "log entry"), "2 log entries": count(2, "log entry"), "1,064 calls": count(1064, "call"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestASandboxNamesTheAddressThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, _, errs := silent()
	code := p.run(t.Context(), []string{"sandbox", "--world", "empty", "--listen", l.Addr().String()})
	if code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	for _, want := range []string{l.Addr().String() + " is in use", "now   no sandbox was started", "next  keyrotor sandbox --world empty --listen 127.0.0.1:0 "} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, errs)
		}
	}
}

// TestADemoBesideAnEarlierOne runs the demo in its own process, for it points
// the environment at its sandbox.
func TestADemoBesideAnEarlierOne(t *testing.T) {
	testenv.Slow(t, "two demos")
	home := t.TempDir()
	demo := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "keyrotor", args...)
		cmd.Dir = home
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "KEYROTOR_LEDGER_KEY=", "KEYROTOR_SSH_KEY=")
		cmd.WaitDelay = time.Minute
		said, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Fatalf("keyrotor %s: exit code %d, want %d:\n%s", strings.Join(args, " "), got, want, said)
		}
		return string(said)
	}
	if err := os.Mkdir(filepath.Join(home, "d"), 0o755); err != nil {
		t.Fatal(err) // a folder that is there and empty is as good as none
	}
	first := demo(exitDone, "demo", "--world", "small", "--dir", "d")
	for _, want := range []string{"file://" + filepath.Join(home, "d", "report.html"), "--key " + filepath.Join(home, "d", "ledger.pub")} {
		if !strings.Contains(first, want) {
			t.Errorf("the demo does not say %q:\n%s", want, first)
		}
	}
	// The key that it proposes to look at has a story: what was done to it, and what
	// a second look found.
	example := regexp.MustCompile(`keyrotor (--config \S+) explain (\S+)`).FindStringSubmatch(first)
	if example == nil {
		t.Fatalf("the demo proposes no key to explain:\n%s", first)
	}
	page := demo(exitDone, append(strings.Fields(example[1]), "explain", example[2])...)
	if !strings.Contains(page, "since then") || strings.Contains(page, "would do") {
		t.Errorf("the page of the demo's example:\n%s", page)
	}
	if err := fitSchemas(filepath.Join(home, "d", "state"), "plan", "verification", "run-head"); err != nil {
		t.Error(err)
	}
	again := demo(exitUsage, "demo", "--world", "small", "--dir", filepath.Join(home, "d"))
	if want := "next  keyrotor demo --dir " + filepath.Join(home, "d-2"); !strings.Contains(again, want) {
		t.Errorf("the second demo does not say %q:\n%s", want, again)
	}
	// Beside the demo's own configuration it is its own key that is printed.
	pub, err := os.ReadFile(filepath.Join(home, "d", "ledger.pub"))
	if err != nil {
		t.Fatal(err)
	}
	key := demo(exitDone, "--config", filepath.Join("d", "keyrotor.yaml"), "evidence", "key")
	if key != string(pub) {
		t.Errorf("evidence key says\n%s\nwant the key of ledger.pub, %s", key, pub)
	}
	// And what is done under it later is sealed with it: once the machine's own key
	// did that, and the check with ledger.pub spoke of tampering.
	demo(exitPart, "--config", filepath.Join("d", "keyrotor.yaml"), "assess")
	demo(exitDone, "evidence", "verify", "--key", filepath.Join("d", "ledger.pub"), filepath.Join("d", "state"))
}
