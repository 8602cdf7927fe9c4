package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// A refusal and a full disk at once: both are said, and neither hides the other.
func TestWhatFailsBesideThePrintingIsSaidToo(t *testing.T) {
	full := &unprinted{syscall.ENOSPC}
	other := errors.New("the network is gone")
	for name, c := range map[string]struct{ err, want error }{
		"nothing failed":             {nil, nil},
		"only the printing":          {full, nil},
		"the printing, with a place": {fmt.Errorf("write the table: %w", full), nil},
		"only something else":        {other, other},
		"both":                       {errors.Join(full, other), other},
	} {
		t.Run(name, func(t *testing.T) {
			got := beside(c.err)
			if (got == nil) != (c.want == nil) || !errors.Is(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

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
