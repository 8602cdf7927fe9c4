package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/keyrotor/keyrotor"
)

// tempPrefix marks files that are not in place yet.
const tempPrefix = ".tmp-"

// writeFile puts a file in place whole or not at all, and durably.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := makeDirs(dir); err != nil {
		return cannotWrite(err)
	}
	tmp, err := writeTemp(dir, tempPrefix, data)
	if err != nil {
		return cannotWrite(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return cannotWrite(err)
	}
	return cannotWrite(syncDir(dir))
}

// keepFile is writeFile for content that is mostly there already: to read is
// cheaper than to write and sync.
func keepFile(path string, data []byte) error {
	if is, err := os.ReadFile(path); err == nil && bytes.Equal(is, data) {
		return nil
	}
	return writeFile(path, data)
}

func writeTemp(dir, prefix string, data []byte) (string, error) {
	f, err := os.CreateTemp(dir, prefix+"*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// removeTemps removes what killed writers left below dir. The caller holds the
// lock that every writer there holds. That a file stays is no harm.
func removeTemps(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasPrefix(d.Name(), tempPrefix) {
			_ = os.Remove(path)
		}
		return nil
	})
}

// makeDirs makes a folder and its parents, and makes them last: a file is only
// as durable as the folders above it.
func makeDirs(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDirs(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(parent)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// cannotWrite turns a write error into its three parts.
func cannotWrite(err error) error {
	if err == nil {
		return nil
	}
	next := "make the folder writable, then run the same command again"
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		next = "make room on the disk, then run the same command again"
	}
	return &keyrotor.Problem{
		Err:  fmt.Errorf("the record cannot be written: %w", err),
		Now:  "everything recorded before is kept; nothing was started that is not recorded",
		Next: next,
	}
}

// addPatience is how long a writer waits for others to be done with the estate's
// log, each of whom needs well under a second.
const addPatience = 30 * time.Second

// lockWithin is lock with an end to its patience.
func lockWithin(f *os.File, how int, patience time.Duration) error {
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := lock(f, how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Since(start) > patience {
			return err
		}
	}
}

// lock takes the lock of a file as flock's how says. It falls with the file
// descriptor, hence also with a killed process.
func lock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
