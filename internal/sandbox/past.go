package sandbox

import (
	"slices"
	"time"
)

// past is a key as it was before its last change, for reads within the
// consistency window (Options.Consistency). Writes and cryptography always
// see the key as it is.
type past struct {
	until time.Time
	was   *key // nil: it was not there yet
}

// changes notes that a key is about to change. Only the first change of a
// window is noted: reads go from the state before it to the state after all.
func (k *key) changes(now time.Time) {
	window := k.region.account.s.opts.Consistency
	if window <= 0 {
		return
	}
	for _, m := range k.relatives() {
		if m.past == nil || !now.Before(m.past.until) {
			m.past = &past{until: now.Add(window), was: m.snapshot()}
		}
	}
}

// born notes that a key was not there before.
func (k *key) born(now time.Time) {
	if window := k.region.account.s.opts.Consistency; window > 0 {
		k.past = &past{until: now.Add(window)}
	}
}

// seen is what a read sees of the key: nil while it is too new.
func (k *key) seen(now time.Time) *key {
	if k.past == nil || !now.Before(k.past.until) {
		return k
	}
	return k.past.was
}

// relatives are the keys that share k's core, k included.
func (k *key) relatives() []*key {
	if k.family == nil {
		return []*key{k}
	}
	return k.family.members
}

// snapshot copies a key. Slices and families are replaced on change, never
// changed in place, so that sharing them is safe.
func (k *key) snapshot() *key {
	was := *k
	c := *k.core
	c.generation = slices.Clone(c.generation)
	was.core = &c
	was.past = nil
	return &was
}
