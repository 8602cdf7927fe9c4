package keyrotor_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/keyrotor/keyrotor"

// imports says what the packages of a folder may import beside the standard
// library: ours by folder ("." is the root), libraries by the start of their
// path. A folder that is not listed fails; docs/architecture.md draws the table.
type imports struct {
	ours []string
	libs []string
	// anything: the wiring may import all of the module and its libraries.
	anything bool
}

func permitted() map[string]imports {
	root := []string{"."}
	return map[string]imports{
		".": {}, // the language: the standard library and nothing else

		// Stages: the root, each one row of libraries, never another stage;
		// but plan and apply ask guard.
		"internal/inventory": {ours: root, libs: []string{"golang.org/x/sync/errgroup"}},
		"internal/assess":    {ours: root, libs: []string{"cel.dev/cel-go", "github.com/goccy/go-yaml"}},
		"internal/plan":      {ours: []string{".", "internal/guard"}, libs: []string{"github.com/gowebpki/jcs"}},
		"internal/guard":     {ours: root},
		"internal/approve":   {ours: root, libs: []string{"github.com/hiddeco/sshsig", "golang.org/x/crypto/ssh", "github.com/gowebpki/jcs"}},
		"internal/apply":     {ours: []string{".", "internal/guard"}, libs: []string{"golang.org/x/sync/errgroup"}},
		"internal/rotate":    {ours: root},
		"internal/verify":    {ours: root},
		"internal/ledger":    {ours: root, libs: []string{"golang.org/x/mod/sumdb", "github.com/gowebpki/jcs"}},
		"internal/report":    {ours: root, libs: []string{"github.com/a-h/templ", "github.com/charmbracelet/x/ansi"}},

		// The rim: the root and its own SDK, never another rim or a stage.
		"internal/aws": {ours: root, libs: []string{
			"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go", "golang.org/x/sync/errgroup", "golang.org/x/time/rate",
		}},
		"internal/store": {ours: root, libs: []string{"golang.org/x/sys/unix"}},
		"internal/sandbox": {ours: root, libs: []string{
			"github.com/aws/aws-sdk-go-v2", "github.com/decred/dcrd/dcrec/secp256k1", "github.com/tink-crypto/tink-go/v2/kwp",
			"github.com/cloudflare/circl", "github.com/emmansun/gmsm",
		}},

		// The composer: the root and the stages, never the rim.
		"internal/cycle": {ours: []string{
			".", "internal/inventory", "internal/assess", "internal/plan", "internal/guard", "internal/approve",
			"internal/apply", "internal/verify", "internal/ledger",
		}, libs: []string{"golang.org/x/sync/errgroup"}},

		// Suites that tests of several packages share; only tests and each
		// other import them.
		"internal/apply/applytest":   {ours: []string{".", "internal/apply", "internal/guard"}},
		"internal/rotate/rotatetest": {ours: []string{".", "internal/rotate", "internal/apply", "internal/apply/applytest"}},
		"internal/testenv":           {},

		// Commands: wiring. Nobody imports them.
		"cmd/keyrotor": {anything: true},
		"cmd/bench":    {anything: true},
	}
}

// testOnly are folders that no program may link.
func testOnly() []string {
	return []string{"internal/apply/applytest", "internal/rotate/rotatetest", "internal/testenv"}
}

// pure packages decide and do not act: no context, no world, no clock of their
// own. Their absence from a package is what makes it testable by tables.
func pure() []string {
	return []string{"internal/assess", "internal/plan", "internal/guard", "internal/approve", "internal/verify"}
}

func TestPackagesImportOnlyWhatTheirRowPermits(t *testing.T) {
	rows := permitted()
	for dir, pkg := range packages(t) {
		row, listed := rows[dir]
		if !listed {
			t.Errorf("%s is not in the table of arch_test.go: say there what it may import", dir)
			continue
		}
		for imported, files := range pkg.imports {
			if why := forbidden(row, dir, imported); why != "" {
				t.Errorf("%s imports %s (%s): %s", dir, imported, strings.Join(files, ", "), why)
			}
		}
	}
}

// forbidden says why dir may not import the path; "" when it may.
func forbidden(row imports, dir, imported string) string {
	ours, inModule := strings.CutPrefix(imported, module)
	ours = cmpDot(strings.TrimPrefix(ours, "/"))
	switch {
	case inModule && strings.HasPrefix(ours, "cmd/"):
		return "nobody imports a command"
	case inModule && slices.Contains(testOnly(), ours) && !slices.Contains(testOnly(), dir):
		return "only tests may"
	case row.anything:
		return ""
	case inModule && !slices.Contains(row.ours, ours):
		return "its row permits of ours only " + strings.Join(row.ours, " ")
	case inModule || !strings.Contains(strings.Split(imported, "/")[0], "."):
		return "" // permitted, or the standard library
	}
	for _, lib := range row.libs {
		if imported == lib || strings.HasPrefix(imported, lib+"/") {
			return ""
		}
	}
	return "its row permits of libraries only " + strings.Join(row.libs, " ")
}

func TestTheTableForbidsWhatItShould(t *testing.T) {
	rows := permitted()
	for name, c := range map[string]struct {
		dir, imported string
		ok            bool
	}{
		"a stage may import the root":             {"internal/assess", module, true},
		"a stage may not import another":          {"internal/assess", module + "/internal/plan", false},
		"plan may ask guard":                      {"internal/plan", module + "/internal/guard", true},
		"verify may not see the code that writes": {"internal/verify", module + "/internal/apply", false},
		"a rim may not import another":            {"internal/aws", module + "/internal/store", false},
		"the composer may not reach AWS":          {"internal/cycle", module + "/internal/aws", false},
		"the root may not import a library":       {".", "golang.org/x/mod/sumdb", false},
		"a name that begins alike is no library":  {"internal/plan", "github.com/gowebpki/jcsx", false},
		"nobody imports a command":                {"cmd/bench", module + "/cmd/keyrotor", false},
		"a program may not link the test suites":  {"cmd/keyrotor", module + "/internal/testenv", false},
	} {
		t.Run(name, func(t *testing.T) {
			why := forbidden(rows[c.dir], c.dir, c.imported)
			if (why == "") != c.ok {
				t.Errorf("%s importing %s: got %q, want permitted %v", c.dir, c.imported, why, c.ok)
			}
		})
	}
}

func TestPurePackagesTouchNeitherWorldNorClock(t *testing.T) {
	all := packages(t)
	for _, dir := range pure() {
		pkg, ok := all[dir]
		if !ok {
			t.Errorf("%s is gone: mend the list in arch_test.go", dir)
			continue
		}
		for imported, files := range pkg.imports {
			first := strings.Split(imported, "/")[0]
			if slices.Contains([]string{"context", "os", "net", "syscall"}, first) || imported == "crypto/rand" || strings.HasPrefix(imported, "math/rand") || imported == "log" || imported == "log/slog" {
				t.Errorf("%s is pure and imports %s (%s)", dir, imported, strings.Join(files, ", "))
			}
		}
		for _, f := range pkg.files {
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				x, ok := sel.X.(*ast.Ident)
				if ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "Tick"}, sel.Sel.Name) {
					t.Errorf("%s is pure and calls time.%s: take now as an argument", f.position(n), sel.Sel.Name)
				}
				return true
			})
		}
	}
}

func TestPackagesAreNamedForAThingAndSayWhatTheyAre(t *testing.T) {
	drawers := []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "core", "types", "models", "shared", "misc"}
	for dir, pkg := range packages(t) {
		if slices.Contains(drawers, pkg.name) || slices.Contains(drawers, path.Base(dir)) {
			t.Errorf("%s: a package is named for what it is, not for a drawer", dir)
		}
		want := "Package " + pkg.name + " "
		if pkg.name == "main" {
			want = "Command " + path.Base(dir) + " "
		}
		doc := ""
		for _, f := range pkg.files {
			// templ puts its version where the comment stands.
			if d := f.syntax.Doc.Text(); d != "" && !ast.IsGenerated(f.syntax) {
				if doc != "" {
					t.Errorf("%s: two files have a package comment, the second is %s", dir, f.name)
				}
				doc = d
			}
		}
		if !strings.HasPrefix(doc, want) {
			t.Errorf("%s: got package comment %q, want one that starts with %q", dir, firstLine(doc), want)
		}
	}
}

// source is one file of a package, tests apart.
type source struct {
	name   string
	syntax *ast.File
	set    *token.FileSet
}

func (s source) position(n ast.Node) string { return s.set.Position(n.Pos()).String() }

type pack struct {
	name    string
	files   []source
	imports map[string][]string // path ▶ files
}

// packages parses every package of the module by its folder, tests and
// testdata apart, on all platforms at once.
func packages(t *testing.T) map[string]*pack {
	t.Helper()
	found := map[string]*pack{}
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		syntax, err := parser.ParseFile(set, file, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		if found[dir] == nil {
			found[dir] = &pack{name: syntax.Name.Name, imports: map[string][]string{}}
		}
		p := found[dir]
		p.files = append(p.files, source{name: filepath.Base(file), syntax: syntax, set: set})
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			p.imports[imported] = append(p.imports[imported], filepath.Base(file))
		}
		return nil
	})
	if err != nil || len(found) < 10 {
		t.Fatalf("parse the module: %v (%d packages)", err, len(found))
	}
	return found
}

func cmpDot(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
