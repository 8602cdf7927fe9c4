package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// How much of a file that a user names is read. Text is what people write by
// hand; a plan holds some 4 kB a change.
const (
	maxText = 16 << 20
	maxPlan = 1 << 30
)

// readInput reads a file that the user named, and no more of it than such a file
// can hold: a mistyped path may be a disk image, a device without an end, or a
// pipe into which nobody writes. A pipe that somebody writes into is read.
func readInput(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // without it, opening a pipe waits for a writer
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tooLarge := fmt.Errorf("%s is larger than %d MB", path, most>>20)
	if info.Mode().IsRegular() && info.Size() > most {
		return nil, tooLarge
	}
	text, err := readSized(io.LimitReader(f, most+1), info)
	switch {
	case err == nil && int64(len(text)) > most:
		err = tooLarge
	case err == nil && len(text) == 0 && info.Mode()&fs.ModeNamedPipe != 0:
		err = fmt.Errorf("%s is a pipe into which nobody writes", path)
	}
	return text, err
}

// readSized reads a file of a known size into memory once. Growing to it, as
// io.ReadAll does, would take three times as much.
func readSized(r io.Reader, info fs.FileInfo) ([]byte, error) {
	var text bytes.Buffer
	if info.Mode().IsRegular() {
		text.Grow(int(info.Size()) + bytes.MinRead)
	}
	_, err := text.ReadFrom(r)
	return text.Bytes(), err
}
