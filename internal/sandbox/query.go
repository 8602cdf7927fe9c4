package sandbox

import (
	"net/http"
	"reflect"
	"strconv"
	"time"
)

// Answers of the query protocol from the SDK's own types. STS names its elements
// as the SDK names its fields; EC2 does not (regionInfo, optInStatus), so its one
// answer is written out by hand.

// writeQuery answers a call with an SDK output.
func writeQuery(w http.ResponseWriter, c *call, namespace string, out any) {
	b := []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<" + c.Operation + `Response xmlns="` + namespace + `">`)
	b = appendElement(b, c.Operation+"Result", reflect.ValueOf(out))
	b = append(b, "<ResponseMetadata><RequestId>"+c.RequestID+"</RequestId></ResponseMetadata></"+c.Operation+"Response>"...)
	w.Header().Set("Content-Type", "text/xml")
	_, _ = w.Write(b) // held in memory, cannot fail
}

// appendElement writes a member, unless it is absent.
func appendElement(b []byte, name string, v reflect.Value) []byte {
	if absent(v) {
		return b
	}
	if v.Kind() == reflect.Pointer {
		return appendElement(b, name, v.Elem())
	}
	b = append(b, "<"+name+">"...)
	switch v.Kind() {
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			b = append(b, at.UTC().Format("2006-01-02T15:04:05Z")...)
			break
		}
		for _, f := range fieldsOf(v.Type()) {
			b = appendElement(b, f.name, v.Field(f.index))
		}
	case reflect.Slice:
		for i := range v.Len() {
			b = appendElement(b, "member", v.Index(i))
		}
	case reflect.Int32, reflect.Int64:
		b = strconv.AppendInt(b, v.Int(), 10)
	case reflect.Bool:
		b = strconv.AppendBool(b, v.Bool())
	default:
		b = append(b, xmlText(v.String())...)
	}
	return append(b, "</"+name+">"...)
}
