package applytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
)

// ErrFull is what a full Journal answers.
var ErrFull = errors.New("no space left on device")

// Journal keeps the record of a run in memory as lines of JSON, as the ledger
// does on disk: what is not in a line does not survive. The zero Journal is
// ready for use.
type Journal struct {
	// Touch, when set, stands in front of every write and may make it fail;
	// batch tells that the record has several lines.
	Touch func(name string, batch bool, act func() error) error

	mu    sync.Mutex
	lines []string
	read  []line // lines, decoded again from their text
	full  bool
}

// line is one line: exactly one field is set.
type line struct {
	Intent  *apply.Intent     `json:"intent,omitempty"`
	Abandon *abandoned        `json:"abandon,omitempty"`
	Receipt *keyrotor.Receipt `json:"receipt,omitempty"`
	Outcome *keyrotor.Outcome `json:"outcome,omitempty"`
}

type abandoned struct {
	Intent apply.Intent `json:"intent"`
	Reason string       `json:"reason"`
}

// SetFull makes every further write fail, or no longer.
func (j *Journal) SetFull(full bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.full = full
}

// Lines returns what was written, oldest first.
func (j *Journal) Lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// Past replays the lines, as the next turn does.
func (j *Journal) Past() apply.Past {
	past := apply.Past{}
	j.each(func(l line) {
		switch {
		case l.Intent != nil:
			past.Intended(*l.Intent)
		case l.Abandon != nil:
			past.Abandoned(l.Abandon.Intent.Change, l.Abandon.Intent.Step)
		case l.Receipt != nil:
			past.Received(*l.Receipt)
		case l.Outcome != nil:
			past.Settled(*l.Outcome)
		}
	})
	return past
}

func (j *Journal) each(visit func(line)) {
	j.mu.Lock()
	read := slices.Clone(j.read)
	j.mu.Unlock()
	for _, l := range read {
		visit(l)
	}
}

// Intend implements apply.Journal.
func (j *Journal) Intend(_ context.Context, intents ...apply.Intent) error {
	var lines []line
	for _, i := range intents {
		lines = append(lines, line{Intent: &i})
	}
	return j.write("journal.Intend", lines...)
}

// Abandon implements apply.Journal.
func (j *Journal) Abandon(_ context.Context, i apply.Intent, reason string) error {
	return j.write("journal.Abandon", line{Abandon: &abandoned{i, reason}})
}

// Receive implements apply.Journal.
func (j *Journal) Receive(_ context.Context, r keyrotor.Receipt) error {
	return j.write("journal.Receive", line{Receipt: &r})
}

// Settle implements apply.Journal.
func (j *Journal) Settle(_ context.Context, o keyrotor.Outcome) error {
	return j.write("journal.Settle", line{Outcome: &o})
}

func (j *Journal) write(name string, lines ...line) error {
	act := func() error { return j.add(lines...) }
	if j.Touch == nil {
		return act()
	}
	return j.Touch(name, len(lines) > 1, act)
}

func (j *Journal) add(lines ...line) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full {
		return ErrFull
	}
	for _, l := range lines {
		b, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		var again line
		if err := json.Unmarshal(b, &again); err != nil {
			return fmt.Errorf("decode what was just encoded: %w", err)
		}
		j.lines, j.read = append(j.lines, string(b)), append(j.read, again)
	}
	return nil
}

// keep cuts the journal down to its first n lines: a record that was torn.
func (j *Journal) keep(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n = min(n, len(j.lines))
	j.lines, j.read = j.lines[:n], j.read[:n]
}

func (j *Journal) size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.lines)
}
