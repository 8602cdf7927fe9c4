package plan

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Text is the file of a plan: indented, in a fixed order, fit for a diff. It is
// written change by change and never held whole.
type Text struct{ plan keyrotor.Plan }

// TextOf is the file of a plan. A plan without a digest gets its own; one with
// another's is not written.
func TextOf(p keyrotor.Plan) (Text, error) {
	d, err := Digest(p)
	if err != nil {
		return Text{}, err
	}
	if p.Digest != "" && p.Digest != d {
		return Text{}, fmt.Errorf("plan: its digest is %s, and says %s", d, p.Digest)
	}
	p = normal(p)
	p.Digest = d
	return Text{p}, nil
}

// Encode is the file of a plan in memory.
func Encode(p keyrotor.Plan) ([]byte, error) {
	t, err := TextOf(p)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := t.Write(&text); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// Write writes the file.
func (t Text) Write(to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<16)
	if err := t.write(w); err != nil {
		return err
	}
	return w.Flush()
}

func (t Text) write(w *bufio.Writer) error {
	shell := t.plan
	shell.Changes = []keyrotor.Change{}
	var buf bytes.Buffer
	if err := indented(&buf, shell, ""); err != nil {
		return err
	}
	// A name this far from the margin is the plan's own; in a string the line
	// break before it would be escaped.
	const changes = "\n  \"changes\": ["
	head, rest, ok := strings.Cut(buf.String(), changes+"]")
	if !ok {
		return errors.New("plan: encode: it has no changes")
	}
	w.WriteString(head + changes) // the first error stays, and Flush tells it
	for i, c := range t.plan.Changes {
		buf.Reset()
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.WriteString("\n    ")
		if err := indented(&buf, c, "    "); err != nil {
			return err
		}
		if _, err := w.Write(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))); err != nil {
			return err // no sense in encoding the rest
		}
	}
	end := "]"
	if len(t.plan.Changes) > 0 {
		end = "\n  ]"
	}
	_, err := w.WriteString(end + rest)
	return err
}

func indented(to *bytes.Buffer, v any, margin string) error {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	enc.SetIndent(margin, "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("plan: encode: %w", err)
	}
	return nil
}
