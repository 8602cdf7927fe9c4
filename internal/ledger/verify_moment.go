package ledger

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"
)

// mostEstate is how much of an estate's log is held in memory: that of a million
// runs. Of a longer one the files are read one by one, while it may be written.
const mostEstate = 512 << 20

// takeEstate reads the files of the estate's log at one moment, at which no head
// is half added.
func (v *verifier) takeEstate() error {
	defer v.hold()()
	names, err := v.files(estateDir)
	if err != nil {
		return err
	}
	files, total := map[string][]byte{}, 0
	for _, n := range names {
		name := path.Join(estateDir, n)
		data, found, err := v.read(name)
		if err != nil {
			return err
		}
		if found {
			files[name] = data
		}
		if total += len(data); total > mostEstate {
			return nil
		}
	}
	v.estateFiles = files
	return nil
}

// hold keeps writers out of the estate's log for as long as it is read, where its
// lock can be had in a moment: a copy on a medium that knows no locks is checked
// as well.
func (v *verifier) hold() (release func()) {
	f, err := os.Open(filepath.Join(v.root, estateDir, lockName))
	if err != nil {
		return func() {}
	}
	for range 200 {
		if err := lock(f, syscall.LOCK_SH|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return func() { f.Close() }
}
