package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// writable is asked before anything is done: a file of the user's must not be
// one of the record, nor one that keyrotor reads, nor in a folder that is not there.
// What is there already is replaced only where it is of the same kind.
func (s *session) writable(flag, path string) error {
	next := "give another file with --" + flag
	if within(s.state.Dir(), path) {
		return usageNext(next, "--%s %s: is in the state folder %s, where only keyrotor's own record is written", flag, path, s.state.Dir())
	}
	if what := s.reads(path); what != "" {
		return usageNext(next, "--%s %s: is %s, which keyrotor reads", flag, path, what)
	}
	if info, err := os.Stat(path); err == nil {
		if err := regular(path, info); err != nil {
			return usageNext(next, "--%s: %w", flag, err)
		}
		if err := ours(flag, path); err != nil {
			return usageNext(next, "--%s: %w; nothing else is replaced", flag, err)
		}
	}
	dir := filepath.Dir(leadsTo(path))
	switch info, err := os.Stat(dir); {
	case err != nil:
		return usageNext(next, "--%s %s: %w", flag, path, err)
	case !info.IsDir():
		return usageNext(next, "--%s %s: %w", flag, path, fmt.Errorf("%s is not a folder", dir))
	}
	return nil
}

// reads says what keyrotor reads a file as, whether it is there yet or not; "" for
// any other. The keys that a flag names are told from plans by what is in them.
func (s *session) reads(path string) string {
	files := s.filesRead()
	if key, err := s.ledgerKeyPath(); err == nil { // else whatever seals the record says so
		files = append(files, [2]string{key, "the ledger's key"})
	}
	for _, f := range files {
		if leadsTo(f[0]) == leadsTo(path) || sameFile(f[0], path) {
			return f[1]
		}
	}
	return ""
}

// filesRead are the files that keyrotor reads, but the ledger's key, and what each is.
func (s *session) filesRead() [][2]string {
	files := [][2]string{
		{cmp.Or(s.flags.config, defaultConfigFile), "the configuration"},
		{s.cfg.path(s.cfg.Approval.Signers), "the file of allowed signers"},
		{s.cfg.path(s.cfg.Waivers), "the file of waivers"},
	}
	if s.cfg.Waivers != "" {
		files = append(files, [2]string{s.cfg.path(s.cfg.Waivers) + ".sig", "the signature of the waivers"})
	}
	for _, pack := range s.cfg.Rules {
		if pack != "builtin" {
			files = append(files, [2]string{s.cfg.path(pack), "a rule pack"})
		}
	}
	return slices.DeleteFunc(files, func(f [2]string) bool { return f[0] == "" })
}

// ownFolder is the way out for a state that holds more than the record.
const ownFolder = "give the record a folder of its own: state in the configuration, or --state DIR"

// inState says which of the files that keyrotor reads has its place in the state
// folder, be it there yet or not; "" where none has.
func (s *session) inState() string {
	for _, f := range s.filesRead() {
		if within(s.state.Dir(), f[0]) {
			return fmt.Sprintf("is also the place of %s, %s: who can write the record could change it", f[1], f[0])
		}
	}
	return ""
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
