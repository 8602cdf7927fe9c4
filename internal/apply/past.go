package apply

import (
	"time"

	"github.com/keyrotor/keyrotor"
)

// Past is what earlier turns of the run wrote down, by change. It makes a turn
// more careful, never bolder: what to do next is read from the world.
type Past map[keyrotor.ChangeID]*Memory

// Memory is the past of one change.
type Memory struct {
	Open     map[int]Intent // intents with neither receipt nor refusal, by step
	Receipts map[int]keyrotor.Receipt
	Outcome  *keyrotor.Outcome // the last one

	// heard are the request ids of this turn's calls, by step: those of tries
	// that failed or had no certain answer too, for they may be what did it.
	heard map[int][]string

	// back: this turn is giving consumers back what they had, and neither a
	// guard nor the record stops it.
	back bool
}

func (p Past) memory(id keyrotor.ChangeID) *Memory {
	m := p[id]
	if m == nil {
		m = &Memory{Open: map[int]Intent{}, Receipts: map[int]keyrotor.Receipt{}}
		p[id] = m
	}
	return m
}

// Intended replays an intent.
func (p Past) Intended(i Intent) { p.memory(i.Change).Open[i.Step] = i }

// Abandoned replays a definite refusal.
func (p Past) Abandoned(id keyrotor.ChangeID, step int) { delete(p.memory(id).Open, step) }

// Received replays a receipt.
func (p Past) Received(r keyrotor.Receipt) {
	m := p.memory(r.Change)
	delete(m.Open, r.Step)
	m.Receipts[r.Step] = r
}

// Settled replays an outcome.
func (p Past) Settled(o keyrotor.Outcome) { p.memory(o.Change).Outcome = &o }

// begun reports whether an effect of the change may have happened.
func (m *Memory) begun() bool {
	if len(m.Open) > 0 {
		return true
	}
	for _, r := range m.Receipts {
		if !r.Found {
			return true
		}
	}
	return false
}

// inside reports whether the change was left between the steps of a stretch,
// where some consumer may be locked out.
func (m *Memory) inside(c keyrotor.Change) bool {
	for _, s := range c.Steps {
		if _, open := m.Open[s.Number]; open && m.passed(c, s.Stretch) {
			return true
		}
	}
	return false
}

// passed reports whether the door of a stretch was passed: the intents of all
// its steps are durable, without which none of them was begun.
func (m *Memory) passed(c keyrotor.Change, stretch int) bool {
	for _, s := range c.Steps {
		if s.Stretch == stretch && !m.known(s.Number) {
			return false
		}
	}
	return stretch != 0
}

// known reports whether the step has an open intent or a receipt.
func (m *Memory) known(step int) bool {
	_, open := m.Open[step]
	_, received := m.Receipts[step]
	return open || received
}

func (m *Memory) hear(step int, r keyrotor.Receipt) {
	if m.heard == nil {
		m.heard = map[int][]string{}
	}
	m.heard[step] = append(m.heard[step], r.RequestIDs...)
}

// after is when the step before n was first seen done.
func (m *Memory) after(n int) time.Time { return m.Receipts[n-1].At }
