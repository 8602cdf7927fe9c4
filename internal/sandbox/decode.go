package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
)

// decodeJSON reads a request body into v, a pointer to an SDK struct. Unknown
// members are ignored, as AWS does.
func decodeJSON(body []byte, v any) error {
	if len(body) == 0 {
		body = []byte("{}")
	}
	return decodeValue(body, reflect.ValueOf(v).Elem())
}

func decodeValue(raw json.RawMessage, v reflect.Value) error {
	if string(raw) == "null" {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(raw, v.Elem())
	case reflect.Struct:
		if v.Type() == timeType {
			return decodeTime(raw, v)
		}
		return decodeStruct(raw, v)
	case reflect.Slice:
		return decodeSlice(raw, v)
	case reflect.Map:
		return decodeMap(raw, v)
	}
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		return fmt.Errorf("%s is not a %s", kindOf(raw), v.Kind())
	}
	return nil
}

func decodeStruct(raw json.RawMessage, v reflect.Value) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return fmt.Errorf("%s is not a structure", kindOf(raw))
	}
	for _, f := range fieldsOf(v.Type()) {
		m, ok := members[f.name]
		if !ok {
			continue
		}
		if err := decodeValue(m, v.Field(f.index)); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

func decodeSlice(raw json.RawMessage, v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return fmt.Errorf("%s is not a blob", kindOf(raw))
		}
		blob, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("not base64")
		}
		v.SetBytes(blob)
		return nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return fmt.Errorf("%s is not a list", kindOf(raw))
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if err := decodeValue(item, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func decodeMap(raw json.RawMessage, v reflect.Value) error {
	var items map[string]json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return fmt.Errorf("%s is not a map", kindOf(raw))
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(items)))
	for key, item := range items {
		e := reflect.New(v.Type().Elem()).Elem()
		if err := decodeValue(item, e); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), e)
	}
	return nil
}

// decodeTime reads seconds since the epoch; some clients send RFC 3339 text.
func decodeTime(raw json.RawMessage, v reflect.Value) error {
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err == nil {
		whole, part := math.Modf(seconds)
		v.Set(reflect.ValueOf(time.Unix(int64(whole), int64(part*1e9)).UTC()))
		return nil
	}
	var t time.Time
	if err := json.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("%s is not a timestamp", kindOf(raw))
	}
	v.Set(reflect.ValueOf(t.UTC()))
	return nil
}

// kindOf names what JSON holds, without repeating it: it may be a secret.
func kindOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "a structure"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	}
	return "a number"
}
