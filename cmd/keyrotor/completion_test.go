package main

import (
	"slices"
	"strings"
	"testing"
)

func TestTheShellIsOfferedTheValuesOfAFlagAndNoFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, want := range map[string][]string{
		"scan --output":                {"text", "json", "yaml", "csv", "markdown"},
		"iam-policy scan --format":     {"json", "cloudformation", "terraform"},
		"demo --world":                 {"small", "demo", "large"},
		"sandbox --world":              {"empty", "small", "demo", "large"},
		"assess --fail-on":             {"none", "critical"},
		"assess --rule":                {"kms-rotation-on", "kms-owner-tag"},
		"plan show plan.json --output": {"text"},
	} {
		p, out, errs := silent()
		if code := p.run(t.Context(), append([]string{"__complete"}, append(strings.Fields(line), "")...)); code != exitDone {
			t.Errorf("%s: exit code %d: %s", line, code, errs)
		}
		got := strings.Split(strings.TrimSpace(out.String()), "\n")
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s is not completed with %s, but: %q", line, w, got)
			}
		}
		if directive := got[len(got)-1]; directive != ":4" { // cobra's word for: no files
			t.Errorf("%s: got directive %s, want :4", line, directive)
		}
	}
}
