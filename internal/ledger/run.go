package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/keyrotor/keyrotor"
)

const (
	logDir      = "log"
	journalName = "journal.jsonl"
)

// Run is the log of one run, open for its one writer. Its methods may be called
// concurrently.
type Run struct {
	id  keyrotor.RunID
	in  folder // the run's
	now func() time.Time

	// writing is held by whoever writes the journal or seals; the fields below
	// it are the journal's durable state and belong to the holder.
	writing sync.Mutex
	file    *os.File
	size    int64 // bytes known to be durable
	next    int64 // number of the next entry
	chain   string
	tree    tree            // of the entries, as they were when they were read or written
	placed  map[string]bool // files that this writer saw come into place
	beside  string          // the estate's head, for seals to name
	failed  bool            // the last entry is a seal whose checkpoint could not be written
	broken  error           // set when the file's state is not known any more

	// Entries wait here while another batch is being synced: one fsync serves
	// all that came meanwhile.
	queueing sync.Mutex
	queue    []*waiting
}

// largestSeq has as many digits as any number that an entry will get.
const largestSeq = 1<<53 - 1

type waiting struct {
	entry Entry
	done  bool // guarded by Run.writing
	err   error
}

// OpenRun opens the log of the run in folder dir (<state>/runs/<id>), making it
// when there is none. While it is open nobody else can open it: a second one is
// refused with *keyrotor.Refusal. A line that a crash left unfinished was never
// acknowledged; it is cut off, and an entry says so. Anything else that does
// not fit is an error.
func OpenRun(dir string, run keyrotor.RunID, now func() time.Time) (*Run, error) {
	in, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	r := &Run{id: run, in: in, now: now, placed: map[string]bool{}}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return r, nil
}

func (r *Run) open() error {
	if err := r.in.makeDirs(logDir); err != nil {
		return cannotWrite(err)
	}
	f, err := r.in.OpenFile(path.Join(logDir, journalName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return cannotWrite(err)
	}
	if err := lock(f, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return &Busy{Run: r.id}
		}
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	r.file = f
	if err := r.recover(); err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// Begun reports whether the run in folder dir has a log.
func Begun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, logDir, journalName))
	return err == nil
}

// Busy says that another process writes the run's log. It is a *keyrotor.Refusal
// to who does not look for it.
type Busy struct{ Run keyrotor.RunID }

func (b *Busy) Error() string { return b.Unwrap().Error() }

// Unwrap is the refusal that people see.
func (b *Busy) Unwrap() error {
	return &keyrotor.Refusal{
		What: "run " + string(b.Run) + " is in use",
		Why:  []string{"another keyrotor process is writing its record"},
		Now:  "nothing was changed by this command; the other process goes on",
		Next: "wait for the other process to end, then run the same command again",
	}
}

// recover reads the journal to its end and cuts off an unfinished last line.
func (r *Run) recover() error {
	torn, err := r.readBack()
	if err != nil {
		return err
	}
	if err := r.fitsCheckpoint(); err != nil {
		return err
	}
	if _, err := r.file.Seek(r.size, io.SeekStart); err != nil {
		return err
	}
	if err := r.in.sync(logDir); err != nil {
		return cannotWrite(err)
	}
	// A crash may have come between write and sync: what was read back counts
	// from here on, so it must last.
	if err := r.file.Sync(); err != nil {
		return cannotWrite(err)
	}
	if torn == 0 {
		return nil
	}
	if err := r.cutBack(); err != nil {
		return cannotWrite(err)
	}
	return r.Append(context.Background(), Entry{
		Type: TypeNote,
		Text: fmt.Sprintf("recovered after an interruption: %d bytes of an unfinished, never acknowledged line were cut off", torn),
	})
}

// readBack sets the durable state from the file and returns how many bytes of
// an unfinished line stand behind it.
func (r *Run) readBack() (torn int64, err error) {
	lines := bufio.NewReaderSize(r.file, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return int64(len(line)), nil
		}
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", r.file.Name(), err)
		}
		chain, err := r.accept(line[:len(line)-1])
		if err != nil {
			return 0, &keyrotor.Problem{
				Err:  fmt.Errorf("%s:%d: %w", r.file.Name(), r.next+1, err),
				Now:  "the record of this run is damaged; nothing was changed by this command",
				Next: "keyrotor evidence verify STATE",
			}
		}
		r.chain = chain
		r.next++
		r.size += int64(len(line))
	}
}

// accept takes a line into the tree that fits the ones before it.
func (r *Run) accept(line []byte) (chain string, err error) {
	e, bare, err := readEntry(line)
	if err != nil {
		return "", err
	}
	if e.Seq != r.next || e.Chain != chainOf(r.chain, bare) {
		return "", errors.New("entry was changed, or one before it is missing")
	}
	if e.Type == TypeArtifact {
		if err := artifactName(e.Artifact); err != nil {
			return "", err
		}
	}
	return e.Chain, r.tree.add(line)
}

// fitsCheckpoint refuses a journal that is shorter than what was sealed: lines
// that were acknowledged are gone.
func (r *Run) fitsCheckpoint() error {
	sealed, err := readSeal(r.in, logDir)
	if err != nil {
		return err
	}
	if sealed.size > r.next {
		return &keyrotor.Problem{
			Err:  fmt.Errorf("%s has %d whole lines, its checkpoint covers %d", r.file.Name(), r.next, sealed.size),
			Now:  "acknowledged lines of the record are missing; nothing was changed by this command",
			Next: "keyrotor evidence verify STATE",
		}
	}
	return nil
}

// Append makes an entry durable. When it returns nil the entry is on disk; when
// it returns an error the caller must not go on to the effect. Seq, Schema,
// Version and Chain are filled in; At too, when it is zero. After an error the
// log is as before, and Append may be tried again.
func (r *Run) Append(ctx context.Context, e Entry) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("record %s: %w", e.Type, err)
	}
	if e.At.IsZero() {
		e.At = r.now()
	}
	// An entry that cannot be written must not take a whole batch with it.
	if _, _, err := e.encode(largestSeq, ""); err != nil {
		return fmt.Errorf("record %s: %w", e.Type, err)
	}
	w := &waiting{entry: e}
	r.queueing.Lock()
	r.queue = append(r.queue, w)
	r.queueing.Unlock()

	r.writing.Lock()
	defer r.writing.Unlock()
	if !w.done {
		r.flush()
	}
	return w.err
}

// flush writes all that waits. The caller holds writing.
func (r *Run) flush() {
	r.queueing.Lock()
	batch := r.queue
	r.queue = nil
	r.queueing.Unlock()
	err := r.write(batch)
	for _, w := range batch {
		w.done, w.err = true, err
	}
}

// write appends a batch with one fsync. It moves the durable state only when all
// went well; otherwise it takes back what it wrote.
func (r *Run) write(batch []*waiting) error {
	if r.broken != nil {
		return r.broken
	}
	if r.failed && len(batch) > 0 { // that seal is none
		batch = append([]*waiting{{entry: Entry{Type: TypeFound, At: r.now(), Found: 1}}}, batch...)
	}
	var buf bytes.Buffer
	next, chain := r.next, r.chain
	for _, w := range batch {
		line, c, err := w.entry.encode(next, chain)
		if err == nil {
			err = r.tree.add(line)
		}
		if err != nil {
			r.tree.cut(r.next)
			return fmt.Errorf("record %s: %w", w.entry.Type, err)
		}
		buf.Write(line)
		buf.WriteByte('\n')
		next, chain = next+1, c
	}
	if _, err := r.file.WriteAt(buf.Bytes(), r.size); err != nil {
		return r.takeBack(err)
	}
	if err := r.file.Sync(); err != nil {
		return r.takeBack(err)
	}
	if err := r.inPlace(); err != nil {
		r.tree.cut(r.next)
		r.broken = err
		return err
	}
	r.next, r.chain, r.size = next, chain, r.size+int64(buf.Len())
	r.failed = r.failed && len(batch) == 0
	return nil
}

// inPlace holds the file that is written against the one that its name leads to:
// what is written into a file that somebody removed is gone when we end.
func (r *Run) inPlace() error {
	ours, err := r.file.Stat()
	if err != nil {
		return cannotWrite(err)
	}
	theirs, err := r.in.Stat(path.Join(logDir, journalName))
	if err == nil && os.SameFile(ours, theirs) {
		return nil
	}
	return &keyrotor.Problem{
		Err:  errors.Join(fmt.Errorf("the record cannot be written: %s was removed or replaced while this command wrote it", r.file.Name()), err),
		Now:  "no further change is begun; what was done is in no record that is left",
		Next: "keyrotor evidence verify STATE   says what else is gone\nput the run's folder back from a copy; without one:\nkeyrotor scan   sees how the keys are now",
	}
}

// takeBack returns the file to its durable state after a failed write. After a
// failed sync the kernel may count lost pages as written, so nothing is synced a
// second time: the bytes are cut off and written anew by the next try.
func (r *Run) takeBack(cause error) error {
	r.tree.cut(r.next)
	if err := r.cutBack(); err != nil {
		r.broken = cannotWrite(errors.Join(cause, err))
		return r.broken
	}
	return cannotWrite(cause)
}

func (r *Run) cutBack() error { return r.file.Truncate(r.size) }

// Entries calls fn for each entry in order, up to what is durable now.
func (r *Run) Entries(fn func(Entry) error) error {
	r.writing.Lock()
	size, t := r.size, r.tree // what is appended meanwhile is behind both
	r.writing.Unlock()
	return entriesOf(r.file, size, t.hash, fn)
}

// entriesUpTo reads the entries again and holds each against the tree: the file may
// be another by now than the one that was opened.
func (r *Run) entriesUpTo(size int64, fn func(Entry) error) error {
	return entriesOf(r.file, size, r.tree.hash, fn)
}

// entriesOf reads the whole lines among the first bytes of a journal. Where their
// hashes are given, each has to fit its own, and none may lack.
func entriesOf(f *os.File, size int64, hash func(int64) (tlog.Hash, bool), fn func(Entry) error) error {
	n, read := int64(0), int64(0)
	for line, err := range linesOf(f, size) {
		if err != nil {
			return err
		}
		if want, known := hash(n); known && tlog.RecordHash(line) != want {
			return fmt.Errorf("%s:%d: it is not the line that was there when the log was opened", f.Name(), n+1)
		}
		n, read = n+1, read+int64(len(line))+1
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("%s:%d: %w", f.Name(), n, err)
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	if _, known := hash(n); known && read < size {
		return fmt.Errorf("%s: ends after line %d, and had more when the log was opened", f.Name(), n)
	}
	return nil
}

// asItIs holds entries against nothing.
func asItIs(int64) (tlog.Hash, bool) { return tlog.Hash{}, false }

// linesOf are the whole lines among the first bytes of a journal, each valid until
// the next.
func linesOf(f *os.File, size int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		lines := bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 2*maxEntry)
		for {
			line, err := lines.ReadSlice('\n')
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("read %s: %w", f.Name(), err))
				return
			}
			if !yield(line[:len(line)-1], nil) {
				return
			}
		}
	}
}

// Empty reports whether nothing was ever written to the log.
func (r *Run) Empty() bool {
	r.writing.Lock()
	defer r.writing.Unlock()
	return r.next == 0
}

// Close gives the log free for another writer.
func (r *Run) Close() error {
	r.writing.Lock()
	defer r.writing.Unlock()
	if r.broken == nil {
		r.broken = errors.New("the run's log is closed")
	}
	return errors.Join(r.file.Close(), r.in.Close())
}
