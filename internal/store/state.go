package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// State is a state folder.
type State struct{ dir string }

// Open names the state folder. It is made by the first write, so that commands
// that only read leave nothing behind.
func Open(dir string) (*State, error) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return nil, &keyrotor.Problem{Err: fmt.Errorf("the state %s is not a folder", dir), Now: "nothing was read or changed", Next: "give another --state DIR"}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the state: %w", err)
	}
	return &State{dir: dir}, nil
}

// Dir is the folder.
func (s *State) Dir() string { return s.dir }

func (s *State) runs() string { return filepath.Join(s.dir, "runs") }

// runName is the shape of a run id: when it began, and four hex digits.
var runName = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}$`)

// runStamp is the layout of the first part.
const runStamp = "20060102T150405Z"

// NewRun makes the folder of a new run. Ids sort in the order in which runs
// began: one that begins in the same second as the latest, or under a clock that
// was set back, is named for the second after the latest.
func (s *State) NewRun(now time.Time, random io.Reader) (*Run, error) {
	if err := makeFolder(s.runs()); err != nil {
		return nil, cannotWrite(s.dir, err)
	}
	ids, err := s.Runs()
	if err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		stamp, _, _ := strings.Cut(string(ids[len(ids)-1]), "-")
		latest, err := time.Parse(runStamp, stamp)
		if err == nil && now.Before(latest.Add(time.Second)) {
			now = latest.Add(time.Second)
		}
	}
	for {
		var tail [2]byte
		if _, err := io.ReadFull(random, tail[:]); err != nil {
			return nil, fmt.Errorf("name a run: %w", err)
		}
		id := keyrotor.RunID(now.UTC().Format(runStamp) + "-" + hex.EncodeToString(tail[:]))
		r := &Run{id: id, dir: filepath.Join(s.runs(), string(id))}
		err := os.Mkdir(r.dir, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, cannotWrite(s.dir, err)
		}
		if err := syncFolder(s.runs()); err != nil {
			return nil, cannotWrite(s.dir, err)
		}
		return r, nil
	}
}

// Run opens an existing run; keyrotor.ErrNotFound when there is none.
func (s *State) Run(id keyrotor.RunID) (*Run, error) {
	if !runName.MatchString(string(id)) {
		return nil, fmt.Errorf("%q is no run id such as 20261121T101502Z-5f3c: %w", string(id), keyrotor.ErrNotFound)
	}
	dir := filepath.Join(s.runs(), string(id))
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("run %s is not in %s: %w", id, s.dir, keyrotor.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open run %s: %w", id, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("open run %s: %s is a link, or no folder", id, dir)
	}
	return &Run{id: id, dir: dir}, nil
}

// Runs are the ids of all runs, oldest first.
func (s *State) Runs() ([]keyrotor.RunID, error) {
	entries, err := os.ReadDir(s.runs())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	var ids []keyrotor.RunID
	for _, e := range entries {
		if e.IsDir() && runName.MatchString(e.Name()) {
			ids = append(ids, keyrotor.RunID(e.Name()))
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Latest is the newest run; keyrotor.ErrNotFound when there is none.
func (s *State) Latest() (*Run, error) {
	ids, err := s.Runs()
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no run in %s: %w", s.dir, keyrotor.ErrNotFound)
	}
	return s.Run(ids[len(ids)-1])
}

// makeFolder makes a folder durable with all its parents.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(dir))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
