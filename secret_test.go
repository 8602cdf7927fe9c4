package keyrotor_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyrotor/keyrotor"
)

// holder keeps a secret where fmt and slog cannot call methods.
type holder struct {
	name   string
	secret keyrotor.Secret
}

// nested puts a holder behind everything that a printer looks through.
type nested struct {
	Open   keyrotor.Secret
	hidden holder
	list   []keyrotor.Secret
	table  map[string]keyrotor.Secret
	any    any
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SliceOfN(rapid.Byte(), 8, 64).Draw(t, "value")
		s := keyrotor.NewSecret(value)
		h := holder{"payments", s}
		n := nested{s, h, []keyrotor.Secret{s}, map[string]keyrotor.Secret{"k": s}, s}
		for what, v := range map[string]any{
			"itself": s, "a pointer": &s, "an unexported field": h, "a pointer to one": &h, "a nest": n, "a pointer to a nest": &n,
			"a slice": []any{s, h}, "a map": map[string]any{"s": s, "h": h},
		} {
			for _, printed := range everyPrint(t, v) {
				if leaks(printed, value) {
					t.Errorf("the value shows through %s", what)
				}
			}
		}
	})
}

// everyPrint is v in every form in which values reach logs, files and errors.
func everyPrint(t *rapid.T, v any) []string {
	var out []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x", "%t"} {
		out = append(out, fmt.Sprintf(verb, v))
	}
	out = append(out, fmt.Sprint(v), fmt.Errorf("install: %v: %w", v, keyrotor.ErrConflict).Error())
	var text, lines bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("step", slog.Any("v", v), slog.Group("g", slog.Any("v", v)))
	slog.New(slog.NewJSONHandler(&lines, nil)).Info("step", slog.Any("v", v), slog.Group("g", slog.Any("v", v)))
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return append(out, text.String(), lines.String(), string(encoded))
}

// leaks looks for the value as it is and in the forms that printers give bytes.
func leaks(printed string, value []byte) bool {
	decimal := strings.Trim(fmt.Sprintf("%d", value), "[]")
	for _, form := range []string{
		string(value), fmt.Sprintf("%q", value), hex.EncodeToString(value), strings.ToUpper(hex.EncodeToString(value)), fmt.Sprintf("% x", value),
		base64.StdEncoding.EncodeToString(value), decimal, strings.ReplaceAll(decimal, " ", ", "), strings.ReplaceAll(decimal, " ", ","),
		strings.Trim(fmt.Sprintf("%#v", value), "[]byte{}"),
	} {
		if strings.Contains(printed, form) {
			return true
		}
	}
	return false
}

func TestTheLeakDetectorFindsAPlainStruct(t *testing.T) {
	value := []byte("correct horse battery")
	plain := struct{ bytes []byte }{value}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		if printed := fmt.Sprintf(verb, plain); !leaks(printed, value) {
			t.Errorf("%s of a plain struct passes for harmless: the test above proves nothing", verb)
		}
	}
}

func TestASecretKeepsItsOwnCopy(t *testing.T) {
	value := []byte("first")
	s := keyrotor.NewSecret(value)
	copy(value, "XXXXX")
	if got := string(s.RevealForInstall()); got != "first" {
		t.Error("overwriting the caller's bytes changed the secret")
	}
	copy(s.RevealForInstall(), "XXXXX")
	if got := string(s.RevealForInstall()); got != "first" {
		t.Error("overwriting what was revealed changed the secret")
	}
}

func TestSecretsCompareByValueAndZeroIsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOf(rapid.Byte()).Draw(t, "a"), rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		if got, want := keyrotor.NewSecret(a).Same(keyrotor.NewSecret(b)), bytes.Equal(a, b); got != want {
			t.Errorf("got same %v, want %v", got, want)
		}
	})
	var zero keyrotor.Secret
	empty := keyrotor.NewSecret(nil)
	if !zero.IsZero() || empty.IsZero() || zero.Same(empty) || empty.Same(zero) || !zero.Same(keyrotor.Secret{}) || zero.RevealForInstall() != nil {
		t.Error("a secret that was never set passes for an empty one")
	}
}
