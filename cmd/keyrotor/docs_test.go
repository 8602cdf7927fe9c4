package main

import (
	"bytes"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "write the files under docs that are generated from the code")

const docsDir = "../../docs"

// docsDate stands in the man pages, so that they change only with the code.
var docsDate = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// documented is the program's tree of commands as its documentation shows it.
func documented() *cobra.Command {
	p, _, _ := silent()
	root := p.rootCmd()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	each(root, func(c *cobra.Command) {
		c.DisableAutoGenTag = true
	})
	return root
}

// silent is a program nobody listens to, with its two outputs.
func silent() (*program, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return &program{
		in: strings.NewReader(""), out: &out, err: &errs, env: func(string) string { return "" },
		now: func() time.Time { return docsDate }, rand: strings.NewReader(""),
	}, &out, &errs
}

func each(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		each(sub, do)
	}
}

func TestDocsOfCommandsAreThoseOfTheCode(t *testing.T) {
	fresh := t.TempDir()
	if err := doc.GenMarkdownTree(documented(), fresh); err != nil {
		t.Fatal(err)
	}
	compareFolders(t, fresh, filepath.Join(docsDir, "commands"))
}

func TestDocsManPagesAreThoseOfTheCode(t *testing.T) {
	fresh := t.TempDir()
	header := &doc.GenManHeader{Section: "1", Source: "keyrotor", Manual: "keyrotor", Date: &docsDate}
	if err := doc.GenManTree(documented(), header, fresh); err != nil {
		t.Fatal(err)
	}
	compareFolders(t, fresh, filepath.Join(docsDir, "man"))
}

func TestDocsConfigurationSchemaIsThatOfTheCode(t *testing.T) {
	want, err := configSchema()
	if err != nil {
		t.Fatal(err)
	}
	fresh := t.TempDir()
	if err := os.WriteFile(filepath.Join(fresh, "keyrotor.schema.json"), want, 0o600); err != nil {
		t.Fatal(err)
	}
	compareFiles(t, fresh, docsDir, "keyrotor.schema.json")
}

// TestDocsExitCodesAreThoseOfTheCode compares docs/errors.md and every
// command's help with the code.
func TestDocsExitCodesAreThoseOfTheCode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docsDir, "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+?) \|`).FindAllStringSubmatch(string(text), -1) {
		if code, err := strconv.Atoi(row[1]); err != nil || code != len(got) {
			t.Errorf("docs/errors.md: exit code %s stands where %d should", row[1], len(got))
		}
		got = append(got, row[2])
	}
	if diff := cmp.Diff(exitMeanings(), got); diff != "" {
		t.Errorf("the exit codes of docs/errors.md (-code +docs):\n%s", diff)
	}
	p, out, _ := silent()
	if code := p.run(t.Context(), []string{"help", "exit-codes"}); code != exitDone || !strings.Contains(out.String(), exitCodeHelp()) {
		t.Errorf("keyrotor help exit-codes: exit code %d, got\n%s\nwant the list\n%s", code, out, exitCodeHelp())
	}
	commands := map[string]bool{}
	each(p.rootCmd(), func(c *cobra.Command) {
		if c.IsAdditionalHelpTopicCommand() {
			return
		}
		commands[c.CommandPath()] = true
		p, out, _ := silent()
		p.run(t.Context(), append(strings.Fields(c.CommandPath())[1:], "--help"))
		if diff := cmp.Diff(wordsOf(c.CommandPath()), namedCodes(out.String())); diff != "" {
			t.Errorf("the exit codes in the help of %q (-code +help):\n%s", c.CommandPath(), diff)
		}
		ours := !strings.HasPrefix(c.CommandPath(), "keyrotor completion ")
		if usage := strings.Index(out.String(), "\nUsage:"); ours && strings.Count(out.String()[:max(0, usage)], "\n") > 20 {
			t.Errorf("the help of %q: the usage stands off the screen", c.CommandPath())
		}
	})
	for path := range canEnd() {
		if !commands[path] {
			t.Errorf("exit codes are declared for %q, which is no command", path)
		}
	}
}

// wordsOf are the codes that the code says a command can end with.
func wordsOf(path string) map[string]string {
	words := map[string]string{}
	for code, meaning := range exitMeanings() {
		if word, _, _ := strings.Cut(meaning, ":"); code <= exitUsage || slices.Contains(canEnd()[path], code) {
			words[strconv.Itoa(code)] = word
		}
	}
	return words
}

// namedCodes are the codes that a help names, with their words.
func namedCodes(help string) map[string]string {
	named := map[string]string{}
	_, list, _ := strings.Cut(help, "\nExit codes (keyrotor help exit-codes says what they mean):\n")
	list, _, _ = strings.Cut(list, "\n")
	for part := range strings.SplitSeq(list, ",") {
		code, word, _ := strings.Cut(strings.TrimSpace(part), " ")
		named[code] = word
	}
	return named
}

func TestEveryCommandSaysWhatItIs(t *testing.T) {
	p, _, _ := silent()
	each(p.rootCmd(), func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || c.Short != strings.ToUpper(c.Short[:1])+c.Short[1:] {
			t.Errorf("%q: got short help %q, want a sentence without its period", c.CommandPath(), c.Short)
		}
		cobras := c.Name() == "help" || c.Name() == "completion" || c.IsAdditionalHelpTopicCommand() // they show help by themselves
		if c.RunE == nil && !cobras {
			t.Errorf("%q does nothing, not even show its help", c.CommandPath())
		}
	})
}

func TestShellsCompleteCommandsAndFlags(t *testing.T) {
	for shell, marker := range map[string]string{
		"bash": "complete -o default -F __start_keyrotor keyrotor", "zsh": "#compdef keyrotor",
		"fish": "complete -c keyrotor", "powershell": "Register-ArgumentCompleter -CommandName 'keyrotor'",
	} {
		t.Run(shell, func(t *testing.T) {
			p, out, errs := silent()
			if code := p.run(t.Context(), []string{"completion", shell}); code != exitDone || errs.Len() > 0 {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			if !strings.Contains(out.String(), marker) {
				t.Errorf("the script of %d bytes does not hold %q", out.Len(), marker)
			}
		})
	}
	for line, want := range map[string]string{"pl": "plan\t", "apply --sta": "--state\t", "rules ": "show\t"} {
		p, out, _ := silent()
		if code := p.run(t.Context(), append([]string{"__complete"}, strings.Split(line, " ")...)); code != exitDone {
			t.Errorf("complete %q: exit code %d", line, code)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("complete %q: got %q, want %q among it", line, out, want)
		}
	}
}

// compareFolders holds the generated folder against the one that is kept, or
// with -update makes the kept one the same.
func compareFolders(t *testing.T, fresh, kept string) {
	t.Helper()
	names := map[string]bool{}
	for _, dir := range []string{fresh, kept} {
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, e := range entries {
			names[e.Name()] = true
		}
	}
	if len(names) < 10 {
		t.Fatalf("%d files: the tree of commands was not walked", len(names))
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		compareFiles(t, fresh, kept, name)
	}
}

func compareFiles(t *testing.T, fresh, kept, name string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join(fresh, name))
	gone := os.IsNotExist(err)
	if err != nil && !gone {
		t.Fatal(err)
	}
	if *update {
		write(t, filepath.Join(kept, name), want, gone)
	}
	got, err := os.ReadFile(filepath.Join(kept, name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" || gone != os.IsNotExist(err) {
		t.Errorf("%s is not what the code says; run make docs (-code +docs):\n%s", filepath.Join(kept, name), diff)
	}
}

func write(t *testing.T, path string, text []byte, gone bool) {
	t.Helper()
	var err error
	if gone {
		err = os.Remove(path)
	} else if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// TestDocsLinksLeadSomewhere follows every relative link of the pages.
func TestDocsLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	pages := 0
	for _, start := range []string{docsDir, "../../README.md", "../../CONTRIBUTING.md", "../../CHANGELOG.md"} {
		err := filepath.WalkDir(start, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") {
				return err
			}
			pages++
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range link.FindAllStringSubmatch(string(text), -1) {
				if strings.Contains(m[1], ":") || strings.HasSuffix(m[1], ".png") {
					continue
				}
				if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
					t.Errorf("%s links to %s, which is not there", path, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if pages < 20 {
		t.Errorf("only %d pages were read", pages)
	}
}
