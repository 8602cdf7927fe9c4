package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// nextText is a text of the source that tells what to do next.
type nextText struct {
	at   token.Position
	text string // what is put together at run time stands there as WORD
}

// nextTexts are the texts of the source that errors and commands close with: those
// given to a Next field, to a variable of that name or to a function that takes one,
// and every other one that begins as a command does.
func nextTexts(t *testing.T) []nextText {
	t.Helper()
	var all []nextText
	set := token.NewFileSet()
	for _, dir := range []string{".", "../../internal"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			for _, n := range nextsIn(file) {
				all = append(all, nextText{set.Position(n.Pos()), textOf(n)})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func nextsIn(file *ast.File) []ast.Expr {
	var found []ast.Expr
	seen := map[ast.Node]bool{}
	add := func(e ast.Expr) {
		if !seen[e] && strings.Contains(textOf(e), "keyrotor ") {
			found = append(found, e)
		}
		ast.Inspect(e, func(n ast.Node) bool { seen[n] = true; return true })
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			seen[n.Key] = true // such as the names of commands in a table
			switch name := nameOf(n.Key); {
			case slices.Contains([]string{"Long", "Short", "Example", "Use"}, name):
				return false // help, and not what comes next
			case name == "Next" || name == "Command":
				add(n.Value)
			}
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if i < len(n.Rhs) && nameOf(to) == "what" {
					seen[n.Rhs[i]] = true // what failed, which may begin with the command's name
				}
				if i < len(n.Rhs) && strings.EqualFold(nameOf(to), "next") {
					add(n.Rhs[i])
				}
			}
		case *ast.CallExpr:
			if name := nameOf(n.Fun); name == "usage" || name == "Errorf" {
				for _, arg := range n.Args {
					seen[arg] = true
				}
			}
			if slices.Contains([]string{"usageNext", "showNext", "refuse", "notRun", "latest", "otherSigners"}, nameOf(n.Fun)) {
				for _, arg := range n.Args {
					add(arg)
				}
			}
		case *ast.BinaryExpr, *ast.BasicLit:
			if e, ok := n.(ast.Expr); ok && !seen[n] && strings.HasPrefix(textOf(e), "keyrotor ") {
				add(e)
			}
		}
		return true
	})
	return found
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// textOf is the text of an expression as far as the source tells it.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return regexp.MustCompile(`%[a-z]`).ReplaceAllString(text, "WORD")
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return textOf(e.X) + textOf(e.Y)
		}
	case *ast.Ident:
		if e.Name == "planArg" {
			return planArg
		}
	case *ast.CallExpr:
		if nameOf(e.Fun) == "Sprintf" && len(e.Args) > 0 {
			return textOf(e.Args[0])
		}
		// A choice, of which nobody here knows what it holds, or a word of its own.
	}
	return "WORD"
}

// noCommands begin like one and are none.
func noCommands(path string) bool {
	return slices.Contains([]string{"version.go", "iamtemplates.go", "digest.go"}, filepath.Base(path))
}

// wrongNext says what keeps a text from being pasted line by line; "" when nothing
// does. Words about a command come after three blanks, or on a line of their own.
func wrongNext(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		command, _, _ := strings.Cut(line, "   ")
		rest, begins := strings.CutPrefix(command, "keyrotor ")
		word, _, _ := strings.Cut(rest, " ")
		switch {
		case !begins && amongWords(command):
			return "a command in the middle of words: " + line
		case command == "keyrotor diff":
			continue // it takes no ids where a state holds two scans, and none is here
		case !begins || strings.HasPrefix(word, "WORD") || strings.HasPrefix(word, "help"):
			continue
		}
		// What is glued to the last word, such as a choice that may be none, is no
		// word of its own.
		command = regexp.MustCompile(`([a-z])WORD\b`).ReplaceAllString(command, "$1")
		if err := takes(command); err != nil && !errors.Is(err, pflag.ErrHelp) {
			return line + ": " + err.Error()
		}
	}
	return ""
}

// amongWords reports whether a command stands in the middle of a sentence, where
// nobody can tell where it ends.
func amongWords(words string) bool {
	p, _, _ := silent()
	for _, m := range regexp.MustCompile(`\bkeyrotor ([a-z-]+)`).FindAllStringSubmatch(words, -1) {
		if cmd, _, err := p.rootCmd().Find(m[1:]); err == nil && cmd.HasParent() {
			return true
		}
	}
	return false
}

// TestEveryNextCommandOfTheSourceIsOneThatExists holds what errors and commands
// propose against the commands themselves: names, flags and number of arguments.
func TestEveryNextCommandOfTheSourceIsOneThatExists(t *testing.T) {
	texts := nextTexts(t)
	t.Chdir(t.TempDir()) // where no configuration is
	commands := 0
	for _, n := range texts {
		if noCommands(n.at.Filename) {
			continue
		}
		commands++
		if wrong := wrongNext(n.text); wrong != "" {
			t.Errorf("%s: %s", n.at, wrong)
		}
	}
	if commands < 60 {
		t.Errorf("only %d texts were found", commands)
	}
}

func TestWrongNextCommandsAreFound(t *testing.T) {
	t.Chdir(t.TempDir())
	for text, right := range map[string]bool{
		"keyrotor scan": true,
		"keyrotor scan\nkeyrotor plan   after that":              true,
		"mend it, then\nkeyrotor explain KEY   says more":        true,
		"keyrotor plan --undo WORD":                              true,
		"keyrotor evidence verify WORD   see keyrotor scan":      true,
		"keyrotor evidence verify, which says what was changed":  false,
		"keyrotor evidence verify   says what was changed where": false,
		"keyrotor scan, then keyrotor plan: a run of its own":    false,
		"keyrotor apply with the same plan takes up":             false,
		"keyrotor apply": false,
		"mend that; then keyrotor report seals what is there": false,
		"keyrotor plan --nonsense":                            false,
	} {
		if wrong := wrongNext(text); (wrong == "") != right {
			t.Errorf("%q: got %q, want it right: %v", text, wrong, right)
		}
	}
}
