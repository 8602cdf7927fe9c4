package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// node is a JSON value that remembers the order of its fields.
type node struct {
	scalar json.Token // string, json.Number, bool or nil
	fields []field    // of an object
	items  []node     // of an array
	kind   byte       // '{', '[' or 0
}

type field struct {
	name  string
	value node
}

// parse reads one JSON value in order.
func parse(encoded []byte) (node, error) {
	dec := json.NewDecoder(bytes.NewReader(encoded))
	dec.UseNumber()
	return readNode(dec)
}

func readNode(dec *json.Decoder) (node, error) {
	tok, err := dec.Token()
	if errors.Is(err, io.EOF) {
		return node{}, io.ErrUnexpectedEOF
	}
	if err != nil {
		return node{}, err
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return node{scalar: tok}, nil
	}
	n := node{kind: byte(delim)}
	for dec.More() {
		var name string
		if delim == '{' {
			tok, err := dec.Token()
			if err != nil {
				return node{}, err
			}
			name, _ = tok.(string)
		}
		value, err := readNode(dec)
		if err != nil {
			return node{}, err
		}
		if delim == '{' {
			n.fields = append(n.fields, field{name, value})
		} else {
			n.items = append(n.items, value)
		}
	}
	_, err = dec.Token()
	return n, err
}

// writeYAML writes a value as one YAML document, by way of its JSON form, so
// that both have the same names and the same order.
func writeYAML(b *bufio.Writer, v any) error {
	encoded, err := encode(v)
	if err != nil {
		return err
	}
	n, err := parse(encoded)
	if err != nil {
		return err
	}
	b.WriteString("---\n")
	n.yaml(b, 0, false)
	return nil
}

// yaml writes n at a depth; inline says that the cursor stands behind "- ".
func (n node) yaml(b *bufio.Writer, depth int, inline bool) {
	switch {
	case n.kind == '{' && len(n.fields) > 0:
		for i, f := range n.fields {
			if i > 0 || !inline {
				b.WriteString(strings.Repeat("  ", depth))
			}
			b.WriteString(yamlString(f.name) + ":")
			f.value.yamlValue(b, depth)
		}
	case n.kind == '[' && len(n.items) > 0:
		for i, item := range n.items {
			if i > 0 || !inline {
				b.WriteString(strings.Repeat("  ", depth))
			}
			b.WriteString("- ")
			item.yaml(b, depth+1, true)
		}
	default:
		if !inline {
			b.WriteString(strings.Repeat("  ", depth))
		}
		b.WriteString(n.flat() + "\n")
	}
}

// yamlValue writes what stands behind a field's colon.
func (n node) yamlValue(b *bufio.Writer, depth int) {
	if len(n.fields) == 0 && len(n.items) == 0 {
		b.WriteString(" " + n.flat() + "\n")
		return
	}
	b.WriteByte('\n')
	n.yaml(b, depth+1, false)
}

// flat is a scalar or an empty collection on one line.
func (n node) flat() string {
	switch n.kind {
	case '{':
		return "{}"
	case '[':
		return "[]"
	}
	switch v := n.scalar.(type) {
	case string:
		return yamlString(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return "null"
}

// yamlString leaves a text plain only where no version of YAML reads anything
// else into it; JSON's quoted form is YAML too.
func yamlString(s string) string {
	if plainYAML(s) {
		return s
	}
	quoted, err := encode(s)
	if err != nil {
		return strconv.QuoteToASCII(s)
	}
	return string(quoted)
}

func plainYAML(s string) bool {
	if s == "" {
		return false
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return false
	}
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789_-./", r)) {
			return false
		}
	}
	return true
}

// flatten lists the leaves of a JSON value as path and text.
func flatten(encoded []byte) ([][2]string, error) {
	n, err := parse(encoded)
	if err != nil {
		return nil, err
	}
	var out [][2]string
	n.leaves("", func(path, text string) { out = append(out, [2]string{path, text}) })
	return out, nil
}

func (n node) leaves(path string, yield func(path, text string)) {
	join := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch {
	case len(n.fields) > 0:
		for _, f := range n.fields {
			f.value.leaves(join(f.name), yield)
		}
	case len(n.items) > 0:
		for i, item := range n.items {
			item.leaves(join(strconv.Itoa(i)), yield)
		}
	case n.kind != 0 || n.scalar == nil:
		yield(path, "")
	default:
		yield(path, fmt.Sprint(n.scalar))
	}
}
