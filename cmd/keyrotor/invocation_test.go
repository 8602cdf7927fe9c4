package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The demo named keyrotor as what comes next to people who had not installed it.
func TestWhatComesNextIsStartedAsThisWas(t *testing.T) {
	installed := filepath.Join(t.TempDir(), "keyrotor")
	if err := os.WriteFile(installed, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ typed, self, found, want string }{
		"installed":                          {"keyrotor", installed, installed, "keyrotor"},
		"installed, by its path":             {installed, installed, installed, "keyrotor"},
		"built here":                         {"./bin/keyrotor", "/src/bin/keyrotor", "", "./bin/keyrotor"},
		"built here, an older one installed": {"bin/keyrotor", "/src/bin/keyrotor", installed, "bin/keyrotor"},
		"go run":                             {"/tmp/go-build12/b001/exe/keyrotor", "/tmp/go-build12/b001/exe/keyrotor", "", "go run ./cmd/keyrotor"},
		"a folder with a space":              {"./my bin/keyrotor", "/src/my bin/keyrotor", "", "'./my bin/keyrotor'"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := invoked(c.typed, c.self, c.found); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
