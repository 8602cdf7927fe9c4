package aws

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
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
// Into memory, because all our answers are small (see longest), a connection that goes silent
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

// within is a wire of its own connections with less time, or as much.
func (w *wire) within(timeout time.Duration) *wire {
	tr := w.transport.Clone()
	timeout = min(w.timeout, timeout)
	tr.ResponseHeaderTimeout = timeout
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
	arriving := resp.Body // by a name of its own: the timer may still look at it when resp has another
	defer arriving.Close()
	silent := time.AfterFunc(w.timeout, func() { arriving.Close() }) // ends the reading
	answer, err := readAll(arriving, resp.ContentLength, longest(req))
	if late := !silent.Stop(); late && err != nil {
		err = os.ErrDeadlineExceeded // what was read whole before the timer's Close is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	resp.Body = newInMemory(answer)
	return resp, nil
}

// inMemory is the body of an answer that has arrived, for who wants to look at it
// without reading it.
type inMemory struct {
	bytes.Reader
	text []byte
}

func newInMemory(text []byte) *inMemory {
	body := &inMemory{text: text}
	body.Reset(text)
	return body
}

// Close implements io.Closer.
func (*inMemory) Close() error { return nil }

func requestBody(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	return readAll(req.Body, req.ContentLength, longestAnswer)
}

// What is longer than this does not come from AWS, and would cost its length for
// each of the keys that are read at once, several times over while it is decoded.
// The longest that AWS can answer, by its quotas and page sizes
// (https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html and
// the API references of the calls), were each character escaped in JSON:
//
//	ListResourceTags   50 tags of 128 and 256 characters           230 kB
//	GetKeyPolicy       32 kB, in one string                        192 kB
//	DescribeKey        8,192 characters of description, replicas   110 kB
//	ListGrants         100 grants, with their constraints          800 kB
//	ListKeyRotations   1,000 rotations of some 400 B               400 kB
//	ListKeys           1,000 keys of some 170 B                    170 kB
//	ListAliases        100 aliases of some 900 B                    90 kB
//
// Organizations, STS, EC2 and the account service answer in pages of some 10 kB.
const (
	longestAnswer    = 1 << 20
	longestKeyAnswer = 256 << 10 // of what KMS tells of one key, but for its lists
)

// longest is the most that is read of the answer to a request.
func longest(req *http.Request) int64 {
	call, ofKMS := strings.CutPrefix(req.Header.Get("X-Amz-Target"), "TrentService.")
	switch call {
	case "ListGrants", "ListKeyRotations", "ListKeys", "ListAliases":
		return longestAnswer
	}
	if ofKMS {
		return longestKeyAnswer
	}
	return longestAnswer
}

// readAll reads no more than most. What tells its length is read into one piece of
// memory, of that length.
func readAll(r io.Reader, length, most int64) ([]byte, error) {
	if length > most {
		return nil, tooLong(most)
	}
	if length > 0 {
		b := make([]byte, length)
		_, err := io.ReadFull(r, b)
		return b, err
	}
	return readGrowing(r, most)
}

// readGrowing reads what does not tell its length, into twice as much memory each
// time, and never into more than most: io.ReadAll would take twice that.
func readGrowing(r io.Reader, most int64) ([]byte, error) {
	b := make([]byte, 0, 4<<10)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > most:
			return nil, tooLong(most)
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, err
		case len(b) == cap(b):
			b = append(make([]byte, 0, min(2*int64(cap(b)), most+1)), b...)
		}
	}
}

func tooLong(most int64) error { return fmt.Errorf("longer than %d kB", most>>10) }
