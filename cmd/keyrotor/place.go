package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// writable is asked before anything is done: a file of the user's must not be
// one of the record, nor in a folder that is not there.
func (s *session) writable(flag, path string) error {
	next := "give another file with --" + flag
	if within(s.state.Dir(), path) {
		return usageNext(next, "--%s %s: is in the state folder %s, where only keyrotor's own record is written", flag, path, s.state.Dir())
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usageNext(next, "--%s: %w", flag, &fs.PathError{Op: "write", Path: path, Err: syscall.EISDIR})
	}
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case err != nil:
		return usageNext(next, "--%s %s: %w", flag, path, err)
	case !info.IsDir():
		return usageNext(next, "--%s %s: %w", flag, path, fmt.Errorf("%s is not a folder", dir))
	}
	return nil
}

// within reports whether a path lies in a folder, or leads into it or through it:
// a link into the folder is as good as a file there, and a link in the folder can
// be turned by whoever writes there.
func within(dir, path string) bool {
	dir = leadsTo(dir)
	for at := absolute(path); ; at = filepath.Dir(at) {
		if rel, err := filepath.Rel(dir, leadsTo(at)); err == nil && filepath.IsLocal(rel) {
			return true
		}
		if at == filepath.Dir(at) {
			return false
		}
	}
}

// leadsTo is where a path leads through links, also where its end is not there
// yet: what is made there is made behind the links.
func leadsTo(path string) string { return follow(absolute(path), mostLinks) }

// mostLinks ends a circle of links, which leads nowhere; systems allow as many.
const mostLinks = 40

func follow(path string, links int) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	dir := filepath.Dir(path)
	if dir == path {
		return path
	}
	if target, err := os.Readlink(path); err == nil && links > 0 {
		if !filepath.IsAbs(target) {
			target = filepath.Join(follow(dir, links-1), target)
		}
		return follow(target, links-1)
	}
	return filepath.Join(follow(dir, links), filepath.Base(path))
}

// absolute leaves a path as it is where the working folder is gone.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
