package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// choosing is a plan of n changes, every other one of production, with two
// keys that rotate already.
func choosing(n int) keyrotor.Plan {
	next := time.Date(2027, 3, 3, 0, 0, 0, 0, time.UTC)
	p := keyrotor.Plan{
		Digest: "sha256:" + keyrotor.Digest(strings.Repeat("5f", 32)), RotatingTotal: 2,
		Rotating: []keyrotor.Seen{
			{Aliases: []string{"alias/ledger"}, Rotation: "on, 365 d", Next: &next, Env: "prod"},
			{ARN: "arn:aws:kms:us-east-1:111122223333:key/no-alias", Rotation: "on, 365 d"},
		},
	}
	for i := range n {
		env := []string{"dev", "prod"}[i%2]
		id := fmt.Sprintf("id-%03d", i)
		p.Changes = append(p.Changes, keyrotor.Change{
			ID:     keyrotor.ChangeID(id),
			Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: "111122223333", Region: "us-east-1", ID: id, Name: "alias/" + id},
			Why:    []string{"kms-rotation-on"},
			Seen: keyrotor.Seen{
				Aliases: []string{"alias/" + id}, Description: "a \x1b[31mred\x1b[0m one", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT",
				State: "Enabled", Rotation: "off", Env: env, Owner: "team-" + env, Created: time.Date(2021, 2, 12, 0, 0, 0, 0, time.UTC),
			},
			Steps: []keyrotor.Step{{Number: 1, Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: 365}}},
		})
	}
	return p
}

// press sends keys by their names; a word in quotes is typed.
func press(t *testing.T, c *chooser, names ...string) tea.Cmd {
	t.Helper()
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "down": tea.KeyDown, "up": tea.KeyUp, "pgdown": tea.KeyPgDown,
		"pgup": tea.KeyPgUp, "home": tea.KeyHome, "end": tea.KeyEnd, "backspace": tea.KeyBackspace, "space": tea.KeySpace,
	}
	var last tea.Cmd
	for _, name := range names {
		var keys []tea.KeyPressMsg
		if code, ok := special[name]; ok {
			text := ""
			if name == "space" {
				text = " "
			}
			keys = append(keys, tea.KeyPressMsg{Code: code, Text: text})
		} else if name == "ctrl+c" {
			keys = append(keys, tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
		} else {
			for _, r := range strings.Trim(name, "'") {
				keys = append(keys, tea.KeyPressMsg{Code: r, Text: string(r)})
			}
		}
		for _, k := range keys {
			_, last = c.Update(k)
		}
	}
	return last
}

func screen(c *chooser) string { return ansi.Strip(c.View().Content) }

func opened(n, width, height int) *chooser {
	c := newChooser(choosing(n), sampled(choosing(n)), "ssh-ed25519 alice@example.com", report.Style{})
	c.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return c
}

func quits(cmd tea.Cmd) bool {
	if cmd == nil {
		return false
	}
	_, quit := cmd().(tea.QuitMsg)
	return quit
}

func TestTheListChoosesWhatItShows(t *testing.T) {
	for name, tc := range map[string]struct {
		keys []string
		want int // changes that a signature would cover; 0: nothing is signed
	}{
		"everything is chosen at first":                   {[]string{"s", "y"}, 10},
		"space leaves one out":                            {[]string{"space", "s", "y"}, 9},
		"space twice on one row puts it back":             {[]string{"space", "up", "space", "s", "y"}, 10},
		"a turns off all that the filter shows":           {[]string{"/", "'env=prod'", "enter", "a", "s", "y"}, 5},
		"a again turns them on":                           {[]string{"/", "'env=prod'", "enter", "a", "a", "s", "y"}, 10},
		"several words must all be there":                 {[]string{"/", "'env=prod id-003'", "enter", "a", "s", "y"}, 9},
		"a filter finds the failing rule":                 {[]string{"/", "'kms-rotation-on'", "enter", "a", "/", "backspace", "esc", "space", "s", "y"}, 1},
		"esc clears the filter and stays":                 {[]string{"/", "'env=prod'", "enter", "esc", "a", "a", "s", "y"}, 10},
		"a key that rotates already cannot be chosen":     {[]string{"end", "space", "s", "y"}, 10},
		"nothing chosen cannot be signed":                 {[]string{"a", "s", "y"}, 0},
		"any other answer than y goes back":               {[]string{"s", "n", "q"}, 0},
		"enter is no answer either":                       {[]string{"s", "enter", "q"}, 0},
		"q leaves without signing":                        {[]string{"q"}, 0},
		"ctrl-c leaves from the question":                 {[]string{"s", "ctrl+c"}, 0},
		"details go back to the list":                     {[]string{"enter", "y", "space", "s", "y"}, 9},
		"letters in the filter are text and not commands": {[]string{"/", "'qsa'", "esc", "s", "y"}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			c := opened(10, 120, 35)
			last := press(t, c, tc.keys...)
			got := 0
			if c.confirmed {
				got = len(c.result())
				if !quits(last) {
					t.Error("it was confirmed, and the list does not end")
				}
			}
			if got != tc.want {
				t.Errorf("signs %d changes, want %d; screen:\n%s", got, tc.want, screen(c))
			}
		})
	}
}

func TestThePageOfTheQuestionSaysWhoAsksAndWhatStaysForGood(t *testing.T) {
	pl := choosing(10)
	pl.Author = keyrotor.Author{Identity: "arn:aws:iam::111122223333:user/carol", Key: "SHA256:abc", Principal: "carol@example.com"}
	pl.Ticket, pl.Reason = "CHG-1", strings.TrimSpace(strings.Repeat("because ", 200))
	pl.Changes[3].CannotUndo, pl.Changes[4].CannotUndo = "a rotation stays", "a rotation stays"
	c := newChooser(pl, nil, "ssh-ed25519 alice@example.com", report.Style{})
	c.limits, c.held = guard.Limits{MaxPerRun: 9}, []string{"apply starts nothing until Monday"}
	c.Update(tea.WindowSizeMsg{Width: 100, Height: 30})
	press(t, c, "s")
	for _, want := range []string{
		"author:  carol@example.com SHA256:abc, as arn:aws:iam::111122223333:user/carol", "ticket:  CHG-1", "reason:  because because",
		"no undo: 2 changes: a rotation stays", "! 10 changes, and a run may make 9", "! apply starts nothing until Monday", "Sign?  y / N",
	} {
		if !strings.Contains(screen(c), want) {
			t.Errorf("the question does not say %q:\n%s", want, screen(c))
		}
	}
}

func TestTheListShowsWhatAReviewerAsksFor(t *testing.T) {
	c := opened(10, 120, 35)
	for name, want := range map[string][]string{
		"title and counts":  {"choose from plan 5f5f5f5f5f5f · 10 changes · all chosen", "10 shown, 10 of them chosen · 2 rotate already"},
		"row":               {"> [x] alias/id-000", "111122223333", "us-east-1", "dev", "team-dev", "off → 365 d", "2021"},
		"preview":           {"id-000 · SYMMETRIC_DEFAULT · ENCRYPT_DECRYPT", "Enabled · rotation off · env dev · owner team-dev · made 12 Feb 2021", "fails kms-rotation-on"},
		"rotating":          {"✓  alias/ledger", "already rotating: on, 365 d, next 3 Mar 2027 (not changed)", "✓  no-alias"},
		"who signs":         {"s sign with ssh-ed25519 alice@example.com"},
		"escapes are words": {`a \x1b[31mred\x1b[0m one`},
	} {
		for _, w := range want {
			if !strings.Contains(screen(c), w) {
				t.Errorf("%s: the screen does not show %q:\n%s", name, w, screen(c))
			}
		}
	}
	press(t, c, "space")
	if want := "9 chosen: a new digest before anyone signs"; !strings.Contains(screen(c), want) {
		t.Errorf("the title does not say %q:\n%s", want, screen(c))
	}
	press(t, c, "s")
	for _, want := range []string{"9 of 10 changes will be signed as one plan, in 1 account", "signed with ssh-ed25519 alice@example.com", "4 dev, 5 prod", "Nothing in AWS changes", "digest of its own"} {
		if !strings.Contains(screen(c), want) {
			t.Errorf("the question does not say %q:\n%s", want, screen(c))
		}
	}
	press(t, c, "n", "enter")
	for _, want := range []string{"failing rules", "12 Feb 2021", "owner", "team-prod"} {
		if !strings.Contains(screen(c), want) {
			t.Errorf("the details do not say %q:\n%s", want, screen(c))
		}
	}
}

func TestTheListShowsWarningAndTemplateOfTheKeyUnderTheCursor(t *testing.T) {
	c := opened(3, 160, 24)
	c.plan.Changes[0].Warning = "tags can grant access; terraform eks owns this key: its next deployment may take this back"
	c.plan.Changes[0].Seen.ManagedBy = &keyrotor.Manager{Tool: "terraform", Name: "eks"}
	c.plan.Changes[0].Template = "enable_key_rotation = true"
	if want := "! tags can grant access; enable_key_rotation = true"; !strings.Contains(screen(c), want) {
		t.Errorf("the list does not show %q:\n%s", want, screen(c))
	}
}

func TestNothingThatHelpsIsCutAtEightyColumns(t *testing.T) {
	for _, width := range []int{80, 96, 110, 200} {
		c := opened(300, width, 24)
		c.plan.RotatingTotal = 612
		press(t, c, "space")
		lines := strings.Split(screen(c), "\n")
		for name, line := range map[string]string{"title": lines[0], "counts": lines[1], "row": lines[3], "keys": lines[len(lines)-2]} {
			if strings.Contains(line, "…") {
				t.Errorf("%d columns: the %s are cut: %s", width, name, line)
			}
		}
		for _, want := range []string{"alias/id-000", "111122223333", "off → 365 d", "299 chosen: a new digest", "space choose", "/ filter", "enter", "s sign", "q leave", "rotate already", "env prod · owner team-prod"} {
			if !strings.Contains(screen(c), want) {
				t.Errorf("%d columns: the screen does not show %q:\n%s", width, want, screen(c))
			}
		}
	}
}

func TestTheScreenFitsEveryTerminal(t *testing.T) {
	for _, size := range [][2]int{{40, 8}, {60, 12}, {80, 24}, {120, 35}, {200, 60}} {
		for _, keys := range [][]string{{}, {"end"}, {"pgdown", "down"}, {"enter"}, {"s"}, {"/", "'x'"}} {
			for _, ascii := range []bool{false, true} {
				c := opened(100, size[0], size[1])
				c.style.ASCII = ascii
				press(t, c, keys...)
				text := c.View().Content
				lines := strings.Split(text, "\n")
				if len(lines) > size[1] {
					t.Errorf("%v after %v: %d lines", size, keys, len(lines))
				}
				for _, l := range lines {
					if w := ansi.StringWidth(l); w > size[0] {
						t.Errorf("%v after %v: a line of %d columns: %q", size, keys, w, l)
						break
					}
				}
				if strings.ContainsRune(text, '\x1b') {
					t.Errorf("%v after %v: escape sequences without colour", size, keys)
				}
				if ascii && strings.ContainsFunc(text, func(r rune) bool { return r > '~' }) {
					t.Errorf("%v after %v: not ASCII:\n%s", size, keys, text)
				}
				if len(keys) < 2 && !slices.Contains(keys, "enter") && !slices.Contains(keys, "s") && !strings.Contains(text, "> ") {
					t.Errorf("%v after %v: the row of the cursor is not on the screen:\n%s", size, keys, text)
				}
			}
		}
	}
}

// TestChoosingInATerminal drives the real program in a real terminal.
func TestChoosingInATerminal(t *testing.T) {
	testenv.Need(t, "tmux")
	_, url := watch(t, many(30), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	socket := filepath.Join(t.TempDir(), "tmux")
	tmux := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	script := []string{"cd '" + r.dir + "'"}
	for _, pair := range append(r.env, "LANG=C.UTF-8", "LC_ALL=C.UTF-8") {
		script = append(script, "export '"+pair+"'")
	}
	script = append(script, "keyrotor approve --key alice --out chosen.json plan.json; echo exit=$?; sleep 60")
	tmux("-u", "new-session", "-d", "-x", "120", "-y", "35", "-s", "list", "sh -c \""+strings.Join(script, "; ")+"\"")
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", socket, "kill-server").Run() }) // it is gone already when all went well
	await := func(what string) {
		t.Helper()
		testenv.Await(t, 20*time.Second, what, func() bool { return strings.Contains(tmux("capture-pane", "-p", "-t", "list"), what) })
	}
	await("30 changes · all chosen")
	tmux("send-keys", "-t", "list", "/")
	tmux("send-keys", "-t", "list", "-l", "env=prod")
	await("/env=prod_   15 shown, 15 of them chosen")
	tmux("send-keys", "-t", "list", "Enter")
	tmux("send-keys", "-t", "list", "a")
	await("15 chosen: a new digest before anyone signs")
	tmux("send-keys", "-t", "list", "Space")
	await("16 chosen")
	tmux("send-keys", "-t", "list", "s")
	await("16 of 30 changes will be signed")
	tmux("send-keys", "-t", "list", "y")
	await("exit=0")
	if said := tmux("capture-pane", "-p", "-t", "list"); !strings.Contains(said, "(16 changes) as alice@example.com") {
		t.Errorf("the terminal says\n%s", said)
	}
	p, err := readPlanFile(filepath.Join(r.dir, "chosen.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Changes) != 16 {
		t.Errorf("the chosen plan has %d changes, want 16", len(p.Changes))
	}
	r.must(exitDone, "apply", "chosen.json")
	tmux("kill-server")
}

func TestTheListGivesNamesTheRoomThatChangesDoNotNeed(t *testing.T) {
	pl := choosing(4)
	for i := range pl.Changes {
		pl.Changes[i].Target.Name = fmt.Sprintf("alias/cloud-platform/tenants-%03d", i)
	}
	c := newChooser(pl, nil, "", report.Style{})
	c.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	screen := ansi.Strip(c.View().Content)
	for i := range pl.Changes {
		if want := fmt.Sprintf("s-%03d ", i); !strings.Contains(screen, want) || !strings.Contains(screen, "off → 365 d") {
			t.Errorf("no %q, or not the change, in\n%s", want, screen)
		}
	}
	if got := c.nameWidth(); got < 30 {
		t.Errorf("names have %d columns of 80\n%s", got, screen)
	}
	press(t, c, "/")
	if screen := ansi.Strip(c.View().Content); !strings.Contains(screen, "env=prod") {
		t.Errorf("the filter does not say what it takes:\n%s", screen)
	}
}
