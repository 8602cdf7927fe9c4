package main

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// shape is a JSON Schema, of which it knows what the generated ones use. A word that
// it does not know fails the reading: nothing is passed over in silence.
type shape map[string]any

// shapeWords are the words that faults acts on, and those that only describe.
func shapeWords() []string {
	return []string{
		"$schema", "$defs", "title", "$ref", "type", "const", "pattern", "format",
		"properties", "required", "additionalProperties", "items", "oneOf",
		"description", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "uniqueItems",
	}
}

// faults lists what is wrong with a value, each with its place.
func (s shape) faults(root shape, at string, value any) []string {
	for word := range s {
		if !slices.Contains(shapeWords(), word) {
			return []string{fmt.Sprintf("%s: the check does not know the schema's word %q", at, word)}
		}
	}
	if ref, ok := s["$ref"].(string); ok {
		def, ok := root.sub("$defs")[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		if !ok {
			return []string{at + ": " + ref + " leads nowhere"}
		}
		return shape(def).faults(root, at, value)
	}
	bad := s.scalarFaults(at, value)
	if one, ok := s["oneOf"].([]any); ok {
		bad = append(bad, oneFaults(root, at, one, value)...)
	}
	switch v := value.(type) {
	case map[string]any:
		bad = append(bad, s.objectFaults(root, at, v)...)
	case []any:
		for i, item := range v {
			bad = append(bad, shape(s.sub("items")).faults(root, fmt.Sprintf("%s[%d]", at, i), item)...)
		}
	}
	return bad
}

func (s shape) sub(word string) map[string]any {
	m, _ := s[word].(map[string]any)
	return m
}

func (s shape) scalarFaults(at string, value any) []string {
	if want, ok := s["type"].(string); ok && !isOf(want, value) {
		return []string{fmt.Sprintf("%s: got %T, want %s", at, value, want)}
	}
	var bad []string
	if want, ok := s["const"]; ok && value != want {
		bad = append(bad, fmt.Sprintf("%s: got %v, want %v", at, value, want))
	}
	bad = append(bad, s.boundFaults(at, value)...)
	text, isText := value.(string)
	if pattern, ok := s["pattern"].(string); ok && isText && !regexp.MustCompile(pattern).MatchString(text) {
		bad = append(bad, fmt.Sprintf("%s: %q is not like %s", at, text, pattern))
	}
	if s["format"] == "date-time" && isText {
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", at, err))
		}
	}
	if s["format"] == "date" && isText {
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", at, err))
		}
	}
	return bad
}

// boundFaults holds a value against the choices and bounds of a schema.
func (s shape) boundFaults(at string, value any) []string {
	var bad []string
	if choices, ok := s["enum"].([]any); ok && !slices.Contains(choices, value) {
		bad = append(bad, fmt.Sprintf("%s: %v is none of %v", at, value, choices))
	}
	size, of := 0.0, ""
	switch v := value.(type) {
	case float64:
		size, of = v, "imum"
	case string:
		size, of = float64(utf8.RuneCountInString(v)), "Length"
	case []any:
		size, of = float64(len(v)), "Items"
		if s["uniqueItems"] == true && len(slices.Compact(slices.Sorted(texts(v)))) < len(v) {
			bad = append(bad, at+": holds something twice")
		}
	}
	if least, ok := s["min"+of].(float64); ok && size < least {
		bad = append(bad, fmt.Sprintf("%s: %v is below %v", at, size, least))
	}
	if most, ok := s["max"+of].(float64); ok && size > most {
		bad = append(bad, fmt.Sprintf("%s: %v is above %v", at, size, most))
	}
	return bad
}

// texts are values in a form that can be compared.
func texts(values []any) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, v := range values {
			if !yield(fmt.Sprintf("%#v", v)) {
				return
			}
		}
	}
}

func isOf(kind string, value any) bool {
	switch v := value.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && v == math.Trunc(v)
	case []any:
		return kind == "array"
	}
	return kind == "object"
}

func oneFaults(root shape, at string, of []any, value any) []string {
	var fit int
	var bad []string
	for _, s := range of {
		b := shape(s.(map[string]any)).faults(root, at, value)
		if len(b) == 0 {
			fit++
		}
		bad = append(bad, b...)
	}
	if fit == 1 {
		return nil
	}
	return append(bad, fmt.Sprintf("%s: fits %d of the forms, want one", at, fit))
}

func (s shape) objectFaults(root shape, at string, object map[string]any) []string {
	var bad []string
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := object[name.(string)]; !ok {
			bad = append(bad, fmt.Sprintf("%s: %s is missing", at, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		where := at + "." + name
		if p, ok := s.sub("properties")[name].(map[string]any); ok {
			bad = append(bad, shape(p).faults(root, where, object[name])...)
			continue
		}
		switch more := s["additionalProperties"].(type) {
		case bool:
			if !more {
				bad = append(bad, where+" is not in the schema")
			}
		case map[string]any:
			bad = append(bad, shape(more).faults(root, where, object[name])...)
		}
	}
	return bad
}

// parsed reads a schema or a document.
func parsed[T any](text []byte) (T, error) {
	var v T
	err := json.Unmarshal(text, &v)
	return v, err
}

func TestTheCheckOfSchemasFindsWhatIsWrong(t *testing.T) {
	text := `{"type": "object", "additionalProperties": false, "required": ["schema", "at"], "properties": {
		"schema": {"type": "string", "const": "x"}, "at": {"type": "string", "format": "date-time"}, "n": {"type": "integer"},
		"tags": {"oneOf": [{"type": "object", "additionalProperties": {"type": "string"}}, {"type": "null"}]},
		"list": {"type": "array", "items": {"$ref": "#/$defs/Item"}}, "digest": {"type": "string", "pattern": "^a+$"},
		"few": {"type": "integer", "minimum": 1, "maximum": 9}, "word": {"type": "string", "minLength": 1, "maxLength": 3},
		"day": {"type": "string", "format": "date"}, "set": {"type": "array", "uniqueItems": true, "items": {"type": "string", "enum": ["a", "b"]}}
	}, "$defs": {"Item": {"type": "object", "additionalProperties": false, "properties": {"on": {"type": "boolean"}}}}}`
	schema, err := parsed[shape]([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	const whole = `"schema": "x", "at": "2026-11-21T10:15:02Z"`
	for _, c := range []struct{ document, fault string }{
		{`{` + whole + `, "n": 3, "tags": {"a": "b"}, "list": [{"on": true}, {}], "digest": "aa"}`, ""},
		{`{` + whole + `, "tags": null}`, ""},
		{`{"schema": "x"}`, ".: at is missing"},
		{`{` + whole + `, "more": 1}`, "..more is not in the schema"},
		{`{` + whole + `, "list": [{"of": true}]}`, "..list[0].of is not in the schema"},
		{`{` + whole + `, "list": [{"on": 1}]}`, "..list[0].on: got float64, want boolean"},
		{`{` + whole + `, "list": null}`, "..list: got <nil>, want array"},
		{`{` + whole + `, "n": 1.5}`, "..n: got float64, want integer"},
		{`{` + whole + `, "tags": {"a": 1}}`, "fits 0 of the forms"},
		{`{` + whole + `, "digest": "b"}`, "is not like ^a+$"},
		{`{` + whole + `, "few": 9, "word": "€€€", "day": "2026-11-21", "set": ["a", "b"]}`, ""},
		{`{` + whole + `, "few": 0}`, "0 is below 1"},
		{`{` + whole + `, "few": 10}`, "10 is above 9"},
		{`{` + whole + `, "word": ""}`, "0 is below 1"},
		{`{` + whole + `, "word": "four"}`, "4 is above 3"},
		{`{` + whole + `, "day": "2026-02-30"}`, "out of range"},
		{`{` + whole + `, "set": ["a", "a"]}`, "..set: holds something twice"},
		{`{` + whole + `, "set": ["c"]}`, "..set[0]: c is none of"},
		{`{"schema": "y", "at": "2026-11-21T10:15:02Z"}`, "got y, want x"},
		{`{"schema": "x", "at": "today"}`, "cannot parse"},
		{`[]`, "want object"},
	} {
		document, err := parsed[any]([]byte(c.document))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(schema.faults(schema, ".", document), "; ")
		if !strings.Contains(got, c.fault) || (c.fault == "") != (got == "") {
			t.Errorf("%s: got %q, want %q", c.document, got, c.fault)
		}
	}
	unknown := shape{"multipleOf": 3.0}
	if got := unknown.faults(unknown, ".", 1.0); len(got) != 1 {
		t.Errorf("a word that the check does not know: got %q", got)
	}
}
