package assess_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor/internal/assess"
)

var update = flag.Bool("update", false, "write the golden files")

// TestErrorsShowTheirPlace runs every file under testdata/errors: its first
// part is what somebody wrote, and below the line is what they are told.
func TestErrorsShowTheirPlace(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/errors/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d files (%v), want at least 20", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			const line = "-----\n"
			input, want, _ := strings.Cut(string(raw), line)
			got := complain(t, filepath.Base(path), input) + "\n"
			if *update {
				if err := os.WriteFile(path, []byte(input+line+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// complain loads the input as what the name of its file says it is.
func complain(t *testing.T, name, input string) string {
	t.Helper()
	kind, _, _ := strings.Cut(name, "-")
	var err error
	switch kind {
	case "rule":
		_, err = assess.LoadPack("own.yaml", []byte(input))
	case "waiver":
		_, err = assess.LoadWaivers("waivers.yaml", []byte(input), today(), "")
	case "test":
		_, err = assess.TestPack(builtin(t), []byte(input))
	case "select":
		_, err = choice(strings.TrimSuffix(input, "\n"))
	case "gap":
		_, err = assess.CompileGapMatch(strings.TrimSuffix(input, "\n"))
	default:
		t.Fatalf("file %s names no kind of input", name)
	}
	if err == nil {
		t.Fatalf("%s was accepted", name)
	}
	return err.Error()
}
