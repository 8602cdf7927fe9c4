package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keyrotor/keyrotor"
)

// scriptSchemas is fitSchemas for scripts.
func scriptSchemas(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: schemas STATE [SCHEMA …]   (SCHEMA: one of which there must be a document)")
	}
	ts.Check(fitSchemas(ts.MkAbs(args[0]), args[1:]...))
}

// fitSchemas holds every document of a state folder against the schemas under docs,
// which are what readers of the files have; of those named there must be one.
func fitSchemas(state string, named ...string) error {
	count := map[string]int{}
	err := filepath.WalkDir(state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(state, path)
		if err != nil {
			return err
		}
		documents, err := documentsOf(filepath.ToSlash(name), path)
		if err != nil {
			return err
		}
		for i, text := range documents {
			if err := fitsSchema(text, count); err != nil {
				return fmt.Errorf("%s, document %d: %w", name, i+1, err)
			}
		}
		return nil
	})
	for _, schema := range named {
		if err == nil && count["keyrotor."+schema] == 0 {
			err = fmt.Errorf("there was no document of schema keyrotor.%s: %v", schema, count)
		}
	}
	return err
}

// documentsOf splits a file into its documents; files that hold none have a reason.
func documentsOf(name, path string) ([][]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	base := name[strings.LastIndex(name, "/")+1:]
	switch {
	case strings.Contains(name, "/tile/entries/"):
		return bundled(text)
	case strings.Contains(name, "/tile/"), strings.Contains(name, "/log/lines/"), // hashes
		base == "checkpoint", base == "signers", base == "lock", base == "report.html":
		return nil, nil
	case strings.HasSuffix(name, ".jsonl") && len(text) == 0:
		return nil, nil // lines of nothing
	case strings.HasSuffix(name, ".json"):
		return [][]byte{text}, nil
	case strings.HasSuffix(name, ".jsonl"):
		return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")), nil
	}
	return nil, fmt.Errorf("%s: no schema and no reason to have none", name)
}

// bundled are the entries of a tile: each behind its length in two bytes.
func bundled(bundle []byte) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, fmt.Errorf("a bundle ends within an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	return entries, nil
}

// fitsSchema holds a document against the schema that it names. An approval names
// it in the statement that was signed.
func fitsSchema(text []byte, count map[string]int) error {
	document, err := parsed[any](text)
	if err != nil {
		return err
	}
	object, _ := document.(map[string]any)
	name, _ := object["schema"].(string)
	if statement, ok := object["statement"].(map[string]any); ok && name == "" {
		name, _ = statement["schema"].(string)
	}
	if _, known := recordSchemas()[name]; !known {
		return fmt.Errorf("its schema is %q, which is none of a record", name)
	}
	count[name]++
	schemaText, err := os.ReadFile(filepath.Join(docsDir, "schemas", schemaFile(name)))
	if err != nil {
		return err
	}
	schema, err := parsed[shape](schemaText)
	if err != nil {
		return err
	}
	if bad := schema.faults(schema, name, document); len(bad) > 0 {
		return fmt.Errorf("%s (version %d): %s", name, keyrotor.SchemaVersion, strings.Join(bad, "; "))
	}
	return nil
}
