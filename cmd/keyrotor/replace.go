package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/keyrotor/keyrotor"
)

// replaceFile writes a file of the user's whole or not at all: beside its place,
// and then into it. A full disk leaves what was there, with its mode and its owner.
// A link stays, and the file that it leads to is replaced.
func replaceFile(path string, write func(io.Writer) error) error {
	at := leadsTo(path)
	was, err := os.Lstat(at)
	switch {
	case err == nil:
		err = regular(at, was)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return err
	}
	f, err := fileBeside(at)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // is gone when all went well
	if err := errors.Join(write(f), likeBefore(f, was), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), at)
}

// fileBeside makes a new file in the folder of another, as open to others as the
// user's umask has it. os.CreateTemp makes one that is closed to all others.
func fileBeside(path string) (*os.File, error) {
	for n := 0; ; n++ {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".keyrotor-%d-%d.tmp", os.Getpid(), n))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// likeBefore gives a file the mode of the one that it replaces, and its owner where
// that is ours to give: root must not take a plan away from who shall sign it.
func likeBefore(f *os.File, was fs.FileInfo) error {
	if was == nil {
		return nil
	}
	if owner, ok := was.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return f.Chmod(was.Mode().Perm())
}

// regular refuses what is no file: opening a pipe waits for somebody who reads, a
// device keeps nothing.
func regular(path string, info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return &fs.PathError{Op: "write", Path: path, Err: syscall.EISDIR}
	case mode&fs.ModeNamedPipe != 0:
		return fmt.Errorf("%s is a pipe, and no file", path)
	case mode&fs.ModeDevice != 0:
		return fmt.Errorf("%s is a device, and no file", path)
	}
	return fmt.Errorf("%s is no file", path)
}

// isReport is how an HTML report of keyrotor begins.
var isReport = regexp.MustCompile(`(?i)^\s*<!doctype html>[^\x00]*<meta name="generator" content="keyrotor"`)

// isPlan is how a plan begins, in whatever way it was laid out.
var isPlan = regexp.MustCompile(`^\s*\{\s*"schema"\s*:\s*"` + regexp.QuoteMeta(keyrotor.SchemaPlan) + `"`)

// ours refuses a file that keyrotor has not written itself, a plan or a report, and
// so would destroy: a mistyped name may be that of a private key. An empty file
// holds nothing that could be lost.
func ours(flag, path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 1<<16))
	switch {
	case err != nil:
		return err
	case len(head) == 0:
		return nil
	case flag == "file" && !isReport.Match(head):
		return fmt.Errorf("%s is there, and is no report of keyrotor", path)
	case flag == "out" && !isPlan.Match(head) && !readsAsPlan(path):
		return fmt.Errorf("%s is there, and is no plan", path)
	}
	return nil
}

// readsAsPlan also knows a plan whose fields somebody has put into another order.
func readsAsPlan(path string) bool {
	_, err := readPlanFile(path)
	var wrong *usageError
	return !errors.As(err, &wrong)
}
