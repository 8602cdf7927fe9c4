package keyrotor_test

import (
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// variables are package-level variables that are neither compiled patterns,
// error values nor embedded files, each with the reason it may be one. Nothing
// writes to them after the program has started.
func variables() map[string]string {
	return map[string]string{
		"cmd/keyrotor.version":         "set by the linker of a release",
		"internal/sandbox.knownFields": "a cache of facts about types, which do not change",
		"internal/guard.goOn":          "the zero verdict, named so that guards read as sentences",
		"internal/report.stateOrder":   "a table: the order in which outcomes are shown",
		"internal/report.whoColumns":   "a table: columns",
	}
}

func TestNothingHappensBeforeMain(t *testing.T) {
	reasons := variables()
	for dir, pkg := range packages(t) {
		for _, f := range pkg.files {
			for _, decl := range f.syntax.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if d.Name.Name == "init" && d.Recv == nil {
						t.Errorf("%s: no init functions", f.position(d))
					}
				case *ast.GenDecl:
					for _, name := range suspicious(d) {
						key := dir + "." + name
						if reasons[key] == "" {
							t.Errorf("%s: package-level variable %s: pass it in, or give it a reason in habits_test.go", f.position(d), name)
						}
						delete(reasons, key)
					}
				}
			}
		}
	}
	for key := range reasons {
		t.Errorf("%s has a reason in habits_test.go and is gone", key)
	}
}

// suspicious are the variables of a declaration that need a reason.
func suspicious(d *ast.GenDecl) []string {
	if d.Tok != token.VAR {
		return nil
	}
	var names []string
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		for i, name := range v.Names {
			embedded := strings.Contains(docs(d.Doc, v.Doc), "//go:embed ")
			if name.Name == "_" || embedded || (i < len(v.Values) && fixed(v.Values[i])) {
				continue
			}
			names = append(names, name.Name)
		}
	}
	return names
}

func docs(groups ...*ast.CommentGroup) string {
	var b strings.Builder
	for _, g := range groups {
		if g == nil {
			continue
		}
		for _, c := range g.List {
			b.WriteString(c.Text + "\n")
		}
	}
	return b.String()
}

// fixed reports whether an initial value is of a kind that nobody can change.
func fixed(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	fun := call.Fun
	if generic, ok := fun.(*ast.IndexExpr); ok {
		fun = generic.X
	}
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && slices.Contains([]string{"errors.New", "regexp.MustCompile", "strings.NewReplacer", "reflect.TypeFor"}, pkg.Name+"."+sel.Sel.Name)
}

func TestExportedNamesSayWhatTheyPromise(t *testing.T) {
	for _, pkg := range packages(t) {
		for _, f := range pkg.files {
			if ast.IsGenerated(f.syntax) {
				continue
			}
			for _, decl := range f.syntax.Decls {
				for _, name := range undocumented(decl) {
					t.Errorf("%s: exported %s has no comment", f.position(decl), name)
				}
			}
		}
	}
}

func undocumented(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type))) && !ofInterface(d.Name.Name) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var names []string
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						names = append(names, n.Name)
					}
				}
			}
		}
		return names
	}
	return nil
}

// ofInterface reports names whose promise is the standard library's.
func ofInterface(name string) bool {
	return slices.Contains([]string{"Error", "Unwrap", "String", "Len", "Less", "Swap"}, name)
}

func receiver(e ast.Expr) string {
	switch r := e.(type) {
	case *ast.StarExpr:
		return receiver(r.X)
	case *ast.IndexExpr:
		return receiver(r.X)
	case *ast.Ident:
		return r.Name
	}
	return ""
}

// TestTemplatesComeInByKnownDoorsOnly: text/template calls methods by name, so
// that the linker has to keep every exported method of every type. None of our
// packages imports it, and these libraries do.
func TestTemplatesComeInByKnownDoorsOnly(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the go command")
	}
	known := []string{"html/template", "github.com/a-h/templ", "github.com/spf13/cobra", "cel.dev/cel-go/cel"}
	out, err := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./cmd/keyrotor").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		fields := strings.Fields(line)
		if slices.Contains(known, fields[0]) {
			continue
		}
		if slices.Contains(fields[1:], "text/template") || slices.Contains(fields[1:], "html/template") {
			t.Errorf("%s brings templates into the program", fields[0])
		}
		if fields[0] == "github.com/spf13/cobra/doc" {
			t.Error("cobra/doc is for tests alone")
		}
	}
}

// TestEveryKindOfErrorIsExplained compares errors.go with docs/errors.md.
func TestEveryKindOfErrorIsExplained(t *testing.T) {
	text, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	for _, f := range packages(t)["."].files {
		if f.name != "errors.go" {
			continue
		}
		for name := range f.syntax.Scope.Objects {
			if !ast.IsExported(name) {
				continue
			}
			kinds++
			if !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("docs/errors.md does not explain %s", name)
			}
		}
	}
	if kinds < 5 {
		t.Errorf("found %d kinds of errors in errors.go, want those it declares", kinds)
	}
}
