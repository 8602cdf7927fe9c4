package sandbox

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
)

// answer holds a response back until it is whole, so that a fault can still cut
// the connection after the effect, and head and body leave in one write.
type answer struct {
	header http.Header
	status int
	body   []byte
}

func newAnswer(requestID string) *answer {
	h := make(http.Header, 4)
	h.Set("x-amzn-RequestId", requestID)
	return &answer{header: h, status: http.StatusOK}
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { a.body = append(a.body, p...); return len(p), nil }

// send passes the held answer on.
func (a *answer) send(w http.ResponseWriter) {
	h := w.Header()
	for k, v := range a.header {
		h[k] = v
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that left is its own affair
}

// abort cuts the connection without an answer.
func abort(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close() // the point is that the client sees it closed
		return
	}
	// HTTP/2 has no connection to take over; this is net/http's documented way.
	panic(http.ErrAbortHandler) //nolint:forbidigo // net/http recovers exactly this value
}

// jsonType is the content type of JSON answers.
func (c *call) jsonType() string {
	if c.Protocol == protocolREST {
		return "application/json"
	}
	return "application/x-amz-json-1.1"
}

// fail writes an error in the form of the call's protocol.
func (c *call) fail(w http.ResponseWriter, e *apiError) {
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	switch c.Protocol {
	case protocolQuery, protocolEC2:
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = w.Write(c.xmlError(e)) // held in memory, cannot fail
	default:
		w.Header().Set("Content-Type", c.jsonType())
		w.Header().Set("x-amzn-ErrorType", e.Code)
		w.WriteHeader(status)
		members := map[string]string{"__type": e.Code, "message": e.Message}
		if e.Reason != "" {
			members["Reason"] = e.Reason
		}
		body, _ := json.Marshal(members) // texts only, cannot fail
		_, _ = w.Write(body)
	}
}

func (c *call) xmlError(e *apiError) []byte {
	if c.Protocol == protocolEC2 {
		return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>`,
			xmlText(e.Code), xmlText(e.Message), c.RequestID)
	}
	return fmt.Appendf(nil, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
		xmlText(e.Code), xmlText(e.Message), c.RequestID)
}

func xmlText(s string) string {
	var b xmlBuffer
	_ = xml.EscapeText(&b, []byte(s)) // writing to memory cannot fail
	return string(b)
}

type xmlBuffer []byte

func (b *xmlBuffer) Write(p []byte) (int, error) { *b = append(*b, p...); return len(p), nil }
