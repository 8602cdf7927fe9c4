package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/testenv"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// results are the commands that have every form. Beside them there are those of
// textOnly, and those that print help.
var results = []string{
	"scan", "assess", "plan", "plan show", "plan set-period", "plan rotate-now", "plan tag", "plan create-key",
	"approve", "apply", "verify", "report", "explain", "runs", "diff", "rules list", "rules show", "rules test",
	"evidence verify", "doctor",
}

func TestACommandWithoutAFormRefusesItAndSaysWhichItHas(t *testing.T) {
	p, _, _ := silent()
	each(p.rootCmd(), func(c *cobra.Command) {
		if !c.Runnable() {
			return // a page of help
		}
		path := c.CommandPath()
		whole := slices.Contains(results, strings.TrimPrefix(path, "keyrotor "))
		_, textual := textOnly()[path]
		if !whole && !textual && !helps(c) {
			t.Errorf("%s is neither in the list of those with every form nor in textOnly", path)
		}
		for _, form := range append(report.Formats(), "bogus", "JSON") {
			p.flags.output = form
			known := slices.Contains(report.Formats(), form)
			want, says := exitDone, ""
			switch {
			case !known:
				want, says = exitUsage, "--output "+form+": one of text, json, yaml, csv, markdown"
			case !whole && form != "text":
				want, says = exitUsage, "has text only"
			}
			err := p.hasForm(c)
			if got := exitCodeOf(err); got != want || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s --output %s: exit code %d, %v; want %d, %q", path, form, got, err, want, says)
			}
		}
	})
}

func TestTheRootCommandChecksOutputForAll(t *testing.T) {
	for _, line := range []string{
		"--output bogus", "version --output bogus", "version --output json", "help --output json", "rules --output json", "completion bash --output yaml",
		"config schema --output yaml", "iam-policy --output csv", "sandbox --output json", "evidence verify --output toml x", "rules list --output toml",
	} {
		p, out, errs := silent()
		if got := p.run(t.Context(), strings.Fields(line)); got != exitUsage || out.Len() > 0 || !strings.Contains(errs.String(), "--output") {
			t.Errorf("keyrotor %s: exit code %d, %q, %q; want %d and why", line, got, out, errs, exitUsage)
		}
	}
}

// fileSchemas are those of a run's files, which are printed as the file has them.
var fileSchemas = []string{keyrotor.SchemaPlan, keyrotor.SchemaOutcome, keyrotor.SchemaVerification, keyrotor.SchemaSummary}

func TestASchemaHasOneShapeOverAllCommandsAndIsDocumented(t *testing.T) {
	testenv.Slow(t, "every command in every form")
	_, url := watch(t, few(), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	r.write("tests.yaml", "tests:\n  - name: off\n    asset: {region: us-east-1}\n    expect: {kms-rotation-on: pass}\n")
	page, err := os.ReadFile(filepath.Join(docsDir, "output.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	bodies := map[string]string{} // of rules, by command
	for _, line := range []string{
		"doctor", "scan", "assess", "assess --rule kms-rotation-on", "explain alias/orders", "plan", "plan show plan.json",
		"approve --no-sign --all plan.json", "approve --all --key alice plan.json", "apply plan.json", "verify", "report",
		"scan", "diff", "runs", "rules list", "rules show kms-rotation-on", "rules test tests.yaml", "evidence verify state",
	} {
		cmd := r.command(append(strings.Fields(line), "--output", "json")...)
		out, _ := cmd.Output() // whatever it ends with
		shapes := 0
		for l := range strings.Lines(string(out)) {
			var doc map[string]json.RawMessage
			if err := json.Unmarshal([]byte(l), &doc); err != nil {
				t.Fatalf("%s: %v in %s", line, err, l)
			}
			shapes++
			schema := strings.Trim(string(doc["schema"]), `"`)
			seen[schema] = true
			command, _, _ := strings.Cut(line, " -")
			if !strings.Contains(string(page), "| `"+schema+"` |") {
				t.Errorf("%s: docs/output.md does not list %s, which %s prints", line, schema, command)
			}
			if slices.Contains(fileSchemas, schema) {
				if doc["body"] != nil {
					t.Errorf("%s: %s is a file of a run, and stands in a body", line, schema)
				}
				continue
			}
			want := []string{"body", "schema", "version"}
			if schema == "keyrotor.evidence-check" {
				want = []string{"body", "schema", "verdict", "version"}
			}
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(doc))); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", line, schema, diff)
			}
			if schema == report.SchemaRule && strings.Contains(string(doc["body"]), `"id":"kms-rotation-on"`) {
				bodies[line] = string(doc["body"])
			}
		}
		if shapes == 0 {
			t.Errorf("%s printed nothing (%v)", line, cmd.ProcessState)
		}
	}
	if diff := cmp.Diff(bodies["rules list"], bodies["rules show kms-rotation-on"]); diff != "" {
		t.Errorf("the same rule, listed and shown (-list +show):\n%s", diff)
	}
	for row := range strings.Lines(string(page)) {
		if _, rest, ok := strings.Cut(row, "| `keyrotor."); ok {
			schema, _, _ := strings.Cut("keyrotor."+rest, "`")
			if !seen[schema] {
				t.Errorf("docs/output.md lists %s, which no command printed", schema)
			}
		}
	}
}
