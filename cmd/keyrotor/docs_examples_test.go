package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// examples are the command lines of a page, indented or fenced. Words about them
// are set off by two spaces or more.
func examples(page string) []string {
	var lines []string
	fenced := false
	for line := range strings.SplitSeq(page, "\n") {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if !fenced && !strings.HasPrefix(line, "    ") {
			continue
		}
		for part := range strings.SplitSeq(line, "&&") {
			part, _, _ = strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(part), "$ ")), "  ")
			if strings.HasPrefix(part, "keyrotor ") {
				lines = append(lines, part)
			}
		}
	}
	return lines
}

// TestDocsCommandLinesAreOnesThatExist holds every command line of the pages
// against the commands: their names, flags and number of arguments.
func TestDocsCommandLinesAreOnesThatExist(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(docsDir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, page := range append(pages, "../../README.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		texts[page] = string(text)
	}
	t.Chdir(t.TempDir()) // where no configuration is
	found := 0
	for page, text := range texts {
		for _, line := range examples(text) {
			found++
			if err := takes(line); err != nil {
				t.Errorf("%s: %s: %v", page, line, err)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d command lines were found", found)
	}
}

// takes reports why the program would not take a command line as it stands.
func takes(line string) error {
	p, _, _ := silent()
	cmd, args, err := p.rootCmd().Find(shellWords(line)[1:])
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(args); err != nil {
		return err
	}
	if err := cmd.ValidateFlagGroups(); err != nil {
		return err
	}
	validate := cmd.Args
	if validate == nil {
		validate = cobra.ArbitraryArgs
	}
	return validate(cmd, cmd.Flags().Args())
}

// shellWords splits a line as a shell would, quotes and comments included.
func shellWords(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`#.*|'[^']*'|"[^"]*"|[^\s'"]+('[^']*')?`).FindAllString(line, -1) {
		if strings.HasPrefix(m, "#") || m == "|" || m == ">" {
			break
		}
		words = append(words, strings.Trim(m, `'"`))
	}
	return words
}

// TestDocsRulesHold runs the example of a rule against the example of its tests.
func TestDocsRulesHold(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(docsDir, "rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for name, first := range map[string]string{"own.yaml": "rules:\n", "own_test.yaml": "now: ", "waivers.yaml": "# waivers.yaml"} {
		if err := os.WriteFile(name, []byte(block(t, string(page), first)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, out, errs := silent()
	if code := p.run(t.Context(), []string{"rules", "test", "--pack", "own.yaml", "own_test.yaml"}); code != exitDone || !strings.Contains(out.String(), " 0 failed") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

// block is the indented block of a page that begins so, without its indent.
func block(t *testing.T, page, first string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, "\n    "+first)
	if !found {
		t.Fatalf("no block begins with %q", first)
	}
	var lines []string
	for line := range strings.SplitSeq("    "+first+rest, "\n") {
		if line != "" && !strings.HasPrefix(line, "    ") {
			break
		}
		lines = append(lines, strings.TrimPrefix(line, "    "))
	}
	return strings.Join(lines, "\n") + "\n"
}
