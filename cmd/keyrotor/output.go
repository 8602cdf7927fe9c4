package main

import "io"

// output remembers the first error of writing results: a report that did not
// reach a full disk must not end as a success, whoever printed it.
type output struct {
	to     io.Writer
	failed error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.to.Write(b)
	if err != nil && o.failed == nil {
		o.failed = err
	}
	return n, err
}
