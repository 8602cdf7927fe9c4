package ledger_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/keyrotor/keyrotor/internal/ledger"
)

// FuzzVerifyFolder changes one file of a whole record. Verify ends in order whatever
// the bytes are, and never calls a changed file whole: lock files hold nothing.
func FuzzVerifyFolder(f *testing.F) {
	f.Add(uint8(0), uint16(10), []byte("x"), uint8(1))
	f.Add(uint8(3), uint16(0), []byte{}, uint8(255))
	f.Add(uint8(7), uint16(65535), []byte("\n"), uint8(0)) // a newline more
	f.Add(uint8(9), uint16(65534), []byte{}, uint8(1))     // the last newline less
	f.Add(uint8(11), uint16(2), []byte(`"a":1,"a":2,`), uint8(0))
	s := small(f)
	files := filesIn(f, s.dir)
	f.Fuzz(func(t *testing.T, which uint8, at uint16, put []byte, drop uint8) {
		name := files[int(which)%len(files)]
		path := filepath.Join(s.dir, name)
		data := read(t, path)
		from := min(int(at), len(data))
		if at == 65534 {
			from = max(0, len(data)-1)
		}
		to := min(from+int(drop), len(data))
		changed := append(append(append([]byte{}, data[:from]...), put...), data[to:]...)
		if bytes.Equal(changed, data) || filepath.Base(name) == "lock" {
			t.Skip("nothing is changed")
		}
		replace(t, path, changed)
		defer replace(t, path, data)
		report, err := ledger.Verify(s.dir, ledger.VerifyOptions{Key: s.key})
		if err == nil && report.OK() && len(report.Notices) == 0 {
			t.Errorf("%s: %d bytes from %d on replaced by %q: called whole", name, drop, from, put)
		}
		if err == nil && report.OK() && !toleratedAfterTheEnd(name, data, changed) {
			t.Errorf("%s: %d bytes from %d on replaced by %q: no fault, only %q", name, drop, from, put, report.Notices)
		}
	})
}

// toleratedAfterTheEnd is what a crash leaves: something unfinished behind a journal.
func toleratedAfterTheEnd(name string, data, changed []byte) bool {
	return filepath.Base(name) == "journal.jsonl" && bytes.HasPrefix(changed, data)
}

func replace(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
