package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
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

// check refuses names that would lead out of the folder or into the log. A link in
// the folder that leads out of it is refused by whoever follows it.
func (r *Run) check(name string) error {
	if !fs.ValidPath(name) || name == "." || name == logDir || strings.HasPrefix(name, logDir+"/") {
		return fmt.Errorf("run %s: %q is no name of a file here", r.id, name)
	}
	return nil
}

// Open reads a file; fs.ErrNotExist when it is not there. What is no file, a pipe
// that nobody writes, is an error and not waited for.
func (r *Run) Open(name string) (io.ReadCloser, error) {
	if err := r.check(name); err != nil {
		return nil, err
	}
	f, err := r.open(name)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.id, err)
	}
	return f, nil
}

func (r *Run) open(name string) (*os.File, error) {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: f.Name(), Err: errors.New("is no regular file")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Write replaces a file, whole or not at all. What fill returns as an error
// leaves the old file as it was.
func (r *Run) Write(name string, fill func(io.Writer) error) error {
	if err := r.check(name); err != nil {
		return err
	}
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return cannotWrite(r.dir, err)
	}
	defer root.Close()
	dir := path.Dir(name)
	if err := makeDirs(root, dir); err != nil {
		return cannotWrite(r.dir, err)
	}
	temp := path.Join(dir, ".tmp-"+rand.Text())
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return cannotWrite(r.dir, err)
	}
	defer func() { _ = root.Remove(temp) }() // gone already when the rename went well
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
	if err := root.Rename(temp, name); err != nil {
		return cannotWrite(r.dir, err)
	}
	if err := syncDir(root, dir); err != nil {
		return cannotWrite(r.dir, err)
	}
	return nil
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

// makeDirs makes a folder within a run durable, with its parents.
func makeDirs(root *os.Root, dir string) error {
	if _, err := root.Stat(dir); err == nil {
		return nil
	}
	if err := makeDirs(root, path.Dir(dir)); err != nil {
		return err
	}
	if err := root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(root, path.Dir(dir))
}

func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
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
