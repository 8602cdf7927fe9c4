package aws

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// FuzzTooFar: tooFar, which reads bytes, finds what a walk over encoding/json's tokens
// finds, and nothing else.
func FuzzTooFar(f *testing.F) {
	seeds := map[string]string{ // answer ▶ the number that is found
		`{"KeyMetadata":{"CreationDate":1700000000.123,"KeyId":"k"}}`:    "",
		`{"KeyMetadata":{"CreationDate":1700000000123,"KeyId":"k"}}`:     "1700000000123",
		`{"a":"1700000000123","b\\":"\\\"9999999999999","c":[1,-2.5e3]}`: "",
		`["\\",4102444800]`:                            "4102444800",
		`["\"", -4102444800.000000000000000001, "x]"]`: "-4102444800.000000000000",
		`{"1e99":1e99}`:                                "1e99",
		`[1E+400,true]`:                                "1E+400",
		`[0.1e-9,0,null]`:                              "",
	}
	for answer, want := range seeds {
		if got := tooFar([]byte(answer)); got != want {
			f.Errorf("%s: got %q, want %q", answer, got, want)
		}
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		got := tooFar(answer) // which falls over nothing
		if !json.Valid(answer) {
			return
		}
		if want := firstTooFar(t, answer); got != want {
			t.Errorf("%q: got %q, want %q", answer, got, want)
		}
	})
}

// firstTooFar is tooFar by the tokens of a JSON text.
func firstTooFar(t *testing.T, answer []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return ""
		}
		if err != nil {
			t.Fatalf("%q is valid, and its tokens are not: %v", answer, err)
		}
		number, ok := token.(json.Number)
		if !ok {
			continue
		}
		if n, _ := strconv.ParseFloat(number.String(), 64); n >= lastSecond || n <= -lastSecond {
			return number.String()[:min(24, len(number))]
		}
	}
}

// FuzzWhole: an answer is whole if all of it, decoded, holds the members, and a list
// that goes on says where.
func FuzzWhole(f *testing.F) {
	calls := []string{"kms:CreateKey", "kms:GetKeyRotationStatus", "kms:GetKeyLastUsage", "kms:ListGrants", callListAccounts, callListRegions}
	for answer, want := range map[string]bool{ // of the first call that finds members in it
		`{"KeyMetadata":{"KeyId":"k"}}`:                                      true,
		`{"KeyMetadata":{"KeyId":null}}`:                                     false,
		`{"KeyMetadata":[]}`:                                                 true, // not for us to say: the SDK refuses it
		`{"KeyRotationEnabled":false}`:                                       true,
		`{"Grants":[],"Truncated":true}`:                                     false,
		`{"Grants":[],"Truncated":true,"NextMarker":"m"}`:                    true,
		`{"Accounts":[{"Id":"1"},{}]}`:                                       false,
		`{"NextToken":"t"}`:                                                  true,
		`{"Regions":[{"RegionName":"a"},{"RegionName":"b"}]," NextToken":1}`: true,
		`null`: false,
		` `:    false,
	} {
		got := slices.ContainsFunc(calls, func(call string) bool { return whole([]byte(answer), essential(call)) == nil })
		if got != want {
			f.Errorf("%s: whole for some call: %t, want %t", answer, got, want)
		}
		for i := range calls {
			f.Add([]byte(answer), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, answer []byte, i uint8) {
		members := essential(calls[int(i)%len(calls)])
		if len(members) == 0 {
			t.Fatalf("%s has no essential members: nothing is tried", calls[int(i)%len(calls)])
		}
		err := whole(answer, members)
		var value any
		if json.Unmarshal(answer, &value) != nil || bytes.Contains(answer, []byte(`\u`)) || inOtherCase(value) {
			return // the SDK's to refuse, or written as AWS writes nothing
		}
		if want := isWhole(value, members); (err == nil) != want {
			t.Errorf("%q: got %v, and holding %q is %t", answer, err, members, want)
		}
	})
}

// inOtherCase reports whether a member that pages a list is written otherwise than AWS
// writes it; encoding/json takes it, and the SDK does not.
func inOtherCase(value any) bool {
	object, _ := value.(map[string]any)
	return slices.ContainsFunc(slices.Collect(maps.Keys(object)), func(name string) bool {
		return slices.ContainsFunc([]string{"Truncated", "NextMarker", "NextToken"}, func(member string) bool {
			return name != member && strings.EqualFold(name, member)
		})
	})
}

// isWhole is whole, of an answer that was decoded at once.
func isWhole(value any, members []string) bool {
	object, _ := value.(map[string]any)
	truncated, okT := object["Truncated"].(bool)
	marker, okM := object["NextMarker"].(string)
	token, okN := object["NextToken"].(string)
	wellTyped := (okT || object["Truncated"] == nil) && (okM || object["NextMarker"] == nil) && (okN || object["NextToken"] == nil)
	if wellTyped && truncated && marker == "" {
		return false
	}
	for _, member := range members {
		path := strings.Split(member, ".")
		if isAbsent(value, path) && (token == "" || !isAbsent(value, path[:1])) {
			return false
		}
	}
	return true
}

func isAbsent(value any, path []string) bool {
	switch v := value.(type) {
	case nil:
		return true
	case []any:
		return len(path) > 0 && slices.ContainsFunc(v, func(entry any) bool { return isAbsent(entry, path) })
	case map[string]any:
		return len(path) > 0 && isAbsent(v[path[0]], path[1:])
	}
	return false
}
