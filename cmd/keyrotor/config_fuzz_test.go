package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzConfig loads any bytes as a configuration: what is refused names the file, and
// what is taken is the same when it is loaded again.
func FuzzConfig(f *testing.F) {
	example, err := os.ReadFile(filepath.Join(docsDir, "configuration.md"))
	if err != nil {
		f.Fatal(err)
	}
	for block := range strings.SplitSeq(string(example), "```") {
		if yaml, ok := strings.CutPrefix(block, "yaml\n"); ok {
			f.Add([]byte(yaml))
		}
	}
	for _, text := range []string{
		"", "# nothing\n", "approval:\n  signers: allowed_signers\n  needed: 2\n", "apply:\n  patience: 010\n", "apply: {freeze: [{from: 1, to: x}]}",
		"regions: &a [*a]\n", "tags: null\n", "with: [last-use\n", "\ufefflog:\n", "organization:\n  accounts: [\"123456789012\"]\n  session_duration: -1h\n",
	} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "keyrotor.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(path)
		if err != nil {
			if !strings.Contains(err.Error(), "keyrotor.yaml") {
				t.Errorf("%q: the refusal does not name the file: %v", text, err)
			}
			return
		}
		again, err := loadConfig(path)
		if diff := cmp.Diff(c, again, cmp.AllowUnexported(Config{})); err != nil || diff != "" {
			t.Errorf("%q loads otherwise the second time: %v\n%s", text, err, diff)
		}
	})
}
