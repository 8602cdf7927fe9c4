package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyrotor/keyrotor"
)

// maxSafeInteger is the largest integer that every reader of JSON holds exactly.
const maxSafeInteger = 1 << 53

// rejected is something in a file that two readers could read differently.
type rejected struct {
	offset int64
	path   string
	reason string
}

func (r *rejected) Error() string {
	if r.path == "" {
		return r.reason
	}
	return clip(r.path) + ": " + r.reason
}

// clip keeps what a message repeats of a file short: a file may hold a number of
// a million digits, and a name as long.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
}

// strict walks a JSON text along the Go type it will be decoded into.
// encoding/json alone would take "Period" for "period", the last of two equal
// names, and null for nothing.
type strict struct {
	dec *json.Decoder
}

func readStrictly(data []byte, into any) error {
	if !utf8.Valid(data) {
		return &rejected{offset: int64(invalidAt(data)), reason: "is not valid UTF-8"}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	s := strict{dec}
	if err := s.value(reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &rejected{offset: dec.InputOffset(), reason: "something follows after the end of the plan"}
	}
	return json.Unmarshal(data, into)
}

func (s *strict) reject(path, format string, args ...any) error {
	return &rejected{offset: s.dec.InputOffset(), path: path, reason: fmt.Sprintf(format, args...)}
}

func (s *strict) value(t reflect.Type, path string) error {
	tok, err := s.dec.Token()
	if err != nil {
		return err
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch tok := tok.(type) {
	case json.Delim:
		return s.nested(tok, t, path)
	case json.Number:
		return s.number(tok, t, path)
	case nil:
		return s.reject(path, "is null; what is not known is left out")
	case bool:
		if t.Kind() != reflect.Bool {
			return s.reject(path, "is a boolean, wanted is %s", words(t))
		}
	case string:
		if t == reflect.TypeFor[time.Time]() {
			return s.time(tok, path)
		}
		if t.Kind() != reflect.String {
			return s.reject(path, "is a text, wanted is %s", words(t))
		}
	}
	return nil
}

func (s *strict) nested(d json.Delim, t reflect.Type, path string) error {
	switch {
	case d == '{' && t == reflect.TypeFor[time.Time]():
	case d == '{' && t.Kind() == reflect.Struct:
		return s.object(fields(t), nil, path)
	case d == '{' && t.Kind() == reflect.Map:
		return s.object(nil, t.Elem(), path)
	case d == '[' && t.Kind() == reflect.Slice:
		return s.list(t.Elem(), path)
	}
	return s.reject(path, "is %s, wanted is %s", map[json.Delim]string{'{': "an object", '[': "a list"}[d], words(t))
}

// object reads the members of a struct with the given fields, or of a map with
// the given element.
func (s *strict) object(known map[string]field, elem reflect.Type, path string) error {
	had := map[string]bool{}
	for s.dec.More() {
		tok, err := s.dec.Token()
		if err != nil {
			return err
		}
		name, _ := tok.(string) // the decoder lets nothing else stand here
		at := path + "." + name
		if path == "" {
			at = name
		}
		if had[name] {
			return s.reject(at, "stands here twice")
		}
		had[name] = true
		t := elem
		if known != nil {
			f, ok := known[name]
			if !ok {
				return s.unknown(known, name, at)
			}
			t = f.Type
		}
		if err := s.value(t, at); err != nil {
			return err
		}
	}
	if _, err := s.dec.Token(); err != nil {
		return err
	}
	// A field that is always written and is not there would read as zero.
	for _, name := range sortedKeys(known) {
		if known[name].required && !had[name] {
			return s.reject(path, "lacks the field %q", name)
		}
	}
	return nil
}

func (s *strict) unknown(known map[string]field, name, at string) error {
	for k := range known {
		if strings.EqualFold(k, name) {
			return s.reject(at, "is a variant of %q", k)
		}
	}
	return s.reject(at, "is an unknown field")
}

func (s *strict) list(elem reflect.Type, path string) error {
	for i := 0; s.dec.More(); i++ {
		if err := s.value(elem, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	_, err := s.dec.Token()
	return err
}

func (s *strict) number(n json.Number, t reflect.Type, path string) error {
	if err := safeNumber(n); err != nil {
		return s.reject(path, "%s", err)
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return nil
	}
	return s.reject(path, "is a number, wanted is %s", words(t))
}

// time takes what this program writes: RFC 3339 in UTC, so that one moment has
// one form.
func (s *strict) time(text, path string) error {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return s.reject(path, "is %q, wanted is a time such as 2026-11-21T10:15:02Z", clip(text))
	}
	if t.UTC().Format(time.RFC3339Nano) != text {
		return s.reject(path, "is %q, wanted is the same time as %s", clip(text), t.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

func safeNumber(n json.Number) error {
	if strings.ContainsAny(n.String(), ".eE") {
		return fmt.Errorf("%s is not an integer", clip(n.String()))
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || i > maxSafeInteger || i < -maxSafeInteger {
		return fmt.Errorf("%s is beyond 2^53", clip(n.String()))
	}
	if strconv.FormatInt(i, 10) != n.String() {
		return fmt.Errorf("%s is %d", clip(n.String()), i)
	}
	return nil
}

// onlySafeNumbers holds every number of a text against safeNumber.
func onlySafeNumbers(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n, ok := tok.(json.Number); ok {
			if err := safeNumber(n); err != nil {
				return err
			}
		}
	}
}

// field is a member of a struct in JSON.
type field struct {
	reflect.Type
	required bool
}

// fields are the names that a struct has in JSON.
func fields(t reflect.Type) map[string]field {
	names := map[string]field{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "" && name != "-" {
			names[name] = field{f.Type, !strings.Contains(options, "omit")}
		}
	}
	return names
}

func words(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a time"
	case t == reflect.TypeFor[keyrotor.Digest]():
		return "a digest"
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "a boolean"
	case reflect.String:
		return "a text"
	}
	return "an integer"
}

func invalidAt(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}
