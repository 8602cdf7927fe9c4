package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// kindFacts are what sort of key it is and all that was read of it. A key that
// refused to be described has neither.
func (p *page) kindFacts(add func(string, string), a keyrotor.Asset, e Explanation) {
	if e.Assessment.View == keyrotor.ViewUnreadable {
		add("key", "nothing is known of it but its id"+p.dot()+"owner "+p.orDash(a.Owner))
		return
	}
	add("key", kindWords(a.KMS)+p.dot()+"created "+created(a, e.Now)+p.dot()+"owner "+p.orDash(a.Owner))
	p.keyFacts(add, a, e)
}

// keyFacts are what the key is.
func (p *page) keyFacts(add func(string, string), a keyrotor.Asset, e Explanation) {
	k := a.KMS
	if len(k.Aliases) > 1 {
		add("aliases", p.text(strings.Join(k.Aliases, ", ")))
	}
	add("described", p.text(short(k.Description, 200)))
	if k.DeletionDate != nil {
		add("deletion", p.red(When(*k.DeletionDate, e.Now)))
	}
	add("rotation", p.rotationLine(a, e.Now))
	if v := e.Since; v != nil {
		add("since then", p.bold(p.text(v.Found))+", by run "+p.text(string(v.Run))+" and confirmed "+When(v.At, e.Now))
	}
	add("on demand", onDemandWords(k))
	add("material", materialWords(k, e.Now))
	for i, words := range importWords(k.Import, e.Now) {
		add(firstLabel(i, "import"), words)
	}
	if k.MultiRegion != nil {
		add("primary", p.text(k.MultiRegion.Primary))
		if len(k.MultiRegion.Replicas) > 0 {
			add("replicas", p.text(strings.Join(k.MultiRegion.Replicas, ", ")))
		}
	}
	if a.ManagedBy != nil {
		add("made by", p.text(strings.Join(slices.DeleteFunc([]string{a.ManagedBy.Tool, a.ManagedBy.Name, a.ManagedBy.Resource}, func(s string) bool { return s == "" }), " ")))
	}
}

// importWords are what to know of imported material: its end, and whether new
// material can be rotated to.
func importWords(f *keyrotor.ImportFacts, now time.Time) []string {
	var lines []string
	if f != nil && f.ValidTo != nil {
		lines = append(lines, "expires "+When(*f.ValidTo, now))
	}
	switch {
	case f == nil || f.Pending == "":
	case f.AwaitsReplicas:
		lines = append(lines, "new material waits: import the same bytes into every replica first, then rotate on demand")
	default:
		lines = append(lines, "new material waits for its rotation on demand")
	}
	return lines
}

// short cuts long foreign text for a page; the files hold it whole.
func short(t string, most int) string {
	runes := []rune(t)
	if len(runes) <= most {
		return t
	}
	return string(runes[:most]) + "…"
}

func (p *page) rotationLine(a keyrotor.Asset, now time.Time) string {
	words := rotationWords(a)
	if a.KMS.Rotation == nil {
		return words
	}
	if !a.KMS.Rotation.On {
		return p.bold("OFF")
	}
	if a.KMS.Rotation.Next != nil {
		words += p.dot() + "next " + When(*a.KMS.Rotation.Next, now)
	}
	if a.KMS.Rotation.OnDemandStarted != nil {
		words += p.dot() + "on-demand rotation under way since " + When(*a.KMS.Rotation.OnDemandStarted, now)
	}
	return words
}

func onDemandWords(k *keyrotor.KMSFacts) string {
	if k.History == nil {
		return "not known"
	}
	return fmt.Sprintf("%d of %d used", k.History.OnDemand, keyrotor.OnDemandRotationLimit)
}

func materialWords(k *keyrotor.KMSFacts, now time.Time) string {
	since, known := k.MaterialSince()
	if !known {
		return "age unknown: the history was not read"
	}
	rotations := "rotations unknown"
	if k.History != nil {
		rotations = "never rotated"
		if n := len(k.History.Rotations); n > 0 {
			rotations = "rotated " + plural(n, "time")
		}
	}
	id := ""
	if k.Material != nil && k.Material.ID != "" {
		id = ", id " + Clean(short(k.Material.ID, 12))
	}
	return span(now.Sub(since)) + " old, " + rotations + id
}
