package aws

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// wire carries one attempt of one call, whole: the request's body leaves from
// memory, the answer's body arrives in memory, each half of it in limited time.
//
// From memory, because smithy-go closes the body as soon as the response headers
// arrive, and its reader then reports io.EOF from WriteTo, which net/http takes
// for a failed write: it closes the connection, some answers with it. A plain
// byte reader leaves in one write with the headers, before any answer.
//
// Into memory, because all our answers are small, a connection that goes silent
// after the headers must not hold a key for ever, and the connection is free
// for the next call while this answer is being decoded.
//
// The limits are the transport's for the headers and a timer's for the body: a
// context with a deadline, made for each of a million calls below one parent, costs
// a scan 3 % of its processor time.
//
// It stands in for http.Client, of which a signed request needs nothing: no
// redirects, no cookies.
type wire struct {
	transport *http.Transport
	timeout   time.Duration
}

// newWire takes over the SDK's transport. Timeout is how long the headers of an
// answer may take from when the request has left, and its body from then.
func newWire(tr *http.Transport, inFlight int, timeout time.Duration) *wire {
	tr.ResponseHeaderTimeout = timeout
	tr.MaxIdleConns = 0 // as many as all hosts together need
	tr.MaxIdleConnsPerHost = inFlight + 8
	return &wire{tr, timeout}
}

// Do implements the SDK's HTTPClient.
func (w *wire) Do(req *http.Request) (*http.Response, error) {
	body, err := requestBody(req)
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	sent := req.WithContext(req.Context()) // a copy: the caller's request is its own
	sent.Body, sent.ContentLength = http.NoBody, 0
	if len(body) > 0 {
		sent.Body, sent.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	resp, err := w.transport.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	silent := time.AfterFunc(w.timeout, func() { resp.Body.Close() }) // ends the reading
	answer, err := readAll(resp.Body, resp.ContentLength)
	if !silent.Stop() && err != nil {
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	return resp, nil
}

func requestBody(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	return readAll(req.Body, req.ContentLength)
}

// presized is how much is allocated on the word of a Content-Length alone.
const presized = 1 << 20

// longestAnswer is more than any answer of AWS that is read here (6 MB); what is
// longer does not come from AWS.
const longestAnswer = 16 << 20

func readAll(r io.Reader, length int64) ([]byte, error) {
	if length <= 0 || length > presized {
		b, err := io.ReadAll(io.LimitReader(r, longestAnswer+1))
		if err == nil && len(b) > longestAnswer {
			err = fmt.Errorf("longer than %d MB", longestAnswer>>20)
		}
		return b, err
	}
	b := make([]byte, length)
	_, err := io.ReadFull(r, b)
	return b, err
}
