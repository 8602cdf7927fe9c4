package sandbox

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// The life of a key's material
//
//	CreateKey ──▶ generation 0 ──automatic, every period──▶ 1 ──on demand──▶ 2 …
//
// Automatic rotations are worked out when the key is next looked at (settle):
// each that fell due meanwhile becomes a generation with the date on which it fell
// due. An on-demand rotation is under way from asked until done, and the
// earlier generation serves until then. Imported keys have no automatic
// rotation; their next generation is the one imported with NEW_KEY_MATERIAL.

const day = 24 * time.Hour

// rotation is the automatic rotation of a key, and the on-demand one under way.
type rotation struct {
	on     bool
	period int32     // days
	next   time.Time // of the automatic one
	asked  time.Time // zero: no on-demand rotation under way
	done   time.Time
}

func (r *rotation) every() time.Duration { return time.Duration(r.period) * day }

// settle performs what fell due until now: deletion is seen to by the Region.
func (k *key) settle(now time.Time) {
	p := k.leader()
	rot := &k.rotation
	for !rot.asked.IsZero() && !now.Before(rot.done) {
		if rot.on && p.rotates() && rot.next.Before(rot.done) {
			k.rotate(rot.next, types.RotationTypeAutomatic)
			rot.next = rot.next.Add(rot.every())
			continue
		}
		k.rotate(rot.done, types.RotationTypeOnDemand)
		rot.asked = time.Time{}
	}
	for rot.on && p.rotates() && !now.Before(rot.next) {
		k.rotate(rot.next, types.RotationTypeAutomatic)
		rot.next = rot.next.Add(rot.every())
	}
}

// leader is the key whose state governs rotation: the primary of a family.
func (k *key) leader() *key {
	if k.family != nil {
		return k.family.primary
	}
	return k
}

// rotates says whether nothing about the key holds its rotations up.
func (k *key) rotates() bool {
	return k.enabled && k.deletion.IsZero() && k.deletionWindow == 0 && k.forced == ""
}

// catchUp is for a key that comes back from being disabled or from pending
// deletion: a rotation missed meanwhile happens at once, and once only.
func (k *key) catchUp(now time.Time) {
	if k.leader() != k || !k.rotation.on || now.Before(k.rotation.next) {
		return
	}
	k.rotate(now, types.RotationTypeAutomatic)
	k.rotation.next = now.Add(k.rotation.every())
}

// rotate makes the next generation current.
func (c *core) rotate(at time.Time, kind types.RotationType) {
	if c.current+1 < len(c.generation) { // imported and waiting
		c.current++
		// A new value, for the old one may still be shown by a stale read.
		g := *c.generation[c.current]
		g.at, g.kind = at, kind
		c.generation[c.current] = &g
		return
	}
	secret := nextSecret(c.generation[c.current].secret)
	c.generation = append(c.generation, &generation{secret: secret, at: at, kind: kind})
	c.current = len(c.generation) - 1
}

// onDemandCount is how many of the on-demand rotations of a key's life are used,
// the one under way included.
func (c *core) onDemandCount() int {
	n := 0
	for _, g := range c.generation[:min(c.current+1, len(c.generation))] {
		if g.kind == types.RotationTypeOnDemand {
			n++
		}
	}
	if !c.rotation.asked.IsZero() {
		n++
	}
	return n
}
