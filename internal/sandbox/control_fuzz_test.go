package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// controlSeeds are bodies for the sandbox itself, and what it answers.
func controlSeeds() map[string]map[string]int {
	return map[string]map[string]int{
		"fault": {
			`{"service":"kms","operation":"ListKeys","code":"KMSInternalException","status":500}`: 204,
			`{"key_id":"k","delay":"1.5s","times":2}`:                                             204,
			`{"cut":"after","skip":1}`:                                                            204,
			`{"throttle":true,"after":true}`:                                                      204,
			`{"code":"X","status":700}`:                                                           400,
			`{"code":"X"}{"code":"Y"}`:                                                            400,
			`{"hang":true,"Hang":false}`:                                                          400,
			`{"delay":"-1s"}`:                                                                     400,
			`{"operatoin":"ListKeys","hang":true}`:                                                400,
			``:                                                                                    400,
		},
		"clock": {
			`{"advance":"8760h"}`:          200,
			`{}`:                           200,
			`{"advance":"-1h"}`:            400,
			`{"advance":"a year"}`:         400,
			`{"advance":"1h"} garbage`:     400,
			`{"advance":"2562047h47m"}`:    200, // the longest duration, 292 years
			`{"advance":"99999999h"}`:      400,
			`[{"advance":"8760h"}]`:        400,
			`{"advance":9223372036854775}`: 400,
		},
	}
}

// FuzzControl: a body for the sandbox itself is taken whole, or refused with words and
// without effect.
func FuzzControl(f *testing.F) {
	for path, bodies := range controlSeeds() {
		for body, want := range bodies {
			if status, answer := control(New(Options{}), path, body); status != want {
				f.Errorf("%s %s: got %d %s, want %d", path, body, status, answer, want)
			}
			f.Add(path == "clock", body)
		}
	}
	f.Fuzz(func(t *testing.T, clock bool, body string) {
		s := New(Options{Clock: NewClock(time.Date(9800, 1, 1, 0, 0, 0, 0, time.UTC))}) // so that a clock can end
		path, good := "fault", 204
		if clock {
			path, good = "clock", 200
		}
		before := s.clock.Now()
		status, answer := control(s, path, body)
		moved, armed := s.clock.Now().Sub(before), len(s.faults.armed)
		if status != good {
			var refusal map[string]string
			if err := json.Unmarshal([]byte(answer), &refusal); status != 400 || err != nil || refusal["error"] == "" || armed != 0 || moved > time.Minute {
				t.Errorf("%s %q: got %d %q, %d faults, and the clock moved by %s", path, body, status, answer, armed, moved)
			}
			return
		}
		if !json.Valid([]byte(body)) {
			t.Errorf("%s: %q was taken", path, body)
		}
		if !clock {
			if armed != 1 {
				t.Errorf("%q: %d faults", body, armed)
			}
			return
		}
		var now struct{ Now time.Time }
		if err := json.Unmarshal([]byte(answer), &now); err != nil || now.Now.Before(before.Truncate(time.Second)) {
			t.Errorf("%q: at %s the clock answered %s (%v)", body, before, answer, err)
		}
	})
}

// control posts a body to the sandbox itself.
func control(s *Sandbox, path, body string) (status int, answer string) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, controlPath+path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}
