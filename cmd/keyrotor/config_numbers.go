package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/printer"

	"github.com/keyrotor/keyrotor/internal/assess"
)

// checkNumbers holds the numbers, durations and times of a configuration against
// what their fields can mean, by the fields' own tags:
//
//	jsonschema:"minimum=1,maximum=9"   of whole numbers
//	jsonschema:"required"              of what may not be left out
//	jsonschema:"format=date"           of texts that are a day
//	jsonschema:"minItems=1"            of lists that mean nothing when they are empty
//	whole:"1h"                         of durations: so many times this
//	cel:"gap"                          of texts that are an expression over a gap
//
// The YAML library makes 1 of 1.9, a zero of a field that is left out, and the
// year 1 of a time that it cannot read; a person who writes canary: 0 does not mean
// the default, and one who writes 24.12.2026 does not mean the year 1.
func checkNumbers(path string, data []byte) error {
	file, err := parser.ParseBytes(bytes.TrimPrefix(data, []byte("\ufeff")), 0)
	if err != nil {
		return nil //nolint:nilerr // whoever decodes it says so, with the place
	}
	n := numbers{path}
	for _, doc := range file.Docs {
		if err := n.check(doc.Body, reflect.TypeFor[Config](), "", ""); err != nil {
			return err
		}
	}
	return nil
}

type numbers struct{ path string }

// check goes through a value of the file beside the type that it is read into.
func (n numbers) check(node ast.Node, t reflect.Type, tag reflect.StructTag, name string) error {
	switch wrapped := node.(type) {
	case *ast.TagNode:
		return n.check(wrapped.Value, t, tag, name)
	case *ast.AnchorNode:
		return n.check(wrapped.Value, t, tag, name)
	case *ast.NullNode, nil:
		return nil // left out
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[Duration]():
		return n.duration(node, tag, name)
	case t == reflect.TypeFor[time.Time]():
		return n.time(node, name)
	case t.Kind() == reflect.String && says(tag, "format=date"):
		return n.day(node, name)
	case tag.Get("cel") == "gap":
		return n.gapMatch(node, name)
	case t.Kind() == reflect.Int:
		return n.whole(node, tag, name)
	case t.Kind() == reflect.Slice && says(tag, "minItems=1") && isEmpty(node):
		return n.wrong(node, "%s: the list is empty; for the default, leave it out", name)
	case t.Kind() == reflect.Slice:
		return n.entries(node, t.Elem(), name)
	case t.Kind() == reflect.Struct:
		return cmp.Or(n.fields(node, t, name), n.required(node, t, name))
	}
	return nil
}

func (n numbers) entries(node ast.Node, t reflect.Type, name string) error {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		return nil
	}
	for i, entry := range list.Values {
		if err := n.check(entry, t, "", fmt.Sprintf("%s[%d]", name, i)); err != nil {
			return err
		}
	}
	return nil
}

func isEmpty(node ast.Node) bool {
	list, ok := node.(*ast.SequenceNode)
	return ok && len(list.Values) == 0
}

// gapMatch wants an expression over a gap, and shows where in it the mistake is.
func (n numbers) gapMatch(node ast.Node, name string) error {
	text, ok := node.(*ast.StringNode)
	if !ok {
		return nil // a block is looked at when it is compiled
	}
	_, err := assess.CompileGapMatch(text.Value)
	var inner *assess.SourceError
	if !errors.As(err, &inner) {
		return err
	}
	at := text.GetToken().Position
	return &assess.SourceError{File: n.path, Line: at.Line, Column: at.Column, Message: name + ": " + inner.Message, Snippet: inner.Snippet}
}

func (n numbers) fields(node ast.Node, t reflect.Type, name string) error {
	pairs, ok := node.(ast.MapNode)
	if !ok {
		return nil
	}
	for it := pairs.MapRange(); it.Next(); {
		key := keyText(it.Key())
		if key == "<<" {
			if err := n.fields(it.Value(), t, name); err != nil {
				return err
			}
			continue
		}
		for i := range t.NumField() {
			field := t.Field(i)
			if field.Tag.Get("yaml") != key {
				continue
			}
			if err := n.check(it.Value(), field.Type, field.Tag, strings.TrimPrefix(name+"."+key, ".")); err != nil {
				return err
			}
		}
	}
	return nil
}

// required wants of an entry all that may not be left out, or empty.
func (n numbers) required(node ast.Node, t reflect.Type, name string) error {
	var all []string
	missing := false
	for i := range t.NumField() {
		field := t.Field(i)
		if says(field.Tag, "required") {
			all = append(all, field.Tag.Get("yaml"))
			missing = missing || !given(node, field.Tag.Get("yaml"))
		}
	}
	if !missing {
		return nil
	}
	last := len(all) - 1
	return n.wrong(node, "%s: %s and %s are all needed", name, strings.Join(all[:last], ", "), all[last])
}

// given reports whether a map has a field, and something in it.
func given(node ast.Node, field string) bool {
	pairs, ok := node.(ast.MapNode)
	if !ok {
		return true // no map at all is the decoder's to refuse
	}
	for it := pairs.MapRange(); it.Next(); {
		switch key := keyText(it.Key()); {
		case key == "<<" && given(it.Value(), field):
			return true
		case key == field:
			_, empty := it.Value().(*ast.NullNode)
			return !empty && it.Value() != nil
		}
	}
	return false
}

// says reports whether a field's schema has a word.
func says(tag reflect.StructTag, word string) bool {
	return slices.Contains(strings.Split(tag.Get("jsonschema"), ","), word)
}

// keyText is a key as the library reads it, in whatever way it is written.
func keyText(key ast.Node) string {
	switch wrapped := key.(type) {
	case *ast.MappingKeyNode:
		return keyText(wrapped.Value)
	case *ast.TagNode:
		return keyText(wrapped.Value)
	case *ast.AnchorNode:
		return keyText(wrapped.Value)
	}
	return key.GetToken().Value
}

func (n numbers) whole(node ast.Node, tag reflect.StructTag, name string) error {
	integer, ok := node.(*ast.IntegerNode)
	if !ok {
		return n.wrong(node, "%s: %s is not a whole number", name, node.GetToken().Value)
	}
	least, most, bounded := bounds(tag)
	value, small := integer.Value.(int64)
	if large, ok := integer.Value.(uint64); ok && large <= math.MaxInt64 {
		value, small = int64(large), true
	}
	if bounded && (!small || value < least || value > most) {
		return n.wrong(node, "%s: %s is not between %d and %d; for the default, leave it out", name, node.GetToken().Value, least, most)
	}
	return nil
}

// bounds are the smallest and the largest value that a field's schema allows.
func bounds(tag reflect.StructTag) (least, most int64, bounded bool) {
	for _, word := range strings.Split(tag.Get("jsonschema"), ",") {
		kind, text, _ := strings.Cut(word, "=")
		bound, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
		case kind == "minimum":
			least = bound
		case kind == "maximum":
			most, bounded = bound, true
		}
	}
	return least, most, bounded
}

func (n numbers) duration(node ast.Node, tag reflect.StructTag, name string) error {
	text := node.GetToken().Value
	value, err := parseDuration(text)
	if err != nil {
		return n.wrong(node, "%s: %v", name, err)
	}
	if value == 0 {
		return n.wrong(node, "%s: %s is no time at all; for the default, leave it out", name, text)
	}
	unit, err := time.ParseDuration(tag.Get("whole"))
	if err == nil && value%unit != 0 {
		return n.wrong(node, "%s: %s is not a whole number of %s", name, text, map[time.Duration]string{time.Hour: "hours", 24 * time.Hour: "days"}[unit])
	}
	return nil
}

// time wants a time in one of the ways in which the library reads one.
func (n numbers) time(node ast.Node, name string) error {
	text := node.GetToken().Value
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil && !at.IsZero() {
			return nil
		}
	}
	return n.wrong(node, "%s: %q is no time such as 2026-12-24T18:00:00Z, and no date such as 2026-12-24 (UTC)", name, text)
}

func (n numbers) day(node ast.Node, name string) error {
	text := node.GetToken().Value
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return n.wrong(node, "%s: %q is no date such as 2027-03-31", name, text)
	}
	return nil
}

// wrong is a mistake in the file, with its place and the lines around it.
func (n numbers) wrong(node ast.Node, format string, args ...any) error {
	e := &assess.SourceError{File: n.path, Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
	if token := node.GetToken(); token != nil && token.Position != nil {
		e.Line, e.Column = token.Position.Line, token.Position.Column
		var p printer.Printer
		e.Snippet = strings.TrimRight(p.PrintErrorToken(token, false), "\n")
	}
	return e
}

// isShaped reports whether an error already tells its place in the file.
func isShaped(err error) bool {
	var shaped *assess.SourceError
	return errors.As(err, &shaped)
}
