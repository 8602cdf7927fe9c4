package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAPathIsWithinAFolderAlsoThroughLinks(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"state/runs", "keys", "statements"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"to-state": "state", "to-new": "state/new.key", "absolute": filepath.Join(root, "state", "runs"), "state/out": "../keys",
		"to-keys": "keys", "to-link": "to-new", "circle": "circle", "keys/up": "../state/x",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		dir, path string
		want      bool
	}{
		"a file of the folder":                          {"state", "state/ledger.key", true},
		"the folder":                                    {"state", "state", true},
		"a file beside it":                              {"state", "ledger.key", false},
		"a folder whose name begins alike":              {"state", "statements/ledger.key", false},
		"a link to the folder":                          {"state", "to-state/ledger.key", true},
		"a folder by its link, a file by its path":      {"to-state", "state/ledger.key", true},
		"a link to what is not there yet":               {"state", "to-new", true},
		"a link to a link":                              {"state", "to-link", true},
		"an absolute link":                              {"state", "absolute/ledger.key", true},
		"a link that leads out, which others can turn":  {"state", "state/out/ledger.key", true},
		"the same by another way":                       {"state", "to-state/out/ledger.key", true},
		"a link to elsewhere":                           {"state", "to-keys/ledger.key", false},
		"a relative link behind a link":                 {"state", "to-keys/up", true},
		"a circle":                                      {"state", "circle", false},
		"a folder that is not there yet, and no link":   {"nowhere", "nowhere/keys/ledger.key", true},
		"a path that goes through and out by its words": {"state", "state/../keys/ledger.key", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := within(filepath.Join(root, tt.dir), filepath.Join(root, tt.path)); got != tt.want {
				t.Errorf("%s within %s: got %v, want %v", tt.path, tt.dir, got, tt.want)
			}
		})
	}
}
