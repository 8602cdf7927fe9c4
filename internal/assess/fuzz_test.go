package assess_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

// seeds adds what stands in testdata; an empty corpus would test nothing.
func seeds(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds match %s (%v)", pattern, err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(b), "-----\n")
		f.Add([]byte(input))
	}
}

// wellPlaced fails the test unless the error names a place and is harmless on a
// terminal.
func wellPlaced(t *testing.T, err error) {
	t.Helper()
	place, ok := errors.AsType[*assess.SourceError](err)
	if !ok {
		t.Fatalf("error without a place: %v", err)
	}
	if place.Line < 1 || place.Column < 1 || place.Message == "" {
		t.Fatalf("error with a place of nonsense: %+v", place)
	}
	for _, r := range err.Error() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("error shows %U: %q", r, err.Error())
		}
	}
}

func FuzzLoadPack(f *testing.F) {
	seeds(f, "testdata/errors/rule-*.txt")
	seeds(f, "*.yaml")
	seeds(f, "testdata/own.yaml")
	assets := []keyrotor.Asset{healthy(), imported(), mess(6), mess(9), {Kind: "tomorrow"}}
	f.Fuzz(func(t *testing.T, yaml []byte) {
		pack, err := assess.LoadPack("own.yaml", yaml)
		if err != nil {
			wellPlaced(t, err)
			return
		}
		a, err := assess.New(assess.Options{Packs: []*assess.Pack{pack}, Now: today()})
		if err != nil {
			t.Fatal(err)
		}
		for _, asset := range assets {
			for _, finding := range a.Assess(asset).Findings {
				if finding.Verdict == "" || finding.Severity.Rank() == 0 {
					t.Fatalf("finding without a verdict or severity: %+v", finding)
				}
			}
		}
	})
}

func FuzzLoadWaivers(f *testing.F) {
	seeds(f, "testdata/errors/waiver-*.txt")
	f.Add([]byte(strings.Replace(waiverYAML, "UNTIL", "2027-03-31", 1)))
	pack, err := assess.Builtin()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, yaml []byte) {
		w, err := assess.LoadWaivers("waivers.yaml", yaml, today(), "carol")
		if err != nil {
			wellPlaced(t, err)
			return
		}
		a, err := assess.New(assess.Options{Packs: []*assess.Pack{pack}, Waivers: w, Now: today()})
		if err != nil {
			wellPlaced(t, err)
			return
		}
		a.Assess(healthy(rotationOff))
		a.Lapsed()
	})
}

func FuzzCompileChoice(f *testing.F) {
	for _, expr := range []string{
		`asset.tags.env == "prod"`, `asset.policy.outside.all(a, a.matches("^1"))`, `has(asset.rotation.next)`,
		`asset.material.age > days(3)`, `asset.created.getFullYear("Europe/Paris") == 2021`, `dyn(asset).x`,
		`type(asset) == keyrotor.Asset`, `keyrotor.Asset{id: "x"} == asset`, `[asset].exists(x, x.id == "1")`, `{asset: 1}[asset] == 1`,
		`string(asset.rotation.period) == "x"`, `duration(asset.name) < duration("1s")`, `asset.tags.map(k, k + k).size() > 0`, "\x1b[31m", "((((((",
	} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		choose, err := choice(expr)
		if err != nil {
			wellPlaced(t, err)
			return
		}
		choose(healthy())
		choose(imported())
		choose(keyrotor.Asset{})
	})
}

func FuzzTestPack(f *testing.F) {
	seeds(f, "testdata/*_test.yaml")
	seeds(f, "testdata/errors/test-*.txt")
	pack, err := assess.Builtin()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, yaml []byte) {
		if _, err := assess.TestPack(pack, yaml); err != nil && !strings.HasPrefix(err.Error(), "assess: a cryptoperiod of") {
			wellPlaced(t, err)
		}
	})
}
