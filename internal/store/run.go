package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/keyrotor/keyrotor"
)

// Run is the folder of one run.
type Run struct {
	id  keyrotor.RunID
	dir string
}

// ID is the run's id.
func (r *Run) ID() keyrotor.RunID { return r.id }

// Dir is the run's folder.
func (r *Run) Dir() string { return r.dir }

// logDir is the part of the folder that the ledger owns.
const logDir = "log"

// path refuses names that would lead out of the folder or into the log.
func (r *Run) path(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." || name == logDir || strings.HasPrefix(name, logDir+"/") {
		return "", fmt.Errorf("run %s: %q is no name of a file here", r.id, name)
	}
	return filepath.Join(r.dir, filepath.FromSlash(name)), nil
}

// Open reads a file; fs.ErrNotExist when it is not there.
func (r *Run) Open(name string) (io.ReadCloser, error) {
	path, err := r.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.id, err)
	}
	return f, nil
}

// Write replaces a file, whole or not at all. What fill returns as an error
// leaves the old file as it was.
func (r *Run) Write(name string, fill func(io.Writer) error) error {
	path, err := r.path(name)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := makeDirs(dir); err != nil {
		return cannotWrite(r.dir, err)
	}
	f, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return cannotWrite(r.dir, err)
	}
	defer os.Remove(f.Name()) // gone already when the rename went well
	if err := fill(f); err != nil {
		f.Close()
		var full *fs.PathError
		if errors.As(err, &full) && full.Path == f.Name() {
			return cannotWrite(r.dir, err)
		}
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return cannotWrite(r.dir, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return cannotWrite(r.dir, err)
	}
	return syncDir(dir)
}

// List names every file of the run but those of its log, sorted, with slashes.
func (r *Run) List() ([]string, error) {
	var names []string
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(r.dir, path)
		if err != nil {
			return err
		}
		hidden := rel != "." && strings.HasPrefix(d.Name(), ".")
		switch {
		case d.IsDir() && (rel == logDir || hidden):
			return fs.SkipDir
		case d.Type().IsRegular() && !hidden:
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	slices.Sort(names)
	if err != nil {
		return nil, fmt.Errorf("list run %s: %w", r.id, err)
	}
	return names, nil
}

// makeDirs makes a folder durable with all its parents.
func makeDirs(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// cannotWrite names the two causes that people meet.
func cannotWrite(dir string, err error) error {
	next := "look at the folder " + dir
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		next = "make room on the disk of " + dir + ", then the same command again"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		next = "give a folder that can be written with --state DIR"
	}
	return &keyrotor.Problem{Err: fmt.Errorf("write the record: %w", err), Now: "the files that were there are as they were", Next: next}
}
