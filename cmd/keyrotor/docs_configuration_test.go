package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// shownConfig is the configuration of docs/configuration.md, as text.
func shownConfig(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(docsDir, "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	text, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatal("the page shows no keyrotor.yaml")
	}
	return text
}

// TestDocsConfigurationShowsEveryKey holds the page against the type that reads the
// file: whoever adds a key documents it.
func TestDocsConfigurationShowsEveryKey(t *testing.T) {
	var shown map[string]any
	if err := yaml.Unmarshal([]byte(shownConfig(t)), &shown); err != nil {
		t.Fatal(err)
	}
	if n := missingKeys(t, reflect.TypeFor[Config](), shown, ""); n < 40 {
		t.Errorf("only %d keys were looked for", n)
	}
}

// missingKeys reports keys of a type that a document lacks, and counts all it looked
// for.
func missingKeys(t *testing.T, of reflect.Type, shown map[string]any, at string) (looked int) {
	t.Helper()
	for f := range fieldsOf(of) {
		name := f.Tag.Get("yaml")
		looked++
		value, there := shown[name]
		if !there {
			t.Errorf("docs/configuration.md does not show %s%s", at, name)
			continue
		}
		inner := f.Type
		if list, ok := value.([]any); ok && inner.Kind() == reflect.Slice && len(list) > 0 {
			inner, value = inner.Elem(), list[0]
		}
		if deeper, ok := value.(map[string]any); ok && inner.Kind() == reflect.Struct {
			looked += missingKeys(t, inner, deeper, at+name+".")
		}
	}
	return looked
}

// fieldsOf are the fields of a configuration that its file can set.
func fieldsOf(of reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range of.NumField() {
			if f := of.Field(i); f.IsExported() && f.Tag.Get("yaml") != "" && !yield(f) {
				return
			}
		}
	}
}

// TestDocsConfigurationIsGoodAndShowsTheDefaults loads the page's file: it is one
// that keyrotor takes, and shows the default where there is one.
func TestDocsConfigurationIsGoodAndShowsTheDefaults(t *testing.T) {
	text := shownConfig(t)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("keyrotor.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := loadConfig("keyrotor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var defaults Config
	defaults.fill()
	compareDefaults(t, reflect.ValueOf(*got), reflect.ValueOf(defaults), "")
	for _, g := range got.expectedGaps() {
		if g.Until.Before(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("the example of an expected gap ended %s", g.Until)
		}
	}
}

// compareDefaults reports where a key with a default is shown with another value.
func compareDefaults(t *testing.T, got, want reflect.Value, at string) {
	t.Helper()
	for f := range fieldsOf(want.Type()) {
		g, w := got.FieldByIndex(f.Index), want.FieldByIndex(f.Index)
		name := at + f.Tag.Get("yaml")
		switch {
		case w.Kind() == reflect.Struct:
			compareDefaults(t, g, w, name+".")
		case w.IsZero():
		case fmt.Sprint(reflect.Indirect(g)) != fmt.Sprint(reflect.Indirect(w)):
			t.Errorf("docs/configuration.md shows %s: %v, and the default is %v", name, reflect.Indirect(g), reflect.Indirect(w))
		}
	}
}
