package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// controlPath is where the sandbox itself is driven, beside the AWS it shows.
const controlPath = "/_sandbox/"

// lastYear is the last that RFC 3339 can write: behind it, answers hold times that
// no client reads.
const lastYear = 9999

// control serves what a command line user, or a test in another language, can
// do to the sandbox:
//
//	POST   /_sandbox/fault   {"operation":"EnableKeyRotation","times":1,"cut":"after"}
//	DELETE /_sandbox/fault
//	GET    /_sandbox/clock
//	POST   /_sandbox/clock   {"advance":"8760h"}
//	GET    /_sandbox/calls
func (s *Sandbox) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+controlPath+"fault", s.controlFault)
	mux.HandleFunc("DELETE "+controlPath+"fault", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET "+controlPath+"clock", func(w http.ResponseWriter, _ *http.Request) {
		s.controlNow(w)
	})
	mux.HandleFunc("POST "+controlPath+"clock", s.controlClock)
	mux.HandleFunc("GET "+controlPath+"calls", func(w http.ResponseWriter, _ *http.Request) {
		controlJSON(w, http.StatusOK, s.Calls())
	})
	return mux
}

// faultRequest is a Fault as it travels: lower case, and the delay as "1.5s".
type faultRequest struct {
	Service   string  `json:"service"`
	Operation string  `json:"operation"`
	Account   string  `json:"account"`
	Region    string  `json:"region"`
	KeyID     string  `json:"key_id"`
	Skip      int     `json:"skip"`
	Times     int     `json:"times"`
	Code      string  `json:"code"`
	Status    int     `json:"status"`
	Message   string  `json:"message"`
	After     bool    `json:"after"`
	Delay     string  `json:"delay"`
	Cut       CutWhen `json:"cut"`
	Throttle  bool    `json:"throttle"`
	Hang      bool    `json:"hang"`
}

func (s *Sandbox) controlFault(w http.ResponseWriter, r *http.Request) {
	var in faultRequest
	if err := controlInput(r, &in); err != nil {
		controlError(w, err)
		return
	}
	delay, err := duration("delay", in.Delay)
	if err != nil {
		controlError(w, err)
		return
	}
	err = s.Inject(Fault{
		Service: in.Service, Operation: in.Operation, Account: in.Account, Region: in.Region, KeyID: in.KeyID,
		Skip: in.Skip, Times: in.Times, Code: in.Code, Status: in.Status, Message: in.Message, After: in.After,
		Delay: delay, Cut: in.Cut, Throttle: in.Throttle, Hang: in.Hang,
	})
	if err != nil {
		controlError(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sandbox) controlClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Advance string `json:"advance"`
	}
	if err := controlInput(r, &in); err != nil {
		controlError(w, err)
		return
	}
	d, err := duration("advance", in.Advance)
	switch {
	case err != nil:
	case d < 0:
		err = fmt.Errorf("advance: %s: the clock only moves forward", in.Advance)
	case s.clock.Now().Add(d).Year() > lastYear:
		err = fmt.Errorf("advance: %s: the clock goes to the year %d", in.Advance, lastYear)
	}
	if err != nil {
		controlError(w, err)
		return
	}
	s.clock.Advance(d)
	s.controlNow(w)
}

func (s *Sandbox) controlNow(w http.ResponseWriter) {
	controlJSON(w, http.StatusOK, map[string]string{"now": s.clock.Now().UTC().Format(time.RFC3339)})
}

func duration(name, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a duration such as 90s or 8760h", name, text)
	}
	return d, nil
}

func controlInput(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("request body: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("request body: something follows the JSON object")
	}
	return nil
}

func controlError(w http.ResponseWriter, err error) {
	controlJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
}

func controlJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that left is its own affair
}
