package sandbox

import (
	"errors"
	"net/http"
)

// operation is one call of a JSON service, its types known only inside.
type operation func(c *call) (any, error)

// op makes an operation of a handler over the SDK's own input and output types.
func op[In, Out any](h func(*call, *In) (*Out, error)) operation {
	return func(c *call) (any, error) {
		in := new(In)
		if err := decodeJSON(c.Body, in); err != nil {
			return nil, errf("SerializationException", "%v", err)
		}
		out, err := h(c, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// jsonService serves a table of operations by AWS JSON 1.1, or by REST with all of
// the request in its body.
func jsonService(table map[string]operation) service {
	return func(s *Sandbox, w http.ResponseWriter, r *http.Request, c *call, body []byte) {
		handle, known := table[c.Operation]
		if !known {
			e := errf("UnknownOperationException", "")
			if c.Protocol == protocolREST {
				e.Status = http.StatusNotFound
			}
			c.fail(w, e)
			return
		}
		out, err := handle(c)
		if err != nil {
			e := asAPIError(err)
			if e.Status == http.StatusInternalServerError && c.Service != "kms" {
				e.Code = "InternalFailure"
			}
			c.fail(w, e)
			return
		}
		w.Header().Set("Content-Type", c.jsonType())
		_, _ = w.Write(encodeJSON(out)) // held in memory, cannot fail
	}
}

// asAPIError is the error as AWS would answer it; what is not one is the
// sandbox's own fault.
func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return &apiError{Code: "KMSInternalException", Message: err.Error(), Status: http.StatusInternalServerError}
}
