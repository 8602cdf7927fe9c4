package main

import (
	"fmt"
	"io"
	"os"
)

// How much of a file that a user names is read. Text is what people write by
// hand; a plan holds some 4 kB a change.
const (
	maxText = 16 << 20
	maxPlan = 1 << 30
)

// readInput reads a file that the user named, and no more of it than such a file
// can hold: a mistyped path may be a disk image or a device without an end.
func readInput(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than %d MB", path, most>>20)
	}
	return text, err
}
