package ledger

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/keyrotor/keyrotor"
)

// tempPrefix marks files that are not in place yet.
const tempPrefix = ".tmp-"

// folder is a folder of the record, which nothing leads out of: the names in a
// journal and the links in a folder are whatever somebody wrote there.
type folder struct{ *os.Root }

// openFolder opens a folder, making it when there is none.
func openFolder(dir string) (folder, error) {
	if err := makeDirs(dir); err != nil {
		return folder{}, cannotWrite(err)
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return folder{}, &keyrotor.Problem{
			Err: errors.Join(fmt.Errorf("%s is a link, or no folder", dir), err), Now: "nothing was read or changed there",
			Next: "put the folder itself in its place: names in the record lead nowhere else",
		}
	}
	root, err := os.OpenRoot(dir)
	return folder{root}, cannotWrite(err)
}

// write puts a file in place whole or not at all, and durably.
func (f folder) write(name string, data []byte) error {
	dir := path.Dir(name)
	if err := f.makeDirs(dir); err != nil {
		return cannotWrite(err)
	}
	tmp, err := f.writeTemp(dir, data)
	if err != nil {
		return cannotWrite(err)
	}
	if err := f.Rename(tmp, name); err != nil {
		_ = f.Remove(tmp)
		return cannotWrite(err)
	}
	return cannotWrite(f.sync(dir))
}

// keep is write for content that is mostly there already: to read is cheaper than
// to write and sync.
func (f folder) keep(name string, data []byte) error {
	if is, err := f.ReadFile(name); err == nil && bytes.Equal(is, data) {
		return nil
	}
	return f.write(name, data)
}

func (f folder) writeTemp(dir string, data []byte) (name string, err error) {
	name = path.Join(dir, tempPrefix+rand.Text())
	tmp, err := f.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		_ = f.Remove(name)
		return "", err
	}
	return name, nil
}

// makeDirs makes a folder and its parents, and makes them last: a file is only
// as durable as the folders above it.
func (f folder) makeDirs(dir string) error {
	if _, err := f.Stat(dir); err == nil {
		return nil
	}
	parent := path.Dir(dir)
	if err := f.makeDirs(parent); err != nil {
		return err
	}
	if err := f.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return f.sync(parent)
}

func (f folder) sync(dir string) error {
	d, err := f.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeTemps removes what killed writers left. The caller holds the lock that
// every writer there holds. That a file stays is no harm.
func (f folder) removeTemps() {
	_ = fs.WalkDir(f.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasPrefix(d.Name(), tempPrefix) {
			_ = f.Remove(name)
		}
		return nil
	})
}

// makeDirs makes a folder outside of any record, with its parents, to last.
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

// cannotRead is a log that is there and cannot be read. No command follows a link
// that leads out of a run's folder.
func cannotRead(dir string, err error) error {
	return &keyrotor.Problem{
		Err:  fmt.Errorf("read the log of the run in %s: %w", dir, err),
		Now:  "nothing was changed by this command",
		Next: "keyrotor evidence verify STATE   says what is wrong with it\nthen put the files themselves in their places, and let them be read",
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
