package ledger_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// TestEveryFieldOfEveryFileIsDocumented holds the schemas against the page that
// describes them, section by section.
func TestEveryFieldOfEveryFileIsDocumented(t *testing.T) {
	text := string(read(t, filepath.Join(testenv.Root(t), "docs", "evidence.md")))
	for heading, value := range map[string]any{
		"inventory.jsonl":    keyrotor.InventoryLine{},
		"eligibility.jsonl":  keyrotor.EligibilityLine{},
		"findings.jsonl":     keyrotor.FindingLine{},
		"seen-on.jsonl":      keyrotor.SeenOnLine{},
		"plan.json":          keyrotor.Plan{},
		"approvals":          keyrotor.Approval{},
		"outcomes.jsonl":     keyrotor.Outcome{},
		"verification.jsonl": keyrotor.Verification{},
		"summary.json":       keyrotor.Summary{},
		"log/journal.jsonl":  ledger.Entry{},
		"ledger":             ledger.Head{},
	} {
		_, section, found := strings.Cut(text, "\n### `"+heading)
		if !found {
			t.Errorf("no section for %s", heading)
			continue
		}
		section, _, _ = strings.Cut(section, "\n### ")
		for _, field := range fields(reflect.TypeOf(value), map[reflect.Type]bool{}) {
			if !strings.Contains(section, "`"+field+"`") {
				t.Errorf("%s: the field %q is not described", heading, field)
			}
		}
	}
}

// elsewhere are types that have a section of their own, to which others refer.
func elsewhere(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[keyrotor.Target](), reflect.TypeFor[keyrotor.Outcome](),
		reflect.TypeFor[keyrotor.Approval](), reflect.TypeFor[keyrotor.Population](), reflect.TypeFor[keyrotor.Receipt](),
		reflect.TypeFor[keyrotor.Manager](), reflect.TypeFor[keyrotor.ExpectedGap](), reflect.TypeFor[keyrotor.RotationFacts]():
		return true
	}
	return false
}

// fields lists the JSON names of a type and of what it holds.
func fields(t reflect.Type, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] || (len(seen) > 0 && elsewhere(t)) {
		return nil
	}
	seen[t] = true
	var names []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
		if name != "-" {
			names = append(names, fields(f.Type, seen)...)
		}
	}
	return names
}
