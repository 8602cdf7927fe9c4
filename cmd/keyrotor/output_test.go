package main

import (
	"bytes"
	"context"
	"syscall"
	"testing"
	"time"
)

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

func TestResultsThatCannotBeWrittenAreNoSuccess(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"a full disk":                    {syscall.ENOSPC, exitBroken},
		"an output that takes all of it": {nil, exitDone},
	} {
		t.Run(name, func(t *testing.T) {
			for _, command := range [][]string{{"rules", "list"}, {"iam-policy"}, {"version"}} {
				var says bytes.Buffer
				p := &program{out: brokenWriter{c.err}, err: &says, env: func(string) string { return "" }, now: time.Now}
				if got := p.run(context.Background(), command); got != c.want {
					t.Errorf("%v: got exit code %d, want %d: %s", command, got, c.want, says.String())
				}
			}
		})
	}
}
