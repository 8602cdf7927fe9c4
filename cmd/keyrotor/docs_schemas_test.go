package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// recordSchemas are the types of what a run leaves behind, by their schema.
func recordSchemas() map[string]any {
	return map[string]any{
		keyrotor.SchemaInventory:    keyrotor.InventoryLine{},
		keyrotor.SchemaEligibility:  keyrotor.EligibilityLine{},
		keyrotor.SchemaFinding:      keyrotor.FindingLine{},
		keyrotor.SchemaSeenOn:       keyrotor.SeenOnLine{},
		keyrotor.SchemaPlan:         keyrotor.Plan{},
		keyrotor.SchemaApproval:     keyrotor.Approval{},
		keyrotor.SchemaOutcome:      keyrotor.Outcome{},
		keyrotor.SchemaVerification: keyrotor.Verification{},
		keyrotor.SchemaSummary:      keyrotor.Summary{},
		keyrotor.SchemaLedgerEntry:  ledger.Entry{},
		keyrotor.SchemaRunHead:      ledger.Head{},
	}
}

// schemaFile is the file of a schema under docs/schemas.
func schemaFile(schema string) string { return schema + ".schema.json" }

// TestDocsSchemasOfARunsFilesAreThoseOfTheCode makes every change of a written file
// a change that somebody saw: the schemas are remade by make docs alone.
func TestDocsSchemasOfARunsFilesAreThoseOfTheCode(t *testing.T) {
	fresh := t.TempDir()
	for name, value := range recordSchemas() {
		if err := os.WriteFile(filepath.Join(fresh, schemaFile(name)), recordSchema(t, name, value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	compareFolders(t, fresh, filepath.Join(docsDir, "schemas"))
}

// recordSchema reflects a schema from the type that is written.
func recordSchema(t *testing.T, name string, value any) []byte {
	t.Helper()
	r := jsonschema.Reflector{ExpandedStruct: true, Anonymous: true, Mapper: mappedType}
	schema := r.Reflect(value)
	schema.Title = name
	types := structsOf(reflect.TypeOf(value), map[string]reflect.Type{})
	mayBeNull(t, schema, reflect.TypeOf(value))
	pinned(schema, reflect.TypeOf(value))
	for def, s := range schema.Definitions {
		mayBeNull(t, s, types[def])
		pinned(s, types[def])
	}
	if name == keyrotor.SchemaInventory {
		for _, one := range []string{"asset", "place", "gap", "population"} {
			schema.OneOf = append(schema.OneOf, &jsonschema.Schema{Required: []string{one}})
		}
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// mappedType says of a digest what its Go type does not.
func mappedType(t reflect.Type) *jsonschema.Schema {
	if t == reflect.TypeFor[keyrotor.Digest]() {
		return &jsonschema.Schema{Type: "string", Pattern: "^(sha256:[0-9a-f]{64})?$"}
	}
	return nil
}

// pinned fixes the name and the version of an object that bears them. A journal
// holds objects of other schemas: each bears its own name.
func pinned(s *jsonschema.Schema, of reflect.Type) {
	named := map[reflect.Type]string{reflect.TypeFor[keyrotor.Statement](): keyrotor.SchemaApproval}
	for name, value := range recordSchemas() {
		named[reflect.TypeOf(value)] = name
	}
	if p, ok := s.Properties.Get("schema"); ok {
		p.Const = named[of]
	}
	if p, ok := s.Properties.Get("version"); ok && named[of] != "" {
		p.Const = keyrotor.SchemaVersion
	}
}

// mayBeNull allows null where Go writes it: for a list, a map or a pointer that is
// nil and not left out when empty.
func mayBeNull(t *testing.T, s *jsonschema.Schema, of reflect.Type) {
	t.Helper()
	if of == nil {
		t.Fatalf("a definition of the schema belongs to no type: %+v", s)
	}
	for _, f := range reflect.VisibleFields(of) {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		canBeNil := f.Type.Kind() == reflect.Slice || f.Type.Kind() == reflect.Map || f.Type.Kind() == reflect.Pointer
		if f.Anonymous || name == "" || name == "-" || !canBeNil || strings.Contains(rest, "omitempty") {
			continue
		}
		p, ok := s.Properties.Get(name)
		if !ok {
			t.Fatalf("%s.%s is not in its schema", of, name)
		}
		s.Properties.Set(name, &jsonschema.Schema{OneOf: []*jsonschema.Schema{p, {Type: "null"}}})
	}
}

// structsOf collects the structs that a type is made of, by name.
func structsOf(t reflect.Type, into map[string]reflect.Type) map[string]reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || into[t.Name()] != nil {
		return into
	}
	into[t.Name()] = t
	for f := range t.Fields() {
		structsOf(f.Type, into)
	}
	return into
}
