package aws_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/aws"
)

func TestAnAnswerWithoutAnEndIsAnErrorNotAFullMemory(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		blanks := []byte(strings.Repeat(" ", 1<<20))
		for {
			if _, err := w.Write(blanks); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	useSandboxKeys(t)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	_, err := aws.Open(context.Background(), aws.Config{})
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v, want an error that names the length", err)
	}
}
