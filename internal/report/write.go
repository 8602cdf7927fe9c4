package report

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Format is a way of writing results for programs.
type Format string

// Formats of --output.
const (
	Text     Format = "text"
	JSON     Format = "json"
	YAML     Format = "yaml"
	CSV      Format = "csv"
	Markdown Format = "markdown"
)

// Formats lists them all, for flags and completion.
func Formats() []string {
	return []string{string(Text), string(JSON), string(YAML), string(CSV), string(Markdown)}
}

// Row is one result: the whole value, which names its schema and version, and
// its cells under Rows.Columns.
type Row struct {
	Value any
	Cells []string
}

// Rows is a table that may be too long for memory.
type Rows struct {
	Title   string
	Columns []string
	// Each yields the rows, from the first, at every call.
	Each func(yield func(Row) error) error
}

// Document names a value that does not name its own schema.
type Document struct {
	Schema  string `json:"schema"`
	Version int    `json:"version"`
	Body    any    `json:"body"`
}

// Write writes doc in a format. Rows become JSON lines, YAML documents, a CSV
// file or a Markdown table; any other value one JSON or YAML document, and in
// CSV and Markdown a table of field and value.
func Write(w io.Writer, f Format, doc any) error {
	b := bufio.NewWriter(w)
	rows, table := doc.(Rows)
	if !table {
		var err error
		if rows, err = single(f, doc); err != nil {
			return fmt.Errorf("write %s: %w", f, err)
		}
	}
	if err := writeRows(b, f, rows); err != nil {
		return fmt.Errorf("write %s: %w", f, err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", f, err)
	}
	return nil
}

func writeRows(b *bufio.Writer, f Format, rows Rows) error {
	switch f {
	case JSON:
		return rows.Each(func(r Row) error { return writeJSON(b, r.Value) })
	case YAML:
		return rows.Each(func(r Row) error { return writeYAML(b, r.Value) })
	case CSV:
		return writeCSV(b, rows)
	case Markdown:
		return writeMarkdown(b, rows)
	}
	return fmt.Errorf("no such format: one of %s", strings.Join(Formats(), ", "))
}

// single makes a table of one value: one row for JSON and YAML, one row per
// field otherwise.
func single(f Format, doc any) (Rows, error) {
	if f == JSON || f == YAML {
		return Rows{Each: func(yield func(Row) error) error { return yield(Row{Value: doc}) }}, nil
	}
	encoded, err := json.Marshal(doc)
	if err != nil {
		return Rows{}, err
	}
	fields, err := flatten(encoded)
	if err != nil {
		return Rows{}, err
	}
	return Rows{Columns: []string{"field", "value"}, Each: func(yield func(Row) error) error {
		for _, f := range fields {
			if err := yield(Row{Cells: f[:]}); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

// encode is a value as one line of JSON that is safe on a terminal: what
// encoding/json leaves raw and Clean would not (DEL, C1, direction overrides)
// is escaped, which leaves the value the same.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return escapeUnseen(bytes.TrimRight(buf.Bytes(), "\n")), nil
}

// escapeUnseen escapes what a person must not meet raw. In JSON, characters
// outside ASCII and DEL occur only within strings.
func escapeUnseen(encoded []byte) []byte {
	if clean(string(encoded)) {
		return encoded
	}
	var out bytes.Buffer
	for _, r := range string(encoded) {
		switch {
		case r == '\n' || harmless(r):
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}

func writeJSON(b *bufio.Writer, v any) error {
	line, err := encode(v)
	if err != nil {
		return err
	}
	if _, err := b.Write(line); err != nil {
		return err
	}
	return b.WriteByte('\n')
}

func writeCSV(b *bufio.Writer, rows Rows) error {
	c := csv.NewWriter(b)
	if err := c.Write(rows.Columns); err != nil {
		return err
	}
	err := rows.Each(func(r Row) error {
		cells := make([]string, len(r.Cells))
		for i, cell := range r.Cells {
			cells[i] = CSVCell(cell)
		}
		return c.Write(cells)
	})
	if err != nil {
		return err
	}
	c.Flush()
	return c.Error()
}

func writeMarkdown(b *bufio.Writer, rows Rows) error {
	if rows.Title != "" {
		fmt.Fprintf(b, "## %s\n\n", markdownCell(rows.Title))
	}
	line := func(cells []string) error {
		for _, cell := range cells {
			if _, err := b.WriteString("| " + markdownCell(cell) + " "); err != nil {
				return err
			}
		}
		_, err := b.WriteString("|\n")
		return err
	}
	if err := line(rows.Columns); err != nil {
		return err
	}
	if _, err := b.WriteString(strings.Repeat("| --- ", len(rows.Columns)) + "|\n"); err != nil {
		return err
	}
	return rows.Each(func(r Row) error { return line(r.Cells) })
}

// markdownCell keeps foreign text from being read as markup or HTML.
func markdownCell(s string) string {
	return markdownEscapes.Replace(Clean(s))
}

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "~", `\~`, "!", `\!`,
)
